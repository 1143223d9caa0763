"""Schemathesis over the OpenAPI of the four apis, as everybody who may call: what is described is what is answered.

Requests that fit the description and requests that do not, always the same ones, on the estate of the access matrix: the
answer has a status, a content type and a form that are described, and is never a failure of ours.
"""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from shared.web.auth import Role
from tests.support import estate as house
from tests.support.estate import CODE, HERE, POLICIES, RIDER, SIGNER, Estate
from tests.support.stack import Stack
from tests.support.tokens import bearer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

EXAMPLES = 6
"""For each operation, role and kind of request."""

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
LONGEST_URL = 30_000
"""What is much longer never comes to a route: the server itself answers it, in plain text."""

ENDLESS = "/v1/inbox/stream"
"""Has no end to wait for; the tests of the stream read it."""

CLAIMS: dict[Role, dict[str, Any]] = {
    Role.RIDER: {"sub": RIDER, "squad": "squad-1", "sid": "s-1"},
    Role.STAFF: {"sub": "s1", "communities": [HERE]},
    Role.DEPARTMENT: {"sub": "d1", "department": "water"},
}
KNOWN = {
    "incident_id": "inc",
    "report_id": "report-of-inc",
    "photo_id": "photo-of-inc",
    "order": "inc.1",
    "code": CODE,
    "rider": RIDER,
    "account_id": RIDER,
    "campaign_id": "camp",
}
"""What the story has: an invented id gets no further than 404."""


@pytest.fixture(scope="module")
async def estate(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Estate]:
    async with house.estate(stack, tmp_path_factory.mktemp("openapi")) as made:
        yield made


@pytest.mark.parametrize("service", POLICIES)
async def test_every_answer_is_a_described_one(estate: Estate, service: str) -> None:
    address = str(estate.clients[service].base_url).rstrip("/")
    answered, wrong = await asyncio.to_thread(_ask_all, estate.apps[service].openapi(), service, address)
    assert not wrong, "\n\n".join(wrong)
    # a service that only ever refuses would fit any description
    assert sum(count for (_, status), count in answered.items() if status < 300) > answered.total() / 20, answered


def _ask_all(document: dict[str, Any], service: str, address: str) -> tuple[Counter[tuple[str, int]], list[str]]:
    answered: Counter[tuple[str, int]] = Counter()
    wrong: list[str] = []
    for result in schemathesis.openapi.from_dict(document).get_all_operations():
        operation = result.ok()  # type: ignore[union-attr] # an invalid description raises here, as it should
        if operation.path == ENDLESS:
            continue
        rule = POLICIES[service][f"{operation.method.upper()} {operation.path}"]
        roles: list[Role | None] = [*sorted(rule.roles or ())] or [None]
        fitting = [(role, GenerationMode.POSITIVE) for role in roles]
        for role, mode in [*fitting, (roles[0], GenerationMode.NEGATIVE)]:
            wrong += _ask(operation, role, mode, address, answered)
    return answered, wrong


def _ask(
    operation: Any, role: Role | None, mode: GenerationMode, address: str, answered: Counter[tuple[str, int]]
) -> list[str]:
    who = bearer(SIGNER.token(role, **CLAIMS.get(role, {"sub": f"the-{role}"}))) if role else {}

    @seed(1)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), known=st.booleans(), fresh=st.booleans())
    def ask(case: Any, known: bool, fresh: bool) -> None:
        if known:
            case.path_parameters.update({name: KNOWN[name] for name in case.path_parameters.keys() & KNOWN.keys()})
        key = {"Idempotency-Key": str(uuid.uuid4())} if fresh else {}
        response = case.call(base_url=address, headers={**who, **key}, timeout=15)
        if len(str(response.request.url)) > LONGEST_URL:
            return
        answered[operation.label, response.status_code] += 1
        case.validate_response(response, checks=CHECKS)

    try:
        ask()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, f"{operation.label}: nothing fits its description"
    except Exception as error:  # noqa: BLE001 - all that is wrong is told, not only the first
        return [f"{operation.label} as {role} ({mode}): {_reasons(error)}"]
    return []


def _reasons(error: Exception) -> str:
    return "\n".join(f"{one!r}: {one}"[:1500] for one in getattr(error, "exceptions", [error]))
