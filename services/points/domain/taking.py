"""Counters beside redemptions: how many a rider took in a month, which codes are in use, how often a desk guessed."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.errors import Conflict, Refused

GUESSES = 10
WINDOW = timedelta(minutes=10)


class MonthlyLimit(Conflict):
    """He has had as many of it as a rider may in a month."""

    code = "prize-limit"


class TooManyGuesses(Refused):
    """Wrong codes one after the other; the QR code works all the time."""

    status = 429
    code = "too-many-codes"
    retry_after_seconds = 600


@dataclass(frozen=True, slots=True)
class Taken:
    """Pieces that a rider holds or has had of each prize, of those reserved in one month; `id` is `taken_id`, `at` when
    the first of them was reserved."""

    id: str
    rider: str
    at: datetime
    pieces: dict[str, int]


@dataclass(frozen=True, slots=True)
class Code:
    """`id` is `pickup.code_id`: no two open redemptions of a home have the same."""

    id: str
    redemption: str


@dataclass(frozen=True, slots=True)
class Guesses:
    """When wrong codes came at the home `id`, within the last ten minutes."""

    id: str
    at: tuple[datetime, ...] = ()


def taken_id(rider: str, month: str) -> str:
    """Begins with the rider, and is renamed with him."""
    return f"{rider}|{month}"


def take(taken: Taken, prize: str, limit: int | None) -> Taken:
    """One more. Raises `MonthlyLimit`."""
    pieces = taken.pieces.get(prize, 0) + 1
    if limit is not None and pieces > limit:
        raise MonthlyLimit(f"prize: at most {limit} of it a month, and so many are yours already")
    return replace(taken, pieces={**taken.pieces, prize: pieces})


def give_back(taken: Taken, prize: str) -> Taken:
    """One fewer."""
    return replace(taken, pieces={**taken.pieces, prize: max(taken.pieces.get(prize, 0) - 1, 0)})


def recent(guesses: Guesses, now: datetime) -> Guesses:
    """Without those that are forgiven. Raises `TooManyGuesses`."""
    left = tuple(at for at in guesses.at if now - at < WINDOW)
    if len(left) >= GUESSES:
        raise TooManyGuesses("code: too many wrong codes at this home; scan the QR code, or wait ten minutes")
    return replace(guesses, at=left)


def wrong(guesses: Guesses, now: datetime) -> Guesses:
    """One more wrong one. Raises `TooManyGuesses`."""
    still = recent(guesses, now)
    return replace(still, at=(*still.at, now))
