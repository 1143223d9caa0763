"""What the simulated department knows of its orders, and what it wants to say to them. Pure: no Kafka, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from kit.simulate.behaviour import Behaviour, Course

Message = Mapping[str, Any]
REASON = "模拟：不归我单位管 simulated: not ours"


@dataclass(frozen=True, slots=True)
class Known:
    """An order as last told: `since` when it is in its `state`, `seq` the last message about it."""

    order: str
    subdistrict: str
    seq: int
    state: str
    since: datetime
    photo_required: bool


@dataclass(frozen=True, slots=True)
class Wish:
    """One thing to say, from `due` on. Its id follows from the order and its state, so that saying it again counts once."""

    known: Known
    kind: str
    due: datetime

    def update(self, seed: int, at: datetime, receipts: list[str]) -> dict[str, Any]:
        """As the contract wants it."""
        said = f"{self.kind}-{self.known.seq}-{self.known.order}"
        return {
            "subdistrict": self.known.subdistrict,
            "update_id": f"sim{seed}-{said}"[-64:],
            "order": self.known.order,
            "seen_seq": self.known.seq,
            "kind": self.kind,
            "at": at.isoformat(),
            **({"reason": REASON} if self.kind == "returned" else {}),
            **({"receipts": receipts} if receipts else {}),
        }


@dataclass
class Desk:
    """`hear` what is told, then say what is `due`. `told`: orders, `refused`: answers that were no."""

    behaviour: Behaviour
    orders: dict[str, Known] = field(default_factory=dict)
    said: set[tuple[str, int]] = field(default_factory=set)
    refused: list[Message] = field(default_factory=list)

    def hear(self, message: Message, at: datetime) -> None:
        """Take a message in, written at `at`. One that came before, or of no order of ours, changes nothing."""
        work, before = message.get("work_order"), self.orders.get(message["order"])
        if work is None or (before is not None and message["seq"] <= before.seq):
            return
        entered = before is None or before.state != work["state"] or message["kind"] == "reopen"
        since = at if before is None or entered else before.since
        new = Known(
            message["order"], message["subdistrict"], message["seq"], work["state"], since, work["photo_required"]
        )
        self.orders[new.order] = new
        if message["kind"] == "refused":
            self.refused.append(message)
            if message.get("reason_code") != "stale":  # it would be refused again, for ever
                self.orders[new.order] = replace(new, state="given_up")

    def due(self, now: datetime) -> list[Wish]:
        """What is to be said by now and has not been said, that which waits longest first."""
        wishes = [wish for known in self.orders.values() if (wish := self._wish(known)) and wish.due <= now]
        unsaid = [wish for wish in wishes if (wish.known.order, wish.known.seq) not in self.said]
        return sorted(unsaid, key=lambda wish: (wish.due, wish.known.order))

    def note(self, wish: Wish) -> None:
        """It has been said."""
        self.said.add((wish.known.order, wish.known.seq))

    def _wish(self, known: Known) -> Wish | None:
        fate = self.behaviour.of(known.order)
        if fate.course is Course.SILENT:
            return None
        if known.state == "offered":
            kind = "returned" if fate.course is Course.RETURNS else "accepted"
            return Wish(known, kind, known.since + fate.answer_after)
        if known.state in ("accepted", "working"):
            return Wish(known, "done", known.since + fate.done_after)
        return None
