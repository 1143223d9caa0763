"""HTTP commands that may be sent again: the answer is stored in the transaction that made it true."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Header, Response
from pydantic import BaseModel

from shared.errors import Invalid, Refused
from shared.mongo.indexes import Collection, expiring
from shared.mongo.lane import Lane
from shared.mongo.retention import Rule
from shared.mongo.work import Command, Ref, Work, more_reads
from shared.web.auth import Principal

KEEP_SECONDS = 30 * 24 * 3600
ANSWERS = "http_answers"
ANSWERS_RULE = Rule("http_answers", ANSWERS, "at", 29, named=False, fixed=True)
"""A day before the index of the collection would do it, which leaves no tombstone and is only the net."""


class KeyMissing(Refused):
    """A command without `Idempotency-Key` could not be repeated safely, so it is not taken at all."""

    status = 400
    code = "idempotency-key-missing"


class KeyReused(Refused):
    """The same key came with another body: two different wishes under one name."""

    code = "idempotency-key-reused"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client gets; `replayed` when it was stored by an earlier, equal request."""

    status: int
    body: str
    replayed: bool

    def response(self) -> Response:
        headers = {"Idempotency-Replayed": "true"} if self.replayed else {}
        return Response(self.body, self.status, headers, media_type="application/json")


def fingerprint(body: BaseModel, *more: str) -> str:
    """A digest that is equal for equal wishes, whatever the order of fields or white space. What stands at its default is
    left out, so that a later version with more optional fields still knows a wish that was made before it."""
    canonical = json.dumps(body.model_dump(mode="json", exclude_defaults=True), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256("\n".join((canonical, *more)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Once:
    """Carry out `inner`, which answers with a model, unless `key` was answered before; then give that answer again."""

    key: str
    fingerprint: str
    status: int
    inner: Command[BaseModel]

    def reads(self) -> Iterable[Ref]:
        return [Ref(ANSWERS, self.key), *self.inner.reads()]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        return more_reads(self.inner, work)

    def decide(self, work: Work) -> Answer:
        stored = work.get(ANSWERS, self.key)
        if stored is not None:
            if stored["fingerprint"] != self.fingerprint:
                raise KeyReused("Idempotency-Key: was used before for a request with another content")
            return Answer(stored["status"], stored["body"], replayed=True)
        body = self.inner.decide(work).model_dump_json()
        answer: dict[str, Any] = {"_id": self.key, "fingerprint": self.fingerprint, "at": work.now}
        work.put(ANSWERS, {**answer, "status": self.status, "body": body})
        return Answer(self.status, body, replayed=False)


async def idempotency_key(key: Annotated[str | None, Header(alias="Idempotency-Key")] = None) -> str:
    """FastAPI dependency. Raises `KeyMissing` or `Invalid`."""
    if not key:
        raise KeyMissing(
            "Idempotency-Key: missing; send a fresh UUID with each command and the same one when repeating it"
        )
    if len(key) > 128 or not key.isprintable():
        raise Invalid.field("Idempotency-Key", "at most 128 printable characters")
    return key


async def submit_once(
    lane: Lane, principal: Principal, key: str, wish: str, inner: Command[BaseModel], status: int = 200
) -> Response:
    """Submit under (principal, key); `wish` is the fingerprint of the request. A twin on another replica is replayed."""
    answer = await lane.submit(Once(f"{principal.id}|{key}", wish, status, inner))
    return answer.response()


def answers_collection() -> Collection:
    """The collection of stored answers, for a service that has such commands."""
    return Collection(ANSWERS, (expiring("at", KEEP_SECONDS),))
