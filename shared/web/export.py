"""What a service keeps of a person, as one JSON document: for himself, or for the administrator of his sub-district."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel

from shared.clock import Clock
from shared.errors import NotFound
from shared.web.auth import Caller, Role
from shared.web.policy import EVERY_ROLE, Policy, Reach, allow

Sections = dict[str, list[dict[str, Any]]]
Export = Callable[[str, str | None], Awaitable[Sections]]
"""(account, sub-district) -> what there is of him in it, by kind; None: wherever it lies. Names nobody else."""

AccountId = Annotated[str, Path(max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""It becomes part of an expression to search by, which a zero byte would break."""

POLICY: Policy = {
    "GET /v1/export": allow(
        *EVERY_ROLE, reach=Reach.OWN, zh="导出本服务保存的我的数据", en="all that is kept of me here"
    ),
    "GET /v1/export/{account_id}": allow(
        Role.ADMINISTRATOR,
        reach=Reach.SUBDISTRICT,
        zh="导出本服务保存的某人数据",
        en="all that is kept here of an account",
    ),
}
"""The same in every service; part of each one's table."""


class ExportOut(BaseModel):
    """`sections`: by kind, everything that this service keeps of the account; empty lists where there is nothing."""

    service: str
    account: str
    made_at: datetime
    sections: Sections


def router(service: str, export: Export, clock: Clock) -> APIRouter:
    """The routes; everything they need is handed in. Nothing of it may be cached."""
    routes = APIRouter(prefix="/v1")

    @routes.get("/export", summary="All that is kept of me here")
    async def get_my_export(caller: Caller, response: Response) -> ExportOut:
        response.headers["Cache-Control"] = "no-store"
        return await of(caller.id, None)

    @routes.get("/export/{account_id}", summary="All that is kept here of an account of my sub-district")
    async def get_export(account_id: AccountId, caller: Caller, response: Response) -> ExportOut:
        response.headers["Cache-Control"] = "no-store"
        made = await of(account_id, caller.subdistrict)
        if not any(made.sections.values()):
            raise NotFound("nothing is kept here of such an account in your sub-district")
        return made

    async def of(account: str, subdistrict: str | None) -> ExportOut:
        sections = await export(account, subdistrict)
        return ExportOut(service=service, account=account, made_at=clock(), sections=sections)

    return routes
