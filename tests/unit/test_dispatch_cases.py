"""The case list and the monthly figures: what counts, in which month, and what a spreadsheet makes of it."""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openpyxl import load_workbook

from ops.reference import beidajie
from services.dispatch import cases_api
from services.dispatch.case_rows import COLUMNS
from services.dispatch.domain.cases import Case, Outcome, figures, of_month, outcome
from services.dispatch.domain.incident import Incident, Line
from services.dispatch.domain.ladder import Pause
from services.dispatch.domain.states import OrderState, State
from services.dispatch.names import ReferenceNames
from services.dispatch.policy import POLICY
from services.dispatch.tables import as_csv, as_xlsx, guarded
from shared.metrics import Metrics
from shared.reference.load import load
from shared.scope import Scope
from shared.web.app import create
from shared.web.auth import TokenVerifier, read_jwks
from tests.support.dispatching import PLACE, RECEIVED, ZONE, StubNames, dispatched
from tests.support.serving import rows_of, served
from tests.support.tokens import AUDIENCE, ISSUER, Signer, bearer

SIGNER = Signer()
STAFF = bearer(SIGNER.token("staff", "staff-1"))
DUE = dispatched("water").orders[0].due_at
SOON, LATER = DUE - timedelta(seconds=1), DUE + timedelta(seconds=1)
MIDNIGHT = datetime(2026, 12, 1, tzinfo=ZONE)


def with_one(department: str = "water", incident: dict[str, Any] | None = None, **order: Any) -> Incident:
    """An incident whose one order is as the test says."""
    offered = dispatched(department, **(incident or {}))
    return replace(offered, orders=(replace(offered.orders[0], **order),))


def case(**order: Any) -> Case:
    one = with_one(**order)
    return Case(one, one.orders[0])


DONE = OrderState.DONE
OUTCOMES: list[tuple[dict[str, Any], datetime, Outcome]] = [
    ({}, DUE, Outcome.OPEN),
    ({}, LATER, Outcome.LATE),
    ({"state": DONE, "done_at": DUE}, LATER, Outcome.ON_TIME),
    ({"state": OrderState.VERIFIED, "done_at": SOON}, LATER, Outcome.ON_TIME),
    ({"state": DONE, "done_at": LATER}, LATER, Outcome.LATE),
    ({"state": DONE, "done_at": LATER, "excused": "flood"}, LATER, Outcome.EXCUSED),
    ({"state": OrderState.RETURNED}, LATER, Outcome.RETURNED),
]


@pytest.mark.parametrize(("order", "now", "expected"), OUTCOMES)
def test_what_counts_for_an_order(order: dict[str, Any], now: datetime, expected: Outcome) -> None:
    assert outcome(case(**order), now) is expected


def test_while_its_clock_stands_an_order_is_not_late() -> None:
    standing = case()
    pauses = (Pause(RECEIVED, "parked", State.DISPATCHED),)
    assert outcome(replace(standing, incident=replace(standing.incident, pauses=pauses)), LATER) is Outcome.OPEN


def test_a_case_counts_in_the_month_of_its_deadline_and_withdrawn_orders_nowhere() -> None:
    last, first = with_one(due_at=MIDNIGHT - timedelta(seconds=1)), with_one(due_at=MIDNIGHT)
    gone = with_one(due_at=MIDNIGHT, state=OrderState.WITHDRAWN)
    november = of_month([last, first, gone], datetime(2026, 11, 1, tzinfo=ZONE), MIDNIGHT)
    december = of_month([last, first, gone], MIDNIGHT, datetime(2027, 1, 1, tzinfo=ZONE))
    assert ([one.incident for one in november], [one.incident for one in december]) == ([last], [first])


def test_figures_by_department_and_class_leave_out_what_was_returned_or_excused() -> None:
    cases = [case(**order) for order, _, _ in OUTCOMES] + [case(department="fire")]
    fire, water = figures(cases, LATER)
    assert (fire.department, fire.due, fire.late) == ("fire", 1, 1)
    counted = (water.due, water.on_time, water.late, water.open, water.returned, water.excused)
    assert counted == (5, 2, 3, 0, 1, 1)


@pytest.mark.parametrize(
    "text", ["=1+1", "+86", "-1", "@SUM(A1)", "\t=1", "  =1", "＝1", "\r=cmd|' /C calc'!A0", "\x00=1"]
)
def test_no_cell_is_a_formula(text: str) -> None:
    assert guarded(text).startswith("'")
    assert as_csv([[text]]).decode("utf-8-sig").lstrip('"').startswith("'")
    sheet = load_workbook(io.BytesIO(as_xlsx("t", [[text]]))).active
    assert sheet is not None
    assert sheet["A1"].data_type == "s"


