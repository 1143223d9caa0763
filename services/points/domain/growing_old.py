"""Points grow old: what is oldest is spent first, and what is left of a month expires when it is old enough."""

from collections.abc import Iterable
from datetime import datetime

from services.points.domain.entry import Entry, Kind
from services.points.domain.ledger import effect


def earned_since(entries: Iterable[Entry], cutoff: datetime) -> int:
    """Points of awards written from `cutoff` on that still stand. What was held and came back is as old as it was."""
    recent = [entry for entry in entries if entry.at >= cutoff]
    awards = {entry.number: entry for entry in recent if entry.kind is Kind.POST}
    taken_back = (entry for entry in recent if entry.kind is Kind.REVERSAL and entry.of_number in awards)
    return sum(effect(entry).posted for entry in (*awards.values(), *taken_back))


def grown_old(balance: int, earned: int) -> int:
    """How many of `balance` are older than those `earned` since."""
    return max(0, balance - max(0, earned))
