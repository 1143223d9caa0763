"""Every text that notify sends. zh-CN first. `{placeholders}` are checked against what the table of `telling` provides.

A text names the thing by category, place in words and code, and says what comes next; it names no person. Words that
mean "fixed" stand only in templates whose name begins with `fixed`.
"""

import string
from collections.abc import Mapping
from dataclasses import dataclass

from services.notify.domain.words import Words

CASE, PASSBOOK = "/p/{code}", "/passbook"
"""Where a message leads, from the front door's root."""

_ABSENT = "—"


@dataclass(frozen=True, slots=True)
class Template:
    """`title` fits a lock screen, `text` says what happened, `next` what comes or what to do."""

    title: Words
    text: Words
    next: Words
    link: str = CASE


@dataclass(frozen=True, slots=True)
class Text:
    """A rendered message in one language."""

    title: str
    text: str
    next: str


def _t(title: tuple[str, str], text: tuple[str, str], then: tuple[str, str], link: str = CASE) -> Template:
    return Template(Words(*title), Words(*text), Words(*then), link)


_FOLLOWS = ("有进展会在这里告诉您。", "You will hear of every step here.")
_OBJECT = ("如有不同意见，7 天内可以申诉。", "If you disagree, you may appeal within 7 days.")
_DESK = ("请打开工作台处理。", "Please see to it on the desk.")
_REDEEM = ("积分可在微网格员之家兑换。", "Points can be redeemed at the homes.")
_ASK = ("如有疑问，请联系社区。", "Please ask your community if this is unclear.")
_OPEN = ("请打开存折查看。", "Please see your passbook.")

