"""A person who is forgotten in the running house: every service removes the name, and `check` still finds nothing wrong."""

from typing import Any

import pytest

from shared.ids import new_id
from tests.support.checking import Story, behind_the_scenes, violations, whole_story
from tests.support.house import House, eventually

HEAD = "姓名,电话,角色,社区,状态"
HELD = {"intake": ("reports", "rider"), "points": ("passbooks", "_id"), "notify": ("recipients", "_id")}
"""Where each service keeps whose it is; dispatch keeps its reporters in a list."""


async def enrolled(house: House, name: str, phone: str) -> str:
    """The account of a new rider, by a roster through the front door."""
    row = f"{name},{phone},骑手,140302003001,active"
    async with house.client("intake", "administrator") as office:
        files = {"roster": ("roster.csv", f"{HEAD}\n{row}\n".encode())}
        taken = await office.post("/v1/roster", files=files)
        assert taken.status_code == 200, taken.text
    (account,) = await house.find("intake", "accounts", {"phone": phone})
    return str(account["_id"])


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_after_a_person_is_forgotten_nobody_names_him_and_check_is_clean(house: House) -> None:
    account = await enrolled(house, "前哨测试", "13912345678")
    gone, stays = await whole_story(house, account), await whole_story(house, f"rider-{new_id()}")
    async with house.client("intake", "administrator") as office:
        asked = await office.post(f"/v1/accounts/{account}/forget", json={"reason": "own_wish"})
        assert asked.status_code == 202, asked.text

    await eventually("no service names him", lambda: nameless(house, account), 120.0)
    await house.settled()
    async with behind_the_scenes(house) as look:
        assert await violations(look, gone, stays) == {}
    async with house.client("points", "rider", sub=stays.rider) as rider:
        assert (await rider.get("/v1/passbook")).json()["balance"] > 0
    assert await balance(house, gone) > 0


async def nameless(house: House, account: str) -> bool:
    found: list[dict[str, Any]] = await house.find("dispatch", "incidents", {"reporters.rider": account})
    for service, (collection, field) in HELD.items():
        found += await house.find(service, collection, {field: {"$in": [account, f"rider:{account}"]}})
    return not found


async def balance(house: House, story: Story) -> int:
    """What the passbook has that the story was paid into, whoever's name is on it."""
    entry, *_ = await house.find("points", "entries", {"incident": story.incident, "kind": "post"})
    (book,) = await house.find("points", "passbooks", {"account": entry["account"]})
    assert book["_id"].startswith("gone-")
    return int(book["balance"])
