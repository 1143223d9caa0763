"""`qianshao trace` of a whole story: every station, in order, by id and by public code."""

import json
from pathlib import Path
from typing import Any

from shared.ids import new_id
from tests.support.checking import qianshao, whole_story, write_down
from tests.support.house import House, eventually

STATIONS = (
    ("intake", "photo"),
    ("intake", "report"),
    ("intake", "incident.reported"),
    ("dispatch", "incident.changed: reported -> triaged"),
    ("dispatch", "incident.changed: triaged -> dispatched"),
    ("dispatch", "order told: offer #1"),
    ("municipal", "update: accepted"),
    ("dispatch", "order told: ack #2"),
    ("municipal", "update: done"),
    ("dispatch", "incident.changed: in_progress -> resolved"),
    ("dispatch", "incident.resolved"),
    ("points", "entry written: post"),
    ("points", "points.awarded: hazard_first"),
    ("notify", "message put: points_awarded"),
)


async def test_the_whole_story_stands_on_one_timeline(house: House, tmp_path: Path) -> None:
    rider = f"rider-{new_id()}"
    story = await whole_story(house, rider)
    poison = f"no event {story.incident}".encode()
    await house.send("intake", "incident-reported", poison, [], key=story.incident.encode())
    await eventually("it is buried", lambda: house.find("dispatch", "dead_letters", {"value": poison}))
    write_down(house, tmp_path)
    status, out, _ = await qianshao(tmp_path, "trace", story.incident, "-o", "json")
    found = json.loads(out)
    stations: list[dict[str, Any]] = found["stations"]
    assert (status, found["incident"], found["code"]) == (0, story.incident, story.code)

    seen = iter(stations)
    for service, what in STATIONS:
        assert any(s["service"] == service and s["what"].startswith(what) for s in seen), f"no {what} in its place"
    seconds = [station["seconds"] for station in stations]
    assert seconds == sorted(seconds)
    assert seconds[0] == 0.0

    reported = _one(stations, "incident.reported")
    assert reported["place"].startswith("incident-reported/")
    assert reported["delay"] >= 0
    assert {*reported["taken"]} == {"dispatch", "points", "notify"}
    assert reported["actor"] == f"rider:{rider}"
    assert _one(stations, "incident.changed: reported")["correlation"] == reported["correlation"]
    assert _one(stations, "dead letter, open: undecodable")["place"].startswith("incident-reported/")


async def test_a_public_code_will_do_and_an_unknown_one_is_told(house: House, tmp_path: Path) -> None:
    story = await whole_story(house, f"rider-{new_id()}")
    write_down(house, tmp_path)
    status, out, _ = await qianshao(tmp_path, "trace", story.code.lower())
    assert status == 0
    assert story.incident in out
    assert "order told: offer #1" in out
    status, _, said = await qianshao(tmp_path, "trace", "ZZZZ-ZZZZ")
    assert status == 2
    assert "ZZZZ-ZZZZ" in said


def _one(stations: list[dict[str, Any]], what: str) -> dict[str, Any]:
    return next(station for station in stations if station["what"].startswith(what))
