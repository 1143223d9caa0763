"""What a day must add up to, as lines that are named alike before and after it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ops.simulate.behaviours import PICTURES, Crew
from ops.simulate.send import Plan, Send

Totals = Mapping[str, int]
"""By the name of the line: `reports`, `category:cover`, `orders:water` …"""

NAMES: Mapping[str, str] = {
    "reports": "上报",
    "joined": "加入已有事件",
    "incidents": "事件",
    "photos": "照片",
    "replays": "重复应答",
    "resolved": "已解决",
    "points": "已入账",
    "prizes_reserved": "预约奖品",
    "prizes_picked_up": "领取奖品",
    "prizes_cancelled": "取消预约",
    "points_held": "冻结积分",
    "points_spent": "兑换积分",
    "points_returned": "退回积分",
    "category": "类别",
    "flag": "标记",
    "refused": "拒绝",
    "orders": "派单",
    "told_refused": "部门消息被拒",
}
"""Chinese names of lines, by what stands before the colon."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the account: what was planned, and what the installation says."""

    name: str
    expected: int
    seen: int

    @property
    def equal(self) -> bool:
        return self.expected == self.seen


def expected(plan: Plan) -> Totals:
    """What the plan must come to."""
    kept = plan.kept
    opening = [send for send in kept if not send.joins]
    found = Counter(
        {
            "reports": len(kept),
            "joined": len(kept) - len(opening),
            "incidents": len(opening),
            "photos": sum(_stored(send) for send in plan.sends),
            "replays": sum(send.behaviour.replays for send in kept),
            "resolved": len(opening),
            "points": sum(send.subject.pays for send in kept),
            "told_refused": 0,
            **(plan.handout.totals() if plan.handout else {}),
        }
    )
    found.update(f"category:{send.subject.category.tile}" for send in opening)
    found.update(f"flag:{send.behaviour.flag}" for send in kept if send.behaviour.flag)
    found.update(f"refused:{send.refused}" for send in plan.sends if send.refused)
    for send in opening:
        again = 2 if send.crew is Crew.RETURNS else 1
        found.update({f"orders:{department}": again for department in send.departments})
    return found


def _stored(send: Send) -> int:
    return 0 if send.way in PICTURES else len(send.pictures)


def compare(wanted: Totals, seen: Totals) -> list[Line]:
    """Every line of either, in the order of `NAMES`."""
    order = list(NAMES)
    names = sorted({*wanted, *seen}, key=lambda name: (order.index(name.partition(":")[0]), name))
    return [Line(name, wanted.get(name, 0), seen.get(name, 0)) for name in names]


def all_equal(lines: Iterable[Line]) -> bool:
    """Whether nothing is missing and nothing is too much."""
    return all(line.equal for line in lines)
