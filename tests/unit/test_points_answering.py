"""Commands of the desk about money, sent again after a lost answer: told the same, and paid or taken back once."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.points import entries_api, outstanding_api
from services.points.domain.entry import Entry
from services.points.entries_api import EntryDesk
from services.points.outstanding_api import OutstandingDesk
from services.points.policy import POLICY
from services.points.store import BOOKS, ENTRIES
from shared.ids import new_id
from shared.metrics import Metrics
from shared.mongo.work import Ref
from shared.scope import Scope
from shared.web.app import create
from shared.web.auth import TokenVerifier, read_jwks
from tests.support.lanes import running
from tests.support.memory import MemoryTransactor
from tests.support.pointing import Ledger, Points, StubRules, joined, moved, reported, resolved
from tests.support.serving import rows_of, served
from tests.support.tokens import AUDIENCE, ISSUER, Signer, bearer

SIGNER = Signer()
HERE = ["140302003005"]
ONE, TWO = (bearer(SIGNER.token("staff", name, communities=HERE)) for name in ("s1", "s2"))
PAID = "award:inc:hazard_first:anna:post"


@dataclass(frozen=True)
class _Views:
    """What the store would read; whose an entry is stands in its name."""

    store: MemoryTransactor

    async def entry(self, scope: Scope, id_: str) -> tuple[str, Entry] | None:
        document = self.store.documents.get(Ref("entries", id_))
        return None if document is None else (id_.split(":")[3], ENTRIES.load(document))

    async def proposals(self, scope: Scope, limit: int) -> list[Any]:
        return []


@dataclass(frozen=True)
class Office:
    """Anna's and Bert's report of one thing that is fixed and paid, and a door to the desk."""

    store: MemoryTransactor
    client: httpx2.AsyncClient

    async def post(self, path: str, who: dict[str, str], key: str | None, **body: Any) -> httpx2.Response:
        headers = who if key is None else {**who, "Idempotency-Key": key}
        return await self.client.post(f"/v1/{path}", json=body, headers=headers)

    def paid(self, rider: str) -> int:
        return Ledger.of(self.store).balances().get(rider, (0, 0))[0]


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    store = MemoryTransactor()
    async with running(store) as lane:
        await Points(lane).hear(reported(), joined(), moved("triaged"), resolved(reported(), joined()))
        wired = lane, BOOKS, _Views(store), StubRules(), new_id
        own = [entries_api.router(EntryDesk(*wired)), outstanding_api.router(OutstandingDesk(*wired))]
        verifier = TokenVerifier(read_jwks(SIGNER.write_jwks(tmp_path / "jwks.json")), ISSUER, AUDIENCE)
        metrics, policy = Metrics("points", "api", "r"), rows_of(POLICY, *own)
        app = create("points", metrics=metrics, checks={}, routers=own, policy=policy, verifier=verifier)
        async with served(app) as client:
            yield Office(store, client)
    Ledger.of(store).check()


async def test_something_outstanding_is_proposed_and_paid_once(office: Office) -> None:
    proposals, decision = "incidents/inc/outstanding", "incidents/inc/outstanding/bert"
    proposed = [await office.post(proposals, ONE, "k1", rider="bert") for _ in range(2)]
    assert [answer.status_code for answer in proposed] == [201, 201]
    assert proposed[0].json() == proposed[1].json()
    before = office.paid("bert")
    decided = [await office.post(decision, TWO, "k1", award=True) for _ in range(2)]
    assert [answer.headers.get("idempotency-replayed") for answer in decided] == [None, "true"]
    assert decided[0].json() == decided[1].json()
    assert office.paid("bert") == before + 20
    assert (await office.post(decision, TWO, "k2", award=True)).status_code == 409
    assert (await office.post(decision, TWO, "k1", award=False)).json()["code"] == "idempotency-key-reused"


async def test_an_award_is_taken_back_once(office: Office) -> None:
    path = f"entries/{PAID}/reversal"
    taken = [await office.post(path, ONE, "k1", reason="mistake") for _ in range(2)]
    assert [answer.status_code for answer in taken] == [201, 201]
    assert taken[0].json() == taken[1].json()
    assert office.paid("anna") == 0
    assert (await office.post(path, ONE, "k2", reason="mistake")).json()["code"] == "already-reversed"


async def test_without_a_key_none_is_taken(office: Office) -> None:
    for path, body in (
        ("incidents/inc/outstanding", {"rider": "bert"}),
        ("incidents/inc/outstanding/bert", {"award": True}),
        (f"entries/{PAID}/reversal", {"reason": "mistake"}),
    ):
        answer = await office.post(path, ONE, None, **body)
        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency-key-missing")
