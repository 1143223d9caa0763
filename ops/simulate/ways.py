"""How each way of reporting is sent."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from ops.simulate.behaviours import PICTURES, Way
from ops.simulate.phone import TRIES, Phone, Unplayable
from ops.simulate.pictures import taken
from ops.simulate.wish import wish

_AGAIN_SECONDS = 0.5

Sending = Callable[[Phone], Awaitable[None]]


async def send(phones: Sequence[Phone]) -> None:
    """One send by its way, or several of one rider as a batch."""
    if len(phones) > 1:
        await _batch(phones)
    else:
        await WAYS.get(phones[0].what.way, _plain)(phones[0])


async def _plain(phone: Phone) -> None:
    await phone.report(await _prepared(phone))


async def _twice(phone: Phone) -> None:
    body = await _prepared(phone)
    await phone.report(body)
    await phone.report(body)


async def _lost(phone: Phone) -> None:
    body = await _prepared(phone)
    await phone.lose(body)
    await phone.report(body)


async def _pictures_only(phone: Phone) -> None:
    await _upload(phone, await _taken(phone))


async def _before_its_photos(phone: Phone) -> None:
    """The report goes first and says which files are to come."""
    raws = await _taken(phone)
    digests = [hashlib.sha256(raw).hexdigest() for raw in raws]
    await phone.report({**wish(phone.what, phone.run, (), datetime.now(UTC)), "awaiting_photos": digests})
    await _upload(phone, raws)


async def _me_too(phone: Phone) -> None:
    """The second at one thing: he is shown what is near, and says that it is the same."""
    first = await phone.played.incident(phone.what.first or 0)
    shown = await phone.near()
    if phone.what.joins and not shown:
        raise Unplayable(f"{phone.what.way} {phone.what.number}: nothing is shown where send {phone.what.first} is")
    # Five are shown at most; where many days were played, an old one may have taken the place of the one he means.
    said = {"asked": True, "join": first} if phone.what.joins else {"asked": True}
    await phone.report({**await _prepared(phone), **said})


WAYS: Mapping[Way, Sending] = {
    Way.TWICE: _twice,
    Way.LOST: _lost,
    Way.AWAITING: _before_its_photos,
    Way.SECOND: _me_too,
    **dict.fromkeys(PICTURES, _pictures_only),
}
"""What is not plain to send."""


async def _batch(phones: Sequence[Phone]) -> None:
    """All that waited for a network in one call; what is told to be sent again goes again, with the rest."""
    bodies = [await _prepared(phone) for phone in phones]
    for _ in range(TRIES):
        answer, _first = await phones[0].ask("/v1/reports/batch", json={"reports": bodies})
        items = answer.json()["reports"] if answer.is_success else []
        if items and all(item["status"] < HTTPStatus.INTERNAL_SERVER_ERROR for item in items):
            return _note(phones, items)
        await asyncio.sleep(_AGAIN_SECONDS)
    raise Unplayable(f"batch of {len(phones)}: {answer.status_code} {answer.text[:300]}")


def _note(phones: Sequence[Phone], items: Sequence[Mapping[str, Any]]) -> None:
    for phone, item in zip(phones, items, strict=True):
        if item["report"] is None:
            phone.refused(item["problem"])
        else:
            phone.told(item["report"], replayed=False)


async def _prepared(phone: Phone) -> dict[str, Any]:
    """The body, once its photos are there."""
    photos = await _upload(phone, await _taken(phone))
    return wish(phone.what, phone.run, photos, datetime.now(UTC))


async def _taken(phone: Phone) -> list[bytes]:
    return [await asyncio.to_thread(taken, picture, phone.run) for picture in phone.what.pictures]


async def _upload(phone: Phone, raws: Sequence[bytes]) -> list[str]:
    found = [await phone.upload(picture, raw) for picture, raw in zip(phone.what.pictures, raws, strict=True)]
    return [photo for photo in found if photo is not None]
