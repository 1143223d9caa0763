"""The sample people of `./run`: the roster goes in through the front door, as an administrator would do it, and one of each
kind gets a login link."""

import asyncio
from pathlib import Path
from typing import Any

import httpx2

ROSTER = "roster.csv"
KINDS = ("administrator", "lead", "staff", "department", "rider")
_SECONDS = 60.0


class PeopleRefused(RuntimeError):
    """Intake did not take the roster or made no link; the text says why."""


async def settle(front: str, administrator: str, roster: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Take the roster over with an administrator's token. Returns what that did, and a link by kind of person.

    Run again it changes nobody, but the links are new and the older ones worth nothing. Raises `PeopleRefused`.
    """
    headers = {"Authorization": f"Bearer {administrator}"}
    async with httpx2.AsyncClient(base_url=f"{front}/intake/v1", headers=headers, timeout=_SECONDS) as http:
        files = {"roster": (roster.name, await asyncio.to_thread(roster.read_bytes))}
        taken = _body(await http.post("/roster", files=files))
        found = {kind: await _first(http, kind) for kind in KINDS}
        return taken, {kind: await _link(http, id_) for kind, id_ in found.items() if id_}


async def _first(http: httpx2.AsyncClient, kind: str) -> str | None:
    page = _body(await http.get("/accounts", params={"role": kind, "status": "active", "limit": 1}))
    return page["accounts"][0]["id"] if page["accounts"] else None


async def _link(http: httpx2.AsyncClient, account: str) -> str:
    return str(_body(await http.post(f"/accounts/{account}/invites"))["link"])


def _body(answer: httpx2.Response) -> dict[str, Any]:
    if not answer.is_success:
        raise PeopleRefused(f"{answer.request.url.path}: {answer.status_code} {answer.text[:300]}")
    return dict(answer.json())
