"""Points' HTTP: the rider's passbook line by line, staff's view of it, and why an incident paid what it paid."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from services.points.domain.entry import Entry, Passbook
from services.points.domain.incident import Incident, Sighting
from services.points.ports import Views
from shared.errors import NotFound
from shared.web.auth import Caller

After = Annotated[int, Query(ge=0, description="the last number you have")]
Limit = Annotated[int, Query(ge=1, le=200)]

NO_PASSBOOK = "there is no such passbook for you"


class PassbookOut(BaseModel):
    """A passbook in whole points. `entries` is the number of its last line, `digest` the end of its hash chain.

    `account` is the opaque ledger account, null while nothing was ever written. `owed`: points of a reversal that were spent
    already; what comes in pays that first.
    """

    rider: str
    balance: int
    pending: int
    entries: int
    account: str | None
    digest: str
    owed: int = 0


class EntryOut(BaseModel):
    """One line of a passbook with its reasons: rule and versions, evidence (incident, report, event), actor.

    With `account`, all fields that its `digest` covers, so that whoever holds the lines can verify the chain.
    """

    entry: str
    subdistrict: str
    account: str
    number: int
    kind: str
    debit: str
    credit: str
    amount: int
    releases: int
    activity: str
    rule: str
    rule_version: str
    reference_version: str
    reason: str
    incident: str
    report: str
    event: str
    actor: str
    captured_at: datetime
    at: datetime
    balance: int
    pending: int
    previous: str
    digest: str
    about: str
    of_number: int
    owes: int
    format: int


class SightingOut(BaseModel):
    """One report as points counts it."""

    rider: str
    report: str
    captured_at: datetime
    received_at: datetime


class AwardOut(BaseModel):
    """An entry and whose passbook it is in."""

    rider: str
    line: EntryOut


class IncidentPointsOut(BaseModel):
    """Why an incident paid what it paid. `order` is the order of reporters that dispatch froze, empty before that."""

    incident: str
    state: str | None
    activity: str | None
    unpaid: str | None
    resolved_cycle: int | None
    emergency: bool
    sightings: list[SightingOut]
    order: list[SightingOut]
    entries: list[AwardOut]


def router(views: Views) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.get("/passbook", summary="My passbook")
    async def get_my_passbook(caller: Caller) -> PassbookOut:
        return _passbook_out(caller.id, await views.passbook(caller.scope, caller.id))

    @routes.get("/passbook/entries", summary="My passbook line by line, the oldest first")
    async def get_my_entries(caller: Caller, after: After = 0, limit: Limit = 50) -> list[EntryOut]:
        return _lines(await views.entries(caller.scope, caller.id, after, limit) or ())

    @routes.get("/passbooks/{rider}", summary="A rider's passbook")
    async def get_passbook(rider: str, caller: Caller) -> PassbookOut:
        book = await views.passbook(caller.scope, rider)
        if book is None:
            raise NotFound(NO_PASSBOOK)
        return _passbook_out(rider, book)

    @routes.get("/passbooks/{rider}/entries", summary="A rider's passbook line by line, the oldest first")
    async def get_entries(rider: str, caller: Caller, after: After = 0, limit: Limit = 50) -> list[EntryOut]:
        entries = await views.entries(caller.scope, rider, after, limit)
        if entries is None:
            raise NotFound(NO_PASSBOOK)
        return _lines(entries)

    @routes.get("/incidents/{incident_id}/points", summary="Why an incident paid what it paid")
    async def get_incident_points(incident_id: str, caller: Caller) -> IncidentPointsOut:
        found = await views.incident(caller.scope, incident_id)
        if found is None:
            raise NotFound("there is no such incident for you")
        return _incident_out(*found)

    return routes


def _lines(entries: Sequence[Entry]) -> list[EntryOut]:
    return [entry_out(entry) for entry in entries]


def _passbook_out(rider: str, book: Passbook | None) -> PassbookOut:
    if book is None:
        return PassbookOut(rider=rider, balance=0, pending=0, entries=0, account=None, digest="")
    return PassbookOut(
        rider=rider,
        balance=book.balance,
        pending=book.pending,
        entries=book.entries,
        account=book.account,
        digest=book.digest,
        owed=book.owed,
    )


def entry_out(entry: Entry) -> EntryOut:
    """One line as people see it."""
    return EntryOut(
        entry=entry.id, **{field: getattr(entry, field) for field in EntryOut.model_fields if field != "entry"}
    )


def _sighting_out(sighting: Sighting) -> SightingOut:
    return SightingOut(
        rider=sighting.rider,
        report=sighting.report,
        captured_at=sighting.captured_at,
        received_at=sighting.received_at,
    )


def _incident_out(incident: Incident, entries: Sequence[tuple[str, Entry]]) -> IncidentPointsOut:
    resolved = incident.resolved
    return IncidentPointsOut(
        incident=incident.id,
        state=incident.state,
        activity=resolved.activity if resolved else incident.activity,
        unpaid=incident.unpaid,
        resolved_cycle=resolved.cycle if resolved else None,
        emergency=resolved.emergency if resolved else incident.emergency,
        sightings=[_sighting_out(sighting) for sighting in incident.sightings],
        order=[_sighting_out(sighting) for sighting in resolved.sightings] if resolved else [],
        entries=[AwardOut(rider=rider, line=entry_out(entry)) for rider, entry in entries],
    )