def test_harmless_words_stay_as_they_are() -> None:
    assert guarded('3号楼 =北门, "井盖"\n第二行') == '3号楼 =北门, "井盖"\n第二行'


def test_names_come_from_the_reference_data() -> None:
    names = ReferenceNames(load(beidajie.DIRECTORY))
    found = names.category({"scheme": "gb30428", "code": "E0501"}, None)
    assert (found.type, found.main_class, found.exported) == ("事件", "突发事件", True)
    local = names.category({"scheme": "local", "code": "L01"}, None)
    assert (local.type, local.exported) == ("其他", False)
    assert names.category({"scheme": "gone", "code": "P0999"}, "x").category == "P0999"
    assert names.place("140302003") != "140302003"
    assert (names.place("nowhere"), names.department("nobody")) == ("nowhere", "nobody")


@dataclass
class MemoryCases:
    """Incidents of a list; that the query narrows is shown over MongoDB."""

    incidents: list[Incident]

    async def due(self, scope: Scope, start: datetime, end: datetime) -> list[Incident]:
        return [one for one in self.incidents if scope.sees(one.subdistrict, one.community)]


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    history = (Line(RECEIVED, "system:dispatch", "reported -> dispatched"),)
    place = {**PLACE, "address": "市场北门"}
    first = with_one(incident={"text": "=HYPERLINK(1)", "place": place}, state=DONE, done_at=SOON)
    local = with_one(incident={"id": "own", "category": {"scheme": "local", "code": "L01"}})
    stored = [replace(first, history=history), local, with_one(due_at=MIDNIGHT)]
    books = cases_api.Books(MemoryCases(stored), StubNames(), lambda: LATER)
    routes = cases_api.router(books)
    verifier = TokenVerifier(read_jwks(SIGNER.write_jwks(tmp_path / "jwks.json")), ISSUER, AUDIENCE)
    rows = rows_of(POLICY, routes)
    app = create("d", metrics=Metrics("d", "api", "v1"), checks={}, routers=[routes], policy=rows, verifier=verifier)
    async with served(app) as opened:
        yield opened


async def test_the_list_has_the_columns_that_higher_levels_expect(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/v1/cases?month=2026-11&format=csv", headers=STAFF)
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert answer.headers["content-disposition"] == 'attachment; filename="cases-2026-11.csv"'
    head, row = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert head == COLUMNS
    assert len(head) == 19
    listed = dict(zip(head, row, strict=True))
    assert (listed["任务号"], listed["问题描述"], listed["地址描述"]) == ("7K3M-9QXA-1", "'=HYPERLINK(1)", "市场北门")
    assert (listed["上报时间"], listed["立案时间"], listed["结案时间"]) == ("2026-11-25 09:40:00",) * 2 + ("",)
    assert (listed["处置部门"], listed["返工次数"], listed["延期"]) == ("name of water", "0", "0")
    assert "rider-1" not in answer.text


async def test_a_workbook_and_json_say_the_same(client: httpx2.AsyncClient) -> None:
    book = await client.get("/v1/cases?month=2026-11&format=xlsx", headers=STAFF)
    listed = await client.get("/v1/cases?month=2026-11&format=csv", headers=STAFF)
    sheet = load_workbook(io.BytesIO(book.content)).active
    assert sheet is not None
    cells = [[cell or "" for cell in row] for row in sheet.iter_rows(values_only=True)]
    assert cells == list(csv.reader(io.StringIO(listed.content.decode("utf-8-sig"))))
    (one,) = (await client.get("/v1/cases?month=2026-11", headers=STAFF)).json()
    assert (one["task"], datetime.fromisoformat(one["due_at"])) == ("7K3M-9QXA-1", DUE)


async def test_what_is_in_no_standard_counts_only_when_asked_for(client: httpx2.AsyncClient) -> None:
    for query, counted in (
        ("month=2026-11", 1),
        ("month=2026-11&local=true", 2),
        ("month=2026-12", 1),
        ("month=2025-01", 0),
    ):
        answer = (await client.get(f"/v1/figures?{query}", headers=STAFF)).json()
        assert sum(one["due"] for one in answer["figures"]) == counted, query
        assert len((await client.get(f"/v1/cases?{query}", headers=STAFF)).json()) == counted, query


async def test_another_sub_district_has_other_cases(client: httpx2.AsyncClient) -> None:
    elsewhere = bearer(SIGNER.token("staff", "staff-2", subdistrict="140302004"))
    assert (await client.get("/v1/cases?month=2026-11", headers=elsewhere)).json() == []


@pytest.mark.parametrize(
    ("query", "field"), [("", "month"), ("month=2026-13", "month"), ("month=2026-11&format=pdf", "format")]
)
async def test_a_bad_question_is_named(client: httpx2.AsyncClient, query: str, field: str) -> None:
    answer = await client.get(f"/v1/cases?{query}", headers=STAFF)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
