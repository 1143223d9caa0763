"""The judge: what was told to a department and what it said, in order, against the rules of docs/department-guide.md."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

ASKS = ("offer", "reopen")
"""Messages that have to be answered."""


@dataclass(frozen=True, slots=True)
class Told:
    """A message about an order. `case` is what the order is there to find out."""

    case: str
    order: str
    seq: int
    kind: str
    update_id: str | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """An update of the department. `fault`: why it cannot be read, in words; then the rest may be empty."""

    order: str
    key: str
    update_id: str = ""
    seen_seq: int = 0
    kind: str = ""
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that was told before has certainly been read by now: `case` is over, or the subscriber was killed."""

    case: str


Line = Told | Heard | Mark


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that was broken, and by what."""

    rule: str
    text: str


RULES = {
    "readable": "每条回报都读得懂 every update is one of the contract, its key the order",
    "answered": "有派必应 an offer, and an order opened again, is answered",
    "seen_seq": "带上读到的序号 an update carries the seq of the message it answers",
    "redelivery": "重复投递只应一次 a message that comes twice is answered once",
    "out_of_order": "旧消息晚到不理 a message older than what is known changes nothing",
    "withdrawn": "撤单之后不再回报 nothing is said about an order that was withdrawn",
    "retry": "重发不换编号 what is said again keeps its update_id, also after being killed",
    "refused": "被拒即止 what was refused is not sent again",
}
"""By name: what is asked, for people."""


def judge(lines: Iterable[Line]) -> list[Finding]:
    """Every rule that was broken, in the order of `RULES`; empty for a subscriber that keeps them all."""
    transcript = list(lines)
    found = [Finding(rule, text) for rule, check in _CHECKS.items() for text in dict.fromkeys(check(transcript))]
    return sorted(found, key=lambda finding: list(RULES).index(finding.rule))


def _readable(lines: list[Line]) -> Iterator[str]:
    for line in lines:
        if isinstance(line, Heard) and line.fault and "seen_seq" not in line.fault:
            yield line.fault
        if isinstance(line, Heard) and not line.fault and line.key != line.order:
            yield f"the key is {line.key!r}, the order {line.order}: updates of one order could overtake each other"


def _answered(lines: list[Line]) -> Iterator[str]:
    asked: set[tuple[str, int]] = set()
    for at, line in enumerate(lines):
        if isinstance(line, Told) and line.kind in ASKS and (line.order, line.seq) not in asked:
            asked.add((line.order, line.seq))
            later = (x for x in lines[at:] if isinstance(x, Heard))
            if not any(x.order == line.order for x in later):
                yield f"{line.case}: nobody answered {line.kind} {line.seq} of {line.order}"


def _seen_seq(lines: list[Line]) -> Iterator[str]:
    told: dict[str, list[Told]] = defaultdict(list)
    for line in lines:
        if isinstance(line, Told):
            told[line.order].append(line)
        elif isinstance(line, Heard) and line.fault and "seen_seq" in line.fault:
            yield line.fault
        elif isinstance(line, Heard) and not line.fault:
            known = told[line.order]
            if line.seen_seq not in {one.seq for one in known}:
                yield f"{line.order}: seen_seq {line.seen_seq} was not told"
            elif line.kind == "accepted" and _asked(known, line.seen_seq) is None:
                yield f"{line.order}: seen_seq {line.seen_seq} is not that of the message it answers"
    yield from _never_seen(lines)


def _never_seen(lines: list[Line]) -> Iterator[str]:
    """Questions after which something was said, but nothing that had seen them."""
    for at, line in enumerate(lines):
        if isinstance(line, Told) and line.kind in ASKS:
            answers = [x.seen_seq for x in lines[at:] if isinstance(x, Heard) and x.order == line.order and not x.fault]
            if answers and max(answers) < line.seq:
                yield f"{line.order}: after {line.kind} {line.seq} came seen_seq {max(answers)}"


def _asked(known: list[Told], seen_seq: int) -> Told | None:
    """The question that was the last word at that number."""
    asked = [one for one in known if one.kind in ASKS and one.seq <= seen_seq]
    between = {one.seq for one in known if one.kind not in (*ASKS, "remind") and one.seq <= seen_seq}
    last = max(asked, key=lambda one: one.seq, default=None)
    return None if last is None or any(seq > last.seq for seq in between) else last


def _ids(case: str) -> Callable[[list[Line]], Iterator[str]]:
    """In `case` each question may be answered under one id."""

    def check(lines: list[Line]) -> Iterator[str]:
        orders = {line.order for line in lines if isinstance(line, Told) and line.case == case}
        said: dict[str, set[str]] = defaultdict(set)
        for line in lines:
            if isinstance(line, Heard) and not line.fault and line.order in orders:
                said[line.order].add(line.update_id)
        for order, ids in said.items():
            asked = {x.seq for x in lines if isinstance(x, Told) and x.order == order and x.kind in ASKS}
            if len(ids) > len(asked):
                yield f"{order} was asked {len(asked)} time(s) and answered under {len(ids)} ids"

    return check


def _withdrawn(lines: list[Line]) -> Iterator[str]:
    gone: set[str] = set()
    over: set[str] = set()
    for line in lines:
        if isinstance(line, Told) and line.kind == "withdraw":
            gone.add(line.order)
        elif isinstance(line, Mark):
            over |= gone
        elif isinstance(line, Heard) and line.order in over:
            yield f"{line.order} was withdrawn, and {line.kind or 'something'} came"


def _refused(lines: list[Line]) -> Iterator[str]:
    told: set[str] = set()
    final: set[str] = set()
    for line in lines:
        if isinstance(line, Told) and line.kind == "refused" and line.update_id:
            told.add(line.update_id)
        elif isinstance(line, Mark):
            final |= told
        elif isinstance(line, Heard) and line.update_id in final:
            yield f"{line.order}: {line.update_id} was refused and came again"


_CHECKS: dict[str, Callable[[list[Line]], Iterator[str]]] = {
    "readable": _readable,
    "answered": _answered,
    "seen_seq": _seen_seq,
    "redelivery": _ids("redelivery"),
    "out_of_order": _ids("out_of_order"),
    "withdrawn": _withdrawn,
    "retry": _ids("retry"),
    "refused": _refused,
}
