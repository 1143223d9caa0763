"""The hand-over sheet: all that another house needs, as text, and nobody's name."""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from services.dispatch import sheet_api
from services.dispatch.domain.incident import Foreign, Incident
from services.dispatch.domain.states import State
from services.dispatch.policy import POLICY
from services.dispatch.sheet import lines_of
from shared.metrics import Metrics
from shared.scope import Scope
from shared.web.app import create
from shared.web.auth import TokenVerifier, read_jwks
from tests.support.dispatching import PLACE, RECEIVED, StubNames, dispatched, incident
from tests.support.serving import rows_of, served
from tests.support.tokens import AUDIENCE, ISSUER, Signer, bearer

SIGNER = Signer()
STAFF = bearer(SIGNER.token("staff", "staff-1"))
FOREIGN = Foreign("12345", "YQ-2026-0007", RECEIVED + timedelta(days=5))


@dataclass
class OneIncident:
    """Views of a desk with one incident."""

    kept: Incident

    async def incident(self, scope: Scope, id_: str) -> tuple[Incident, int] | None:
        seen = id_ == self.kept.id and scope.sees(self.kept.subdistrict, self.kept.community)
        return (self.kept, 1) if seen else None


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    place = {**PLACE, "address": "=市场北门"}
    kept = replace(dispatched("water", text="<script>alert(1)</script>井盖破了", place=place), foreign=FOREIGN)
    routes = sheet_api.router(OneIncident(kept), StubNames())
    verifier = TokenVerifier(read_jwks(SIGNER.write_jwks(tmp_path / "jwks.json")), ISSUER, AUDIENCE)
    rows = rows_of(POLICY, routes)
    app = create("d", metrics=Metrics("d", "api", "v1"), checks={}, routers=[routes], policy=rows, verifier=verifier)
    async with served(app) as opened:
        yield opened


async def test_the_page_has_the_foreign_number_and_deadline_and_runs_nothing(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/v1/incidents/inc/sheet", headers=STAFF)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.headers["content-type"].startswith("text/html")
    for text in ("YQ-2026-0007", "2026-11-30 09:40:00", "7K3M-9QXA", "井盖破了", "name of water"):
        assert text in answer.text
    assert "<script" not in answer.text
    assert "rider-1" not in answer.text


async def test_the_same_as_a_table_of_one_line(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/v1/incidents/inc/sheet?format=csv", headers=STAFF)
    head, line = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    sheet = dict(zip(head, line, strict=True))
    assert (sheet["转往"], sheet["对方编号"], sheet["对方时限"]) == ("12345", "YQ-2026-0007", "2026-11-30 09:40:00")
    assert (sheet["地址描述"], sheet["上报时间"], sheet["当前状态"]) == ("'=市场北门", "2026-11-25 09:40:00", "已派单")


async def test_out_of_scope_there_is_no_sheet(client: httpx2.AsyncClient) -> None:
    elsewhere = bearer(SIGNER.token("lead", "lead-2", subdistrict="140302004"))
    for path, headers in (("inc", elsewhere), ("none", STAFF)):
        answer = await client.get(f"/v1/incidents/{path}/sheet", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


@pytest.mark.parametrize("state", State)
def test_every_state_has_a_word_and_what_is_unknown_is_empty(state: State) -> None:
    sheet = dict(lines_of(incident(state, place={**PLACE, "grid": None}), StubNames()))
    assert sheet["当前状态"]
    assert (sheet["对方编号"], sheet["对方时限"], sheet["所属社区"]) == ("", "", "")
