"""Commands of points as answers over HTTP, under an `Idempotency-Key`."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from fastapi import Depends
from pydantic import BaseModel

from shared.mongo.work import Command, Ref, Work, more_reads
from shared.web.idempotency import idempotency_key

T = TypeVar("T")

Key = Annotated[str, Depends(idempotency_key)]
"""Of a command: a repeat after a lost answer is told the same again."""


@dataclass(frozen=True, slots=True)
class Rendered(Generic[T]):
    """`inner` with its answer as clients read it."""

    inner: Command[T]
    render: Callable[[T], BaseModel]

    def reads(self) -> Iterable[Ref]:
        return self.inner.reads()

    def more_reads(self, work: Work) -> Iterable[Ref]:
        return more_reads(self.inner, work)

    def decide(self, work: Work) -> BaseModel:
        return self.render(self.inner.decide(work))
