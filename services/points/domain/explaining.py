"""Why these points: one entry in a sentence, in both languages."""

from dataclasses import dataclass

from services.points.domain.entry import Entry, Kind

_ACTIVITIES = {
    "meeting": ("参加会议", "a meeting"),
    "training": ("参加培训", "a training"),
    "home_visit": ("入户走访", "a home visit"),
    "help": ("帮助居民", "helping residents"),
    "hazard": ("上报隐患", "reporting a hazard"),
    "hardship": ("困难帮扶", "hardship assistance"),
    "volunteer": ("志愿服务", "volunteering"),
}
_RULES = {
    "hazard_first": ("首位上报隐患", "being the first to report a hazard"),
    "hazard_co_reporter": ("同报隐患", "reporting a hazard too"),
    "hazard_self_fixed": ("自己动手消除隐患", "putting a hazard right yourself"),
    "hazard_outstanding": ("突出表现", "something outstanding"),
}
_REASONS = {
    "triaged": ("已受理", "somebody has looked at it"),
    "dispatched": ("已派单", "it was sent to a department"),
    "incident_resolved": ("事情已办结", "it is fixed"),
    "cap": ("当日或当月已达上限", "the cap of the day or month was reached"),
    "cooldown": ("与上一次间隔太短", "it was too soon after the last one"),
    "rejected": ("未予受理", "it was rejected"),
    "duplicate": ("与另一件重复", "it is the same as another one"),
    "closed_no_action": ("无需处置", "there was nothing to do"),
    "category": ("类别不计分", "its category pays nothing"),
    "self_fixed": ("已由上报人自己消除", "a reporter put it right himself"),
    "superseded": ("按最终顺序计分", "the final order of reporters decides"),
    "bogus": ("经核实上报不实", "the report was found bogus"),
    "mistake": ("记错", "it was a mistake"),
    "not_done": ("经核实未做", "it was not done"),
    "wrong_rider": ("记错了人", "it was somebody else's"),
    "outstanding": ("两人认可", "two people approved it"),
    "approved": ("已认可", "it was approved"),
    "attended": ("已签到", "you were there"),
    "visited": ("已走访", "you were there"),
}
_SAYS = {
    Kind.PENDING: ("待入账 {points} 分", "{points} points promised"),
    Kind.POST: ("入账 {points} 分", "{points} points"),
    Kind.VOID: ("取消待入账 {points} 分", "a promise of {points} points taken back"),
    Kind.REVERSAL: ("冲回 {points} 分", "{points} points taken back"),
    Kind.RESERVE: ("兑换预留 {points} 分", "{points} points put aside for a prize"),
    Kind.PICK_UP: ("已领取奖品，用去 {points} 分", "prize picked up for {points} points"),
    Kind.CANCEL: ("取消兑换，退回 {points} 分", "redemption cancelled, {points} points returned"),
    Kind.EXPIRE: ("逾期未领，退回 {points} 分", "not picked up in time, {points} points returned"),
    Kind.EXPIRY: ("积分到期 {points} 分", "{points} points have expired"),
}


@dataclass(frozen=True, slots=True)
class Why:
    """The same sentence twice."""

    zh: str
    en: str


def why(entry: Entry) -> Why:
    """What happened, for what, because of what, under which rules. A word that is not known here stands as it is."""
    zh, en = (say.format(points=entry.amount) for say in _SAYS[entry.kind])
    for_zh, for_en = _RULES.get(entry.rule) or _ACTIVITIES.get(entry.activity) or (entry.rule, entry.rule)
    if for_zh:
        zh, en = f"{zh}：{for_zh}", f"{en} for {for_en}"
    if entry.activity:
        because_zh, because_en = _REASONS.get(entry.reason, (entry.reason, entry.reason))
        zh, en = f"{zh}，{because_zh}", f"{en}, because {because_en}"
    zh, en = _owed(entry, zh, en)
    return Why(f"{zh}（规则 {entry.rule_version}）。", f"{en} (rules {entry.rule_version}).")


def _owed(entry: Entry, zh: str, en: str) -> tuple[str, str]:
    if entry.owes > 0:
        return f"{zh}，其中 {entry.owes} 分已用掉，日后抵扣", f"{en}; {entry.owes} were spent and are owed"
    if entry.owes < 0:
        return f"{zh}，其中 {-entry.owes} 分抵扣欠分", f"{en}; {-entry.owes} of them pay what was owed"
    return zh, en
