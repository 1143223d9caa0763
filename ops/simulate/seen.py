"""What the installation says of a played day: each rider of his reports, the desk of its incidents, and the store of how many."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

import httpx2

from ops.look import Look
from ops.simulate.crews import Crews
from ops.simulate.doors import Doors, Note, bearer
from ops.simulate.people import People
from ops.simulate.phone import Played
from ops.simulate.send import Plan, Send
from ops.simulate.totals import Totals
from ops.simulate.world import World

_AT_ONCE = 8
_AGAIN_SECONDS = 1.0

Body = dict[str, Any]


async def wait_until_mended(
    doors: Doors, people: People, plan: Plan, played: Played, seconds: float, note: Note
) -> dict[int, Body]:
    """Every rider's own view of his report, by the send's number: as soon as all are resolved and paid, or after `seconds`."""
    deadline = asyncio.get_running_loop().time() + seconds
    views: dict[int, Body] = {}
    async with httpx2.AsyncClient(base_url=doors.intake, timeout=30.0) as http:
        while True:
            open_ = [send for send in plan.kept if not _mended(send, views.get(send.number))]
            found = await _all([_view(http, people, send, played) for send in open_])
            views.update({send.number: body for send, body in zip(open_, found, strict=True) if body})
            left = sum(not _mended(send, views.get(send.number)) for send in plan.kept)
            if not left or asyncio.get_running_loop().time() > deadline:
                return views
            note(f"{len(plan.kept) - left} / {len(plan.kept)} 已解决 mended")
            await asyncio.sleep(_AGAIN_SECONDS)


def _mended(send: Send, body: Body | None) -> bool:
    if body is None or body["state"] not in ("resolved", "closed"):
        return False
    return not send.subject.pays or _posted(body)


def _posted(body: Body) -> bool:
    return bool(body["points"]) and body["points"]["state"] == "posted"


async def _view(http: httpx2.AsyncClient, people: People, send: Send, played: Played) -> Body | None:
    report = played.reports.get(send.number)
    return await _read(http, f"/v1/reports/{report}", people.tokens[send.rider]) if report else None


async def _read(http: httpx2.AsyncClient, path: str, token: str) -> Body | None:
    try:
        answer = await http.get(path, headers=bearer(token))
    except httpx2.TransportError:
        return None
    return dict(answer.json()) if answer.is_success else None


async def _all(reads: list[Any]) -> list[Any]:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(read: Any) -> Any:
        async with gate:
            return await read

    return list(await asyncio.gather(*(one(read) for read in reads)))


async def totals(
    doors: Doors, world: World, look: Look, run: str, played: Played, views: Mapping[int, Body], crews: Crews
) -> Totals:
    """The lines of the account as they are now. Raises `ops.look.CannotLook`."""
    found = Counter(played.counts)
    stored = await look.find("intake", "reports", {"text": {"$regex": f"^【模拟 {run} "}}, "incident", "text", "how")
    found["photos"] = len(played.photos)
    found["reports"] = len(stored)
    found["joined"] = sum(report.get("how") == "joined" for report in stored)
    found["incidents"] = len({report["incident"] for report in stored})
    found.update(f"flag:{flag}" for body in views.values() for flag in body["flags"] if flag in _FLAGS)
    found["points"] = sum(map(_posted, views.values()))
    async with httpx2.AsyncClient(base_url=doors.dispatch, timeout=30.0) as http:
        incidents = sorted(set(played.incidents.values()))
        desk = await _all([_read(http, f"/v1/incidents/{id_}", doors.staff) for id_ in incidents])
    found["resolved"] = sum(body is not None and body["state"] in ("resolved", "closed") for body in desk)
    found.update(f"category:{_tile(world, body['category'])}" for body in desk if body)
    found.update({f"orders:{department}": len(orders) for department, orders in crews.told.items()})
    found["told_refused"] = len(crews.refused)
    return found


_FLAGS = frozenset({"needs_location", "location_conflict"})
"""What a plan foresees; others are raised for people to look at, by what else is there."""


def _tile(world: World, category: Mapping[str, str]) -> str:
    return world.reference.categories[category["scheme"], category["code"]].tile
