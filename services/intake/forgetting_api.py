"""Forgetting over HTTP: an administrator asks for it, and sees how far it is."""

from datetime import datetime

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict

from services.intake.domain.forgetting import Forgetting, Reason
from services.intake.forgetting import ForgetAccount
from services.intake.ports import Accounts, Forgettings
from shared.errors import NotFound
from shared.mongo.lane import Lane
from shared.pseudonym import Person, Pseudonyms
from shared.web.auth import Caller
from shared.web.correlation import context_of

KAFKA = (
    "数据库清理完成后，消息主题中此前的旧消息到保留期满才消失。 "
    "When the databases are clean, older messages stay in the topics until their retention ends."
)


class ForgetIn(BaseModel):
    """Why: own_wish, left (then the account must have ended), or order of an authority."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


class ForgettingOut(BaseModel):
    """How far it is. `done`: by service, when nothing was left; null while it goes on, which takes at least 15 minutes."""

    asked_at: datetime
    reason: str
    done: dict[str, datetime | None]
    complete: bool
    kafka_until: datetime
    note: str = KAFKA


def router(lane: Lane, accounts: Accounts, forgettings: Forgettings, pseudonyms: Pseudonyms) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.post("/accounts/{account_id}/forget", status_code=202, summary="Forget a person, everywhere and for good")
    async def forget(account_id: str, wish: ForgetIn, request: Request, caller: Caller) -> ForgettingOut:
        person = Person(account_id, pseudonyms.of(account_id))
        context = context_of(request, caller.actor)
        command = ForgetAccount(accounts, person, caller.subdistrict, wish.reason, caller.id, context)
        return _out(await lane.submit(command))

    @routes.get("/accounts/{account_id}/forgetting", summary="How far forgetting a person is")
    async def get_forgetting(account_id: str, caller: Caller) -> ForgettingOut:
        found = await forgettings.find(caller.scope, pseudonyms.of(account_id))
        if found is None:
            raise NotFound("you have no such account that is being forgotten")
        return _out(found)

    return routes


def _out(found: Forgetting) -> ForgettingOut:
    return ForgettingOut(
        asked_at=found.asked_at,
        reason=found.reason,
        done=found.done,
        complete=found.complete,
        kafka_until=found.kafka_until,
    )
