"""The pictures of what is near: small, by a signed link alone, whoever took them."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from fastapi import APIRouter

from services.intake import nearby_api
from services.intake.nearby_api import Lookout
from services.intake.policy import UPDATES
from shared.web.policy import Policy
from tests.support.intaking import MemorySpots, photo, place
from tests.support.lanes import running
from tests.support.memory import MemoryTransactor
from tests.support.serving import served
from tests.support.tokens import bearer
from tests.unit.test_intake_api import SIGNER, House

OTHER = bearer(SIGNER.token("rider", "rider-2"))
HERE = {**place(), "scheme": "gb30428", "code": "P0101"}


class Corner(House):
    """With the route that tells what is near."""

    def routers(self) -> list[APIRouter]:
        spots = MemorySpots(self.store)
        return [nearby_api.router(Lookout(spots, self.rules, lambda: self.now, self.links))]

    def policy(self) -> Policy:
        return {"GET /v1/incidents/nearby": UPDATES["GET /v1/incidents/nearby"]}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Corner]:
    store = MemoryTransactor()
    async with running(store) as lane:
        house = Corner(tmp_path, lane, store)
        async with served(house.app()) as client:
            house.client = client
            yield house


async def near(house: Corner) -> dict[str, object]:
    answer = await house.client.get("/v1/incidents/nearby", params=HERE, headers=OTHER)
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["incidents"]
    return dict(found)


async def test_another_riders_photo_is_shown_small_by_its_link_and_not_by_its_address(house: Corner) -> None:
    house.photos.photos["p1"] = photo("p1")
    assert (await house.report(photo_ids=["p1"])).status_code == 201
    link = urlsplit(str((await near(house))["thumb"]))
    path = link.path.removeprefix("/intake")
    shown = await house.client.get(f"{path}?{link.query}")
    assert (shown.status_code, shown.content) == (200, b"thumb")
    large = urlencode({**dict(parse_qsl(link.query)), "size": "full"})
    assert (await house.client.get(f"{path}?{large}")).status_code == 403
    assert await house.get("/v1/photos/p1", OTHER) == 404


async def test_what_has_no_photo_has_no_link(house: Corner) -> None:
    await house.report()
    assert (await near(house))["thumb"] is None
