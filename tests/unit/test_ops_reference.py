"""`qianshao reference check` and `diff`: every fault, every consequence, and a status that programs can go by."""

import importlib
import json
import os
import shutil
import subprocess
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ops.local import plan
from ops.local.mongo import Database
from ops.local.state import State
from ops.main import app
from ops.reference.beidajie import DIRECTORY
from ops.reference.changes import changes
from shared.reference import ReferenceInvalid, load
from shared.runtime import Process
from tests.support.reference import HILLSIDE, copy_of_sample, edit

GEOJSON = "subdistrict-140302003.geojson"
RUNNER = CliRunner()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return copy_of_sample(tmp_path)


def run(*arguments: object) -> tuple[int, str]:
    result = RUNNER.invoke(app, ["reference", *map(str, arguments)], env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def run_json(*arguments: object) -> tuple[int, dict[str, Any]]:
    status, said = run(*arguments, "-o", "json")
    return status, json.loads(said)


def test_a_sound_directory_is_counted_and_named_by_its_version() -> None:
    status, told = run_json("check", DIRECTORY)
    assert status == 0
    assert told["version"] == load(DIRECTORY).version
    counts = told["counts"]
    assert [counts[level] for level in ("subdistricts", "communities", "basic_grids", "micro_grids")] == [1, 9, 50, 321]
    assert any("SYNTHETIC" in note for note in told["notes"])
    status, said = run("check", DIRECTORY)
    assert status == 0
    assert load(DIRECTORY).version in said.replace("\n", "")


def test_every_fault_is_shown_with_file_place_and_reason(directory: Path) -> None:
    edit(directory, "categories.yaml", "radius_m: 25", "radius_m: 0")
    edit(directory, "points.yaml", "pays: [20]", "pays: [21]")
    status, told = run_json("check", directory)
    assert (status, told["sound"]) == (1, False)
    assert {(fault["file"], fault["where"]) for fault in told["faults"]} == {
        ("categories.yaml", "categories.0 (P0101).radius_m"),
        ("points.yaml", "cases.hazard.6"),
    }
    status, said = run("check", directory)
    assert status == 1
    assert "categories.0 (P0101).radius_m" in said
    assert "expected [21], got [20]" in said


def test_what_is_not_wrong_but_should_be_known_is_a_note(directory: Path) -> None:
    shutil.copytree(HILLSIDE, directory, dirs_exist_ok=True)
    (directory / "calendar-2026.yaml").unlink()
    notes = run_json("check", directory)[1]["notes"]
    assert any("home-uphill" in note and "advice" in note for note in notes)
    assert any("without a home: 650102007012" in note for note in notes)
    assert any(note.startswith("calendar-") for note in notes)


def test_a_hole_between_micro_grids_is_a_note_with_its_size_and_place(directory: Path) -> None:
    # A corner in the middle of the sub-district moves in one of the three tiles that meet there.
    text = (directory / GEOJSON).read_text(encoding="utf-8")
    lines = text.splitlines()
    corner = "[113.569432,37.868325]"
    number = next(n for n, line in enumerate(lines) if corner in line and "00103" in line)
    lines[number] = lines[number].replace(corner, "[113.5692,37.8682]")
    (directory / GEOJSON).write_text("\n".join(lines), encoding="utf-8")
    notes = run_json("check", directory)[1]["notes"]
    assert any("m2 不属于任何微网格" in note and "113.569" in note for note in notes), notes


def test_no_directory_is_no_answer(tmp_path: Path) -> None:
    assert run("check", tmp_path / "nowhere")[0] == 2
    assert run("diff", DIRECTORY, tmp_path / "nowhere")[0] == 2


def test_the_same_directory_twice_is_no_difference(directory: Path) -> None:
    status, told = run_json("diff", DIRECTORY, directory)
    assert status == 0
    assert (told["data"], told["ground"], told["routes"]) == ([], [], [])
    assert "无差异" in run("diff", DIRECTORY, directory)[1]


def test_an_unsound_side_is_named(directory: Path) -> None:
    edit(directory, "points.yaml", "pays: [20]", "pays: [21]")
    status, said = run("diff", DIRECTORY, directory)
    assert status == 2
    assert str(directory) in said.replace("\n", "")


def test_a_change_of_data_is_shown_line_by_line(directory: Path) -> None:
    edit(directory, "categories.yaml", "class: N, limit: {value: 4, unit: wh}", "class: N, limit: {value: 6, unit: wh}")
    edit(directory, "departments.yaml", "en: Gas supply, contact: inbox", "en: Gas supply, contact: topic")
    edit(directory, "homes.yaml", "budget: 600", "budget: 700")
    edit(directory, "prizes.yaml", "home-140302003009: 1", "home-140302003009: 0")
    edit(directory, "points.yaml", "cap_month: 300", "cap_month: 310")
    edit(directory, "squads.yaml", "Squad of sample community 1", "First squad")
    edit(directory, "subdistrict-140302003.yaml", "Sample community 9", "Ninth community")
    found = {(c.part, c.code, c.field): (c.before, c.after) for c in changes(load(DIRECTORY), load(directory)).data}
    assert found["categories", "gb30428:P0101", "conditions.broken.limit"] == ("4 wh", "6 wh")
    assert found["departments", "gas", "contact"] == ("inbox", "topic")
    assert found["homes", "home-140302003001", "budget"] == ("600", "700")
    assert found["prizes", "helmet", "stock.home-140302003009"] == ("1", "0")
    assert found["points", "points", "activities.hazard.cap_month"] == ("300", "310")
    assert found["squads", "taobei-1", "en"] == ("Squad of sample community 1", "First squad")
    assert found["places", "140302003009", "en"] == ("Sample community 9", "Ninth community")
    assert found["departments", "community-140302003009", "en"] == ("Sample community 9", "Ninth community")


def test_what_comes_and_goes_is_named(directory: Path) -> None:
    shutil.copytree(HILLSIDE, directory, dirs_exist_ok=True)
    there, back = changes(load(DIRECTORY), load(directory)), changes(load(directory), load(DIRECTORY))
    assert ("subdistricts", "650102007", "added") in {(c.part, c.code, c.what) for c in there.data}
    assert ("departments", "community-650102007011", "removed") in {(c.part, c.code, c.what) for c in back.data}
    gained = {moved.after: moved.m2 for moved in there.ground if moved.before == "-"}
    assert set(gained) == {code for code in load(directory).grid.polygons if code.startswith("650102007")}
    # 0.004 by 0.004 degrees at 43.8 north: 445 m by 321 m
    assert gained["65010200701200101"] == pytest.approx(445 * 321, rel=0.01)
    assert {moved.before: moved.m2 for moved in back.ground} == gained


def test_a_border_that_moves_is_measured_in_square_metres(directory: Path) -> None:
    text = (directory / GEOJSON).read_text(encoding="utf-8")
    # The corner where 101, 102, 103 and 104 meet goes 0.0001 degree (8.8 m) to the east.
    (directory / GEOJSON).write_text(text.replace("[113.569783,37.868331]", "[113.569883,37.868331]"), encoding="utf-8")
    ground = {(moved.before, moved.after): moved.m2 for moved in changes(load(DIRECTORY), load(directory)).ground}
    first, second = "14030200300100101", "14030200300100102"
    # a triangle of 8.8 m by the 118 m of the border between the two
    assert ground[second, first] == pytest.approx(8.8 * 118 / 2, rel=0.02)
    assert all("-" not in pair for pair in ground)


def test_an_overlay_that_grows_is_ground_too(directory: Path) -> None:
    edit(directory, GEOJSON, '"kind":"integrated"', '"kind":"business"')
    found = changes(load(DIRECTORY), load(directory))
    assert [(c.code, c.before, c.after) for c in found.data] == [("14030200300000093", "integrated", "business")]
    assert found.ground == ()


def test_cases_and_routes_that_come_out_differently_are_shown(directory: Path) -> None:
    edit(directory, "routing.yaml", 'place: ["140302003005"]', 'place: ["140302003004"]')
    edit(
        directory,
        "routing.yaml",
        'place: "14030200300500101", rule: business',
        'place: "14030200300400101", rule: business',
    )
    edit(directory, "routing.yaml", "community-140302003005]", "community-140302003004]")
    found = changes(load(DIRECTORY), load(directory)).routes
    cases = {(r.category, r.place): (r.before, r.after) for r in found if r.case}
    was, now = "sanitation, community-140302003005 (business-district-rubbish)", "sanitation (whoever-acts)"
    assert cases["gb30428:E0110", "14030200300500101"] == (was, now)
    everywhere = {(r.category, r.before, r.after): r.grids for r in found if not r.case}
    micro_grids = sum(code.startswith("140302003005") for code in load(DIRECTORY).grid.polygons)
    assert everywhere["gb30428:E0192", was, now] == micro_grids
    # nothing else changes its way
    assert {r.category for r in found} == {"gb30428:E0110", "gb30428:E0192"}


def settings(directory: Path, folder: Path) -> plan.Surroundings:
    """What processes are told by `./run`. No database and no Kafka are needed to refuse."""
    names = plan.services()
    return plan.Surroundings(
        state=State.at(folder / "state"),
        reference=directory,
        bootstrap="127.0.0.1:9",
        databases={name: Database(name, "mongodb://nobody:nothing@127.0.0.1:9/") for name in names},
        passwords=dict.fromkeys(names, "nothing"),
        ports=dict.fromkeys(plan.port_names(names), 0),
    )


@pytest.mark.parametrize(("service", "entry"), [*product(plan.services(), plan.ENTRIES)])
async def test_every_entry_point_refuses_bad_reference_data_and_says_where_it_is_wrong(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, service: str, entry: str
) -> None:
    edit(directory, "categories.yaml", "radius_m: 25", "radius_m: 0")
    for name, value in plan.environment(service, entry, settings(directory, tmp_path)).items():
        monkeypatch.setenv(name, value)
    start = getattr(importlib.import_module(f"services.{service}.app"), entry)
    with pytest.raises(ReferenceInvalid) as refusal:
        await start(Process())
    assert [(fault.file, fault.where) for fault in refusal.value.faults] == [
        ("categories.yaml", "categories.0 (P0101).radius_m")
    ]


def test_a_process_with_bad_reference_data_ends_with_the_place_in_its_log(directory: Path, tmp_path: Path) -> None:
    edit(directory, "categories.yaml", "radius_m: 25", "radius_m: 0")
    program = plan.program("dispatch", plan.API, settings(directory, tmp_path))
    ended = subprocess.run(
        program.argv, env={"PATH": os.environ["PATH"], **program.env}, cwd=program.cwd,
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "categories.yaml: categories.0 (P0101).radius_m" in ended.stdout + ended.stderr
