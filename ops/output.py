"""How every command of `qianshao` speaks: tables for people, JSON with `-o json`, and three exit statuses."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import typer
from pymongo.errors import PyMongoError
from rich.console import Console

from ops.look import CannotLook

FINE, WRONG, CANNOT = 0, 1, 2
"""Nothing is wrong; something is; nothing could be looked at, or the call was wrong."""

Answer = TypeVar("Answer")


class Format(StrEnum):
    """What `-o` takes."""

    TEXT = "text"
    JSON = "json"


Output = Annotated[Format, typer.Option("-o", "--output", help="text 给人看 for people, json 给程序 for programs")]


def as_json(value: Any) -> str:
    """Chinese unescaped, times in ISO 8601 with their offset, bytes as hex, sets sorted."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)


def carry_out(work: Callable[[], Coroutine[Any, Any, Answer]], *expected: type[Exception]) -> Answer:
    """Run it; of `CannotLook`, the `expected` errors and a database that is away people get the reason. Raises `typer.Exit`."""
    try:
        return asyncio.run(work())
    except PyMongoError as error:
        raise cannot(f"MongoDB 无应答 does not answer: {str(error)[:300]} → qianshao doctor") from None
    except CannotLook as error:
        raise cannot(str(error)) from None
    except expected as error:
        raise cannot(str(error)) from None


def cannot(reason: str) -> typer.Exit:
    """Say on standard error why nothing could be done; raise what it returns."""
    Console(stderr=True, highlight=False).print(reason, markup=False, style="red", soft_wrap=True)
    return typer.Exit(CANNOT)
