"""Rule 8 beside the inbox: whatever has a way to go was looked at, goes once, and ends with a reason."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta

from ops.check.snapshot import Snapshot
from services.notify.domain.delivery import OVER, TOO_OLD, Delivery, State
from services.notify.domain.message import Copy

_LATE = timedelta(seconds=60)
"""How long what is due may take; after a fault, too."""

_PERHAPS = frozenset({"crash", "timeout", "no_answer"})
"""Codes of attempts that may have arrived: only what is urgent is tried again after one."""


def deliveries(snapshot: Snapshot) -> Iterator[str]:
    """Urgent at least once, the rest at most once, and nothing without an outcome."""
    yield from _looked_at(snapshot)
    yield from _kept(snapshot)
    yield from _sent_once(snapshot)
    for one in snapshot.sendings:
        yield from _ended(one, snapshot)
        yield from _repeated(one)


def _looked_at(snapshot: Snapshot) -> Iterator[str]:
    for told in snapshot.messages:
        newest = max((copy.stored for copy in told.to), default=told.at)
        if told.id in snapshot.unplanned and snapshot.taken_at > newest + _LATE:
            yield f"message {told.id}: nobody has looked yet whom it reaches beside the inbox"


def _kept(snapshot: Snapshot) -> Iterator[str]:
    """A group's copy always has a delivery, be it one that says that no robot speaks there; what else has ways depends on
    what people had chosen when it was looked at. Every delivery is of a copy."""
    gone, kept = snapshot.removed_before, {(one.message, one.audience) for one in snapshot.sendings}
    put = {(told.id, copy.audience): (told, copy) for told in snapshot.messages for copy in told.to}
    for (id_, audience), (_, copy) in put.items():
        removed = "deliveries" in gone and copy.stored < gone["deliveries"]
        of_group = audience.startswith("group:") and id_ not in snapshot.unplanned
        if of_group and (id_, audience) not in kept and not removed:
            yield f"message {id_}: nothing says what became of it in {audience}"
    for one in snapshot.sendings:
        removed = "messages" in gone and one.stored < gone["messages"] + TOO_OLD
        if (one.message, one.audience) not in put and not removed:
            yield f"delivery {one.id}: {one.audience} has no such message"


def _sent_once(snapshot: Snapshot) -> Iterator[str]:
    times = Counter(
        (one.message, one.audience, one.endpoint)
        for one in snapshot.sendings
        if one.state is State.SENT and not one.urgent
    )
    for (message, audience, endpoint), number in times.items():
        if number > 1:
            yield f"message {message}: was sent {number} times to {audience} by {endpoint}"


def _ended(one: Delivery, snapshot: Snapshot) -> Iterator[str]:
    if one.state in OVER:
        if not one.code or one.ended is None:
            yield f"delivery {one.id}: is {one.state.value} and does not say why"
        return
    limit = max(one.due, one.stored + TOO_OLD)  # at night it waits for the morning
    if snapshot.taken_at > limit + _LATE:
        yield f"delivery {one.id}: is still {one.state.value}, stored at {one.stored}"


def _repeated(one: Delivery) -> Iterator[str]:
    if one.urgent:
        return
    for attempt in one.attempts[:-1]:
        if attempt.code in _PERHAPS:
            yield f"delivery {one.id}: was tried again after {attempt.code}, it may have arrived"


def holes(snapshot: Snapshot, missing: set[int], there: Iterable[Copy]) -> set[int]:
    """Those numbers of an inbox that retention cannot have removed: behind a copy that was put in since then."""
    before = snapshot.removed_before.get("messages")
    if before is None:
        return missing
    # A message is removed by the time of what it tells, which may be some time before it was put in.
    recent = [copy.sequence for copy in there if copy.stored >= before + TOO_OLD]
    first = min(recent, default=None)
    return {number for number in missing if first is not None and number > first}