TEMPLATES: Mapping[str, Template] = {
    # For riders: one for each step of the story
    "received": _t(
        ("已收到上报 {code}", "Report {code} received"),
        (
            "您上报的“{category}”（{place}）已收到，编号 {code}。",
            "Your report “{category}” ({place}) is received as {code}.",
        ),
        _FOLLOWS,
    ),
    "joined": _t(
        ("已收到上报 {code}", "Report {code} received"),
        (
            "您的上报已记入“{category}”（{place}），编号 {code}。",
            "Your report is added to “{category}” ({place}), {code}.",
        ),
        _FOLLOWS,
    ),
    "broken_again": _t(
        ("已收到再次损坏的上报 {code}", "Broken again: {code} received"),
        (
            "您反映“{category}”（{place}）又出现问题，已记入 {code}。",
            "You report that “{category}” ({place}) is broken again; it is added to {code}.",
        ),
        _FOLLOWS,
    ),
    "asked": _t(
        ("已交由{department}处理", "{department} has been asked"),
        ("“{category}”（{place}）已派给{department}。", "“{category}” ({place}) was sent to {department}."),
        _FOLLOWS,
    ),
    "moved": _t(
        ("已转给{department}", "Moved to {department}"),
        ("“{category}”（{place}）已转由{department}处理。", "“{category}” ({place}) was moved to {department}."),
        _FOLLOWS,
    ),
    "accepted": _t(
        ("{department}已受理", "{department} has accepted"),
        ("{department}已受理“{category}”（{place}）。", "{department} has accepted “{category}” ({place})."),
        _FOLLOWS,
    ),
    "in_progress": _t(
        ("正在处理 {code}", "{code} is in progress"),
        ("“{category}”（{place}）正在处理。", "“{category}” ({place}) is being worked on."),
        _FOLLOWS,
    ),
    "temporary_safe": _t(
        ("{code} 已临时排险", "{code} is safe for now"),
        (
            "“{category}”（{place}）已采取临时安全措施，后续维修还在进行。",
            "“{category}” ({place}) was made safe for now; the permanent repair is still to come.",
        ),
        ("经过时仍请注意安全。", "Please still take care when you pass."),
    ),
    "needs_info": _t(
        ("{code} 需要您补充信息", "{code}: a question to you"),
        (
            "关于“{category}”（{place}），社区想请问：{question}",
            "About “{category}” ({place}) the community asks: {question}",
        ),
        ("请打开链接回答，收到后继续处理。", "Please answer by the link; work goes on as soon as you do."),
    ),
    "fixed": _t(
        ("{code} 已修好", "{code} is fixed"),
        (
            "您上报的“{category}”（{place}）已处理完成。谢谢您！",
            "“{category}” ({place}), which you reported, is fixed. Thank you!",
        ),
        (
            "下次顺路经过时可以确认；没有修好，7 天内可以反映。",
            "Confirm it when you next pass; if it is not fixed, tell us within 7 days.",
        ),
    ),
    "fixed_by_rider": _t(
        ("{code} 已由您排除", "{code} is fixed, by you"),
        (
            "“{category}”（{place}）已确认由骑手排除。谢谢您！",
            "“{category}” ({place}) was fixed on the spot. Thank you!",
        ),
        ("打开链接可查看记录。", "The link shows the record."),
    ),
    "reopened": _t(
        ("{code} 重新处理", "{code} is taken up again"),
        ("“{category}”（{place}）重新开始处理：{reason}。", "“{category}” ({place}) is taken up again: {reason}."),
        _FOLLOWS,
    ),
    "rejected": _t(
        ("{code} 未予立案", "{code} was not taken up"),
        (
            "“{category}”（{place}）经社区核实，未予立案：{reason}。",
            "The community looked at “{category}” ({place}) and did not take it up: {reason}.",
        ),
        _OBJECT,
    ),
    "appeal_granted": _t(
        ("{code} 申诉已采纳", "{code}: your appeal was granted"),
        ("“{category}”（{place}）重新受理：{reason}。", "“{category}” ({place}) is taken up after all: {reason}."),
        _FOLLOWS,
    ),
    "duplicate": _t(
        ("{code} 与已有上报是同一件事", "{code} is known already"),
        (
            "“{category}”（{place}）已有人上报，两份上报并在一起：{reason}。",
            "“{category}” ({place}) was reported before; the two reports are now one: {reason}.",
        ),
        ("结果同样会告诉您。", "You will hear of the outcome all the same."),
    ),
    "no_action": _t(
        ("{code} 已结束，未作处置", "{code} was closed without action"),
        ("“{category}”（{place}）不再处置：{reason}。", "Nothing will be done about “{category}” ({place}): {reason}."),
        ("情况有变化时，欢迎再次上报。", "Please report it again should things change."),
    ),
    "parked": _t(
        ("{code} 暂缓处理", "{code} is put off"),
        (
            "“{category}”（{place}）暂时无法处理：{reason}。",
            "“{category}” ({place}) cannot be dealt with now: {reason}.",
        ),
        ("到期会自动恢复，不会被遗忘。", "It comes back by itself and is not forgotten."),
    ),
    "points_awarded": _t(
        ("积分 +{points}", "+{points} points"),
        (
            "{why}：{code}“{category}”（{place}），获得 {points} 分，现有 {balance} 分。",
            "For {code} “{category}” ({place}), {why}: {points} points; you now have {balance}.",
        ),
        _REDEEM,
    ),
    "points_for_activity": _t(
        ("积分 +{points}", "+{points} points"),
        ("{why}：获得 {points} 分，现有 {balance} 分。", "For {why}: {points} points; you now have {balance}."),
        _REDEEM,
        PASSBOOK,
    ),
    "points_capped": _t(
        ("本次不计分", "No points this time"),
        (
            "{why}：本期积分已达上限，本次计 0 分，现有 {balance} 分。",
            "For {why}: the cap of this period is reached, so no points; you have {balance}.",
        ),
        ("下个周期继续计分。", "Points count again in the next period."),
        PASSBOOK,
    ),
    "points_reversed": _t(
        ("积分冲正 {points}", "{points} points taken back"),
        (
            "{why}：冲正 {points} 分，现有 {balance} 分。",
            "{points} points were taken back: {why}. You now have {balance}.",
        ),
        _ASK,
        PASSBOOK,
    ),
    "points_expired": _t(
        ("{points} 分已到期", "{points} points have expired"),
        ("{points} 分已到期，现有 {balance} 分。", "{points} points have expired; you now have {balance}."),
        _OPEN,
        PASSBOOK,
    ),
    "redemption_cancelled": _t(
        ("兑换已取消，退回 {points} 分", "Redemption cancelled, {points} points returned"),
        (
            "兑换已取消，{points} 分已退回，现有 {balance} 分。",
            "Your {points} points are returned; you now have {balance}.",
        ),
        _OPEN,
        PASSBOOK,
    ),
    "redemption_expired": _t(
        ("兑换逾期，退回 {points} 分", "Redemption expired, {points} points returned"),
        (
            "奖品逾期未领取，{points} 分已退回，现有 {balance} 分。",
            "The prize was not picked up in time; your {points} points are returned, you now have {balance}.",
        ),
        _OPEN,
        PASSBOOK,
    ),
    # For community staff
    "captain_activity": _t(
        ("队员活动待推荐", "An activity waits for your word"),
        ("您小队的队员登记了一项活动：{activity}。", "Somebody of your squad has recorded: {activity}."),
        ("请在“本小队活动”中查看并推荐。", "Look at it among your squad's activities, and recommend it."),
        "/",
    ),
    "staff_new": _t(
        ("新上报 {code}", "New incident {code}"),
        ("{place}：{category}，编号 {code}。", "{place}: {category}, {code}."),
        _DESK,
    ),
    "staff_moved_here": _t(
        ("转入本社区 {code}", "{code} lies in your community"),
        ("地点更正为{place}：{category}，编号 {code}。", "The place was corrected to {place}: {category}, {code}."),
        _DESK,
    ),
    "staff_triage": _t(
        ("{code} 待人工研判", "{code} waits for your decision"),
        ("{place}：{category}。原因：{reason}。", "{place}: {category}. Reason: {reason}."),
        _DESK,
    ),
    "staff_all_returned": _t(
        ("{code} 全部退回，待研判", "{code} came back from every department"),
        (
            "{place}：{category}，派出的单位都已退回，请重新确定。",
            "{place}: {category}. Every department returned it: decide again.",
        ),
        _DESK,
    ),
    "staff_late": _t(
        ("{code} 已超时", "{code} is overdue"),
        ("{place}：{category}，{department}已超过时限。", "{place}: {category}: {department} is past its deadline."),
        _DESK,
    ),
    "leads_late": _t(
        ("{code} 严重超时", "{code} is far overdue"),
        (
            "{place}：{category}，{department}超过时限一半以上，请督办。",
            "{place}: {category}: {department} has taken over half as long again as it had.",
        ),
        _DESK,
    ),
    # For a department's people
    "department_offer": _t(
        ("新任务 {code}", "New order {code}"),
        ("{place}：{category}，编号 {code}，请{department}受理。", "{place}: {category}, {code}, for {department}."),
        ("请在工单页受理，或说明理由退回。", "Please accept it on the orders page, or return it with a reason."),
    ),
    "department_withdrawn": _t(
        ("任务 {code} 已撤回", "Order {code} was withdrawn"),
        ("{place}：{category}，不再需要{department}处理。", "{place}: {category}: {department} need not act any more."),
        ("无需再做。", "Nothing is left to do."),
    ),
    "department_reminder": _t(
        ("提醒：{code} 时限过半", "Reminder: half of the time for {code} is gone"),
        (
            "{place}：{category}，{department}的时限已过半。",
            "{place}: {category}: half of {department}'s time is gone.",
        ),
        ("来不及时请申请延期。", "Please ask for more time if it will not do."),
    ),
    "department_accept_missed": _t(
        ("{code} 尚未受理", "{code} was not accepted in time"),
        (
            "{place}：{category}，{department}未在时限内受理。",
            "{place}: {category}: {department} has not accepted it in time.",
        ),
        ("请负责人立即安排。", "Whoever leads it, please see to it now."),
    ),
    "department_late": _t(
        ("{code} 时限将到", "{code} is due soon"),
        (
            "{place}：{category}，{department}的时限已过八成。",
            "{place}: {category}: four fifths of {department}'s time is gone.",
        ),
        ("请负责人过问。", "Whoever leads it, please look into it."),
    ),
    # For chat groups, where many read along
    "group_new": _t(
        ("新上报 {code}", "New report {code}"),
        ("{place}：{category}，编号 {code}。", "{place}: {category}, {code}."),
        ("经过时请留意安全。", "Please take care when you pass."),
    ),
    "group_danger": _t(
        ("注意险情 {code}", "Danger: {code}"),
        (
            "{place}：{category}，请绕行，看好老人和孩子。",
            "{place}: {category}. Keep away, and mind the old and the young.",
        ),
        ("处置进展会在这里通知。", "You will hear of it here."),
    ),
    "group_safe": _t(
        ("{code} 已临时排险", "{code} is safe for now"),
        ("{place}：{category}，已采取临时安全措施。", "{place}: {category} was made safe for now."),
        ("后续维修还在进行，仍请注意。", "The permanent repair is still to come; please take care."),
    ),
    "fixed_for_groups": _t(
        ("{code} 已修好", "{code} is fixed"),
        ("{place}：{category}，已处理完成。", "{place}: {category} is fixed."),
        ("感谢大家关注。", "Thank you for looking out."),
    ),
    # For a rider's activities
    "activity_rejected": _t(
        ("活动记录未通过", "Activity not approved"),
        ("{activity}的记录未通过：{reason}。", "Your record of {activity} was not approved: {reason}."),
        _ASK,
        PASSBOOK,
    ),
    "fixed_for_staff": _t(
        ("{code} 已办结", "{code} is fixed"),
        ("{place}：{category}，已处理完成。", "{place}: {category} is fixed."),
        ("7 天内可核实。", "It can be verified within 7 days."),
    ),
}


