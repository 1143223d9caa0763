"""What the digest of a passbook line covers, format by format: whoever holds a statement can compute it."""

import hashlib
import json
from datetime import UTC, datetime

from services.points.domain.entry import Entry

_FIRST = (
    "subdistrict",
    "account",
    "number",
    "kind",
    "debit",
    "credit",
    "amount",
    "releases",
    "activity",
    "rule",
    "rule_version",
    "reference_version",
    "reason",
    "incident",
    "report",
    "event",
    "actor",
    "captured_at",
    "at",
    "balance",
    "pending",
    "previous",
)
_ADDED = ("about", "of_number", "owes")

COVERED = {1: _FIRST, 2: _FIRST + _ADDED}
"""What each format covers, in this order. Never change one: another way of digesting is another number. None of them covers
the entry's id: that names the rider."""


def digest(entry: Entry) -> str:
    """SHA-256 (hex) of a compact JSON array in UTF-8: `qianshao-entry-<format>`, then the fields named in `COVERED`.

    Times as `2026-11-25T01:00:00.000+00:00`: in UTC with milliseconds, which is all that is stored. Raises `KeyError` for a
    format that does not exist.
    """
    covered = [getattr(entry, name) for name in COVERED[entry.format]]
    plain = [_instant(value) if isinstance(value, datetime) else value for value in covered]
    text = json.dumps([f"qianshao-entry-{entry.format}", *plain], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def holds(entry: Entry) -> bool:
    """Whether the entry is what its digest was made of, and says nothing that its format does not cover."""
    if entry.format not in COVERED:
        return False
    beyond = [getattr(entry, name) for name in _ADDED if name not in COVERED[entry.format]]
    return not any(beyond) and entry.digest == digest(entry)


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
