"""Text in both languages, and the friendly words for what events say in codes."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """The same thing said in zh-CN and in en."""

    zh: str
    en: str


def same(text: str) -> Words:
    """What needs no translation: a code, a number, what a person has written."""
    return Words(text, text)


def said(reason: str | None) -> Words:
    """A reason that staff wrote, without its full stop because a sentence goes on around it; or that they gave none."""
    text = (reason or "").strip().rstrip("。.")
    return same(text) if text else Words("未另作说明", "no further explanation")


UNCERTAIN = Words("位置不确定，需要核实地点", "the place is uncertain and must be checked")

RULES: Mapping[str, Words] = {
    "hazard_first": Words("第一个上报", "first to report"),
    "hazard_co_reporter": Words("共同上报", "reported it as well"),
    "hazard_self_fixed": Words("随手排除隐患", "removed the hazard yourself"),
    "hazard_outstanding": Words("突出贡献", "outstanding act"),
}
"""Lines of the points rules (`points.yaml`) that say more than their activity."""

ACTIVITIES: Mapping[str, Words] = {
    "meeting": Words("参加会议", "attending a meeting"),
    "training": Words("参加培训", "attending training"),
    "home_visit": Words("入户走访", "home visit"),
    "help": Words("帮助居民", "helping residents"),
    "hazard": Words("上报隐患", "reporting a hazard"),
    "hardship": Words("困难帮扶", "hardship assistance"),
    "volunteer": Words("志愿服务", "volunteering"),
}
"""The seven activities of the passbook."""

ADJUSTMENTS: Mapping[str, Words] = {
    "bogus": Words("上报经核实不属实", "the report was found to be untrue"),
    "bogus_report": Words("上报经核实不属实", "the report was found to be untrue"),
    "mistake": Words("记分有误", "the points were given by mistake"),
}
"""Known reasons for taking points back; the list is open."""

_BY_THE_RULES = Words("按积分规则调整", "adjusted under the points rules")


def why_awarded(rule: str, activity: str) -> Words:
    """Why points were given."""
    return RULES.get(rule) or ACTIVITIES[activity]


def why_adjusted(reason: str) -> Words:
    """Why points were taken back."""
    return ADJUSTMENTS.get(reason, _BY_THE_RULES)


SAMPLES: Mapping[str, Words] = {
    "code": same("0000-0000"),
    "category": Words("井盖缺失或损坏", "manhole cover missing or broken"),
    "place": Words("桃北社区第一网格0101微网格", "Taobei community, grid 1, micro-grid 0101"),
    "department": Words("市政工程部门", "municipal works"),
    "reason": Words("现场已有围挡", "there is a barrier already"),
    "question": Words("在路的哪一侧？", "On which side of the road?"),
    "points": same("5"),
    "balance": same("25"),
    "why": RULES["hazard_first"],
    "activity": ACTIVITIES["volunteer"],
    "title": Words("防汛提醒", "Storm warning"),
    "text": Words("今晚有暴雨，请远离低洼路段。", "Heavy rain tonight: keep away from low-lying roads."),
    "count": same("3"),
    "list": Words("0000-0000（18:00）", "0000-0000 (18:00)"),
    "days": same("7"),
}
"""A value for every placeholder, to show how a text reads."""
