"""Riders and departments' accounts of the simulation, let in as an administrator lets people in: roster, link, session."""

import asyncio
import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx2

from ops.simulate.doors import Doors, bearer

PARTNER = "simulated"
RIDER, DEPARTMENT = "模拟骑手", "模拟部门"
_AT_ONCE = 8
_HEAD = ("name", "phone", "role", "partner", "number", "department", "status")


class NotLetIn(RuntimeError):
    """The installation did not take the simulated people; the text says why."""


@dataclass(frozen=True, slots=True)
class People:
    """Access tokens of the riders by number, and of departments by code; `riders`: account ids."""

    riders: tuple[str, ...]
    tokens: tuple[str, ...] = field(repr=False)
    departments: Mapping[str, str] = field(repr=False)


async def let_in(doors: Doors, riders: int, departments: Iterable[str]) -> People:
    """The same accounts every time: who was there before is only logged in anew. Raises `NotLetIn`."""
    codes = sorted(departments)
    async with httpx2.AsyncClient(base_url=doors.intake, headers=bearer(doors.administrator), timeout=60.0) as http:
        _body(await http.post("/v1/roster", files={"roster": ("simulated.csv", _roster(riders, codes))}))
        found = await _listed(http)
        numbered = {one["number"]: one["id"] for one in found if one["partner"] == PARTNER}
        crews = {one["department"]: one["id"] for one in found if one["name"] == DEPARTMENT}
        accounts = [numbered[_number(index)] for index in range(riders)]
        gate = asyncio.Semaphore(_AT_ONCE)
        wanted = [*accounts, *(crews[code] for code in codes)]
        tokens = await asyncio.gather(*(_session(http, account, gate) for account in wanted))
    return People(tuple(accounts), tuple(tokens[:riders]), dict(zip(codes, tokens[riders:], strict=True)))


def _number(index: int) -> str:
    return f"S-{index:05}"


def _roster(riders: int, departments: list[str]) -> bytes:
    """Telephone numbers from a range that nobody is given in this sample; they tell one department from the other."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_HEAD)
    writer.writerows((RIDER, "", "rider", PARTNER, _number(index), "", "active") for index in range(riders))
    for index, code in enumerate(departments):
        writer.writerow((DEPARTMENT, f"154{99_000_000 + index:08}", "department", "", "", code, "active"))
    return out.getvalue().encode()


async def _listed(http: httpx2.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        page = _body(await http.get("/v1/accounts", params={"after": after, "limit": 200}))
        found += page["accounts"]
        if page["next"] is None:
            return found
        after = page["next"]


async def _session(http: httpx2.AsyncClient, account: str, gate: asyncio.Semaphore) -> str:
    """A one-time link, and the session that it opens."""
    async with gate:
        link = _body(await http.post(f"/v1/accounts/{account}/invites"))["link"]
        invite = urlsplit(link).fragment.removeprefix("invite=")
        wish = {"invite": invite, "client": "app", "device": "simulate"}
        return str(_body(await http.post("/v1/sessions", json=wish))["access_token"])


def _body(answer: httpx2.Response) -> dict[str, Any]:
    if not answer.is_success:
        raise NotLetIn(f"{answer.request.url.path}: {answer.status_code} {answer.text[:300]}")
    return dict(answer.json())
