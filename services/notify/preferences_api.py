"""A rider's own choices over HTTP. Addresses are shown to their owner alone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.notify.contacts import Confirm, PutAddress, PutPreferences, of_form
from services.notify.domain.channel import Kind
from services.notify.domain.delivery import Delivery
from services.notify.domain.preferences import Contacts, Preferences, Topic
from services.notify.ports import Choices, Kept
from shared.errors import Invalid
from shared.ids import NewId
from shared.mongo.lane import Lane
from shared.web.auth import Caller

Personal = Literal["smtp", "sms"]
Language = Literal["zh", "en"]


class PreferencesIn(BaseModel):
    """For each topic the channels beside the inbox; a topic that is left out has none."""

    model_config = ConfigDict(extra="forbid")

    language: Language = "zh"
    channels: dict[Literal["danger", "reports", "points", "notices"], list[Personal]] = Field(default_factory=dict)


class AddressIn(BaseModel):
    """`value`: a mail address (smtp) or a mobile number (sms); null removes it."""

    model_config = ConfigDict(extra="forbid")

    channel: Personal
    value: str | None = Field(max_length=200)


class ConfirmIn(BaseModel):
    """The code that went to the address."""

    model_config = ConfigDict(extra="forbid")

    channel: Personal
    code: str = Field(pattern="^[0-9]{6}$")


class AddressOut(BaseModel):
    """An address; it is used once it is confirmed."""

    channel: str
    value: str
    confirmed: bool


class ChoicesOut(BaseModel):
    """What a rider has chosen. The inbox always has everything."""

    language: str
    channels: dict[str, list[str]]
    addresses: list[AddressOut]


@dataclass(frozen=True, slots=True)
class Own:
    """What the routes work with. `new_code` makes the six digits."""

    lane: Lane
    preferences: Kept[Preferences]
    contacts: Kept[Contacts]
    deliveries: Kept[Delivery]
    choices: Choices
    new_id: NewId
    new_code: Callable[[], str]


def router(own: Own) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")

    async def shown(caller: Caller) -> ChoicesOut:
        preferences, contacts = await own.choices.own(caller.scope)
        return _out(preferences, contacts)

    @routes.get("/preferences", summary="What I want to get beside my inbox, and where")
    async def get_preferences(caller: Caller) -> ChoicesOut:
        return await shown(caller)

    @routes.put("/preferences", summary="Choose channels by topic, and the language")
    async def put_preferences(wish: PreferencesIn, caller: Caller) -> ChoicesOut:
        channels = {Topic(topic): tuple(map(Kind, kinds)) for topic, kinds in wish.channels.items()}
        wanted = of_form(caller.id, caller.subdistrict, wish.language, channels)
        await own.lane.submit(PutPreferences(own.preferences, wanted))
        return await shown(caller)

    @routes.put("/contacts", summary="Where I can be reached; a code goes there")
    async def put_contact(wish: AddressIn, caller: Caller) -> ChoicesOut:
        command = PutAddress(
            own.contacts,
            own.preferences,
            own.deliveries,
            caller.id,
            caller.subdistrict,
            Kind(wish.channel),
            wish.value,
            own.new_code(),
            f"contact|{caller.id}|{own.new_id()}",
        )
        await own.lane.submit(command)
        return await shown(caller)

    @routes.post("/contacts/confirm", summary="The code that came there")
    async def confirm(wish: ConfirmIn, caller: Caller) -> ChoicesOut:
        if not await own.lane.submit(Confirm(own.contacts, caller.id, Kind(wish.channel), wish.code)):
            raise Invalid.field("code", "is not the one that went there, or not valid any more; ask for another one")
        return await shown(caller)

    return routes


def _out(preferences: Preferences | None, contacts: Contacts | None) -> ChoicesOut:
    chosen = preferences.channels if preferences else {}
    return ChoicesOut(
        language=preferences.language if preferences else "zh",
        channels={topic.value: [kind.value for kind in kinds] for topic, kinds in chosen.items()},
        addresses=[
            AddressOut(channel=kind.value, value=address.value, confirmed=address.confirmed)
            for kind, address in sorted(contacts.addresses.items() if contacts else ())
        ],
    )
