"""What can be reported, as clients are told it: all of the reference data that they need, once."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from ops.reference.beidajie import DIRECTORY
from services.intake import categories_api
from services.intake.policy import POLICY
from shared.metrics import Metrics
from shared.reference.load import load
from shared.reference.reference import Reference
from shared.web.app import create
from shared.web.auth import TokenVerifier, read_jwks
from tests.support.reference import copy_of_sample, edit
from tests.support.serving import rows_of, served
from tests.support.tokens import AUDIENCE, ISSUER, Signer, bearer

SIGNER = Signer()
RIDER = bearer(SIGNER.token())
PATH = "/v1/categories"


@pytest.fixture(scope="module")
def reference() -> Reference:
    return load(DIRECTORY)


@pytest.fixture
async def client(reference: Reference, tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    routes = categories_api.router(reference)
    verifier = TokenVerifier(read_jwks(SIGNER.write_jwks(tmp_path / "jwks.json")), ISSUER, AUDIENCE)
    rows, metrics = rows_of(POLICY, routes), Metrics("intake", "api", "v1")
    app = create("intake", metrics=metrics, checks={}, routers=[routes], policy=rows, verifier=verifier)
    async with served(app) as opened:
        yield opened


async def test_a_client_is_told_all_that_can_be_reported_in_both_languages(
    client: httpx2.AsyncClient, reference: Reference
) -> None:
    assert (await client.get(PATH)).status_code == 401
    told = (await client.get(PATH, headers=RIDER)).raise_for_status().json()
    assert told["version"] == reference.version
    assert [one["code"] for one in told["tiles"]] == list(reference.tiles)
    assert [(one["scheme"], one["code"]) for one in told["categories"]] == list(reference.categories)
    for one in told["categories"]:
        kind = reference.categories[one["scheme"], one["code"]]
        assert one["tile"] in reference.tiles
        wanted = (kind.zh, kind.en, kind.photo_required, kind.after_photo_required, kind.public)
        assert (one["zh"], one["en"], one["photo_required"], one["after_photo_required"], one["public"]) == wanted
        assert [x["code"] for x in one["conditions"]] == [x.code for x in kind.conditions]
        assert all(x["zh"] and x["en"] for x in one["conditions"])
    lamp = next(one for one in told["categories"] if one["code"] == "P0137")
    (asked,) = lamp["questions"]
    assert (asked["code"], {one["code"] for one in asked["choices"]}) == ("extent", {"single", "street"})
    assert all(one["zh"] and one["en"] for one in (asked, *asked["choices"]))


async def test_who_knows_it_already_is_not_told_again(client: httpx2.AsyncClient) -> None:
    first = await client.get(PATH, headers=RIDER)
    tag = first.headers["etag"]
    for known in (tag, f"W/{tag}", f'"another", {tag}', "*"):
        again = await client.get(PATH, headers={**RIDER, "If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag), known
    for other in ('"another"', tag.strip('"'), ""):
        assert (await client.get(PATH, headers={**RIDER, "If-None-Match": other})).content == first.content


async def test_other_reference_data_is_another_answer(client: httpx2.AsyncClient, tmp_path: Path) -> None:
    tag = (await client.get(PATH, headers=RIDER)).headers["etag"]
    folder = copy_of_sample(tmp_path / "changed")
    edit(folder, "categories.yaml", "zh: 上水井盖", "zh: 自来水井盖")
    routes = categories_api.router(load(folder))
    verifier = TokenVerifier(read_jwks(SIGNER.write_jwks(tmp_path / "other.json")), ISSUER, AUDIENCE)
    rows, metrics = rows_of(POLICY, routes), Metrics("intake", "api", "v1")
    app = create("intake", metrics=metrics, checks={}, routers=[routes], policy=rows, verifier=verifier)
    async with served(app) as changed:
        answer = await changed.get(PATH, headers={**RIDER, "If-None-Match": tag})
    assert answer.status_code == 200
    assert "自来水井盖" in answer.text