NOTICE = _t(
    ("通知：{title}", "Notice: {title}"),
    ("{text}", "{text}"),
    ("来自街道与社区。", "From your sub-district and community."),
    "/",
)
"""Not of the table: a desk has written it."""

DUE_TODAY = _t(
    ("今天到期 {count} 件", "{count} due today"),
    ("今天到期或已超时：{list}。", "Due today, or overdue: {list}."),
    ("请优先处理。", "Please see to these first."),
    "/",
)
QUIET_GRIDS = _t(
    ("{count} 个微网格近期没有上报", "{count} micro-grids without a report"),
    ("{days} 天内没有上报的微网格：{list}。", "No report for {days} days from: {list}."),
    ("可安排走访看看。", "A visit may be worth while."),
    "/",
)
"""Daily digests: not of the table, the morning brings them."""

CONFIRM = _t(
    ("验证码 {code}", "Your code is {code}"),
    (
        "您的前哨联系方式验证码：{code}，12 小时内有效。",
        "The code for your contact in Qianshao: {code}, good for 12 hours.",
    ),
    ("不是您本人操作请忽略。", "Ignore this if it was not you."),
    "/",
)
"""Not of the table: it goes to an address rather than to somebody."""


def placeholders(template: Template) -> set[str]:
    """The names that its texts and its link use."""
    pairs = (template.title, template.text, template.next)
    texts = [template.link, *(text for pair in pairs for text in (pair.zh, pair.en))]
    return {name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name}


def render(template: Template, values: Mapping[str, Words]) -> tuple[Text, Text, str]:
    """Text in zh-CN, text in en, link. A value that an older step lacks shows as a dash rather than losing the message."""
    zh = _Values({name: words.zh for name, words in values.items()})
    en = _Values({name: words.en for name, words in values.items()})
    return (
        Text(template.title.zh.format_map(zh), template.text.zh.format_map(zh), template.next.zh.format_map(zh)),
        Text(template.title.en.format_map(en), template.text.en.format_map(en), template.next.en.format_map(en)),
        template.link.format_map(zh),
    )


class _Values(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return _ABSENT
