"""What is printed, made of figures: statements, the monthly report, certificates, notices. Nothing is read or drawn here."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from services.points.domain.entry import Entry, Kind
from services.points.domain.ledger import effect
from services.points.domain.paper import Paper, Table
from services.points.domain.shelf import Words
from services.points.domain.statement import Earned, HomeMonth, MonthReport, Statement, masked

ACTIVITIES = {
    "meeting": "会议 meeting",
    "training": "培训 training",
    "home_visit": "入户走访 home visit",
    "help": "帮助居民 help",
    "hazard": "上报隐患 hazard",
    "hardship": "困难帮扶 hardship",
    "volunteer": "志愿服务 volunteering",
}
KINDS = {
    Kind.PENDING: "待入账 promised",
    Kind.POST: "入账 posted",
    Kind.VOID: "不再入账 no longer promised",
    Kind.REVERSAL: "冲正 reversed",
    Kind.RESERVE: "兑换预约 reserved",
    Kind.PICK_UP: "领取 picked up",
    Kind.CANCEL: "取消退回 cancelled",
    Kind.EXPIRE: "过期退回 expired",
    Kind.EXPIRY: "积分到期 expiry",
}
ENDS = {
    "reserved": "留存中 held",
    "picked_up": "已领取 picked up",
    "cancelled": "已取消 cancelled",
    "expired": "已过期 expired",
}
SORTS = {
    "insurance": "保险 insurance",
    "supplies": "物资 supplies",
    "festival_money": "节日慰问 festival money",
    "gift": "礼物 gift",
    "other": "其他 other",
}
_NOT_A_RANKING = "本表不作排名，次序与积分无关。No ranking: the order has nothing to do with points."


def statement_paper(statement: Statement, zone: ZoneInfo, name_of: Mapping[str, Words], now: datetime) -> Paper:
    """A rider's month. `name_of` names prizes."""
    last, before = statement.last, statement.before
    facts = (
        ("月份 month", statement.month),
        ("骑手 rider", statement.rider),
        ("账户 account", last.account if last else "—"),
        ("期初余额 opening balance", statement.opening),
        ("期初待入账 opening promised", statement.opening_pending),
        ("期末余额 closing balance", statement.closing),
        ("期末待入账 closing promised", statement.closing_pending),
        ("期初链值 chain before", before.digest if before else "—"),
        ("期末链值 chain after", last.digest if last else "—"),
    )
    rows = tuple(_line(entry, zone, name_of) for entry in statement.lines)
    heads = ("序号 no.", "时间 time", "事项 what", "积分 points", "余额 balance", "待入账 promised", "链值 digest")
    return Paper(
        "爱心存折月结单",
        "Statement of the love passbook",
        facts,
        (Table(f"明细 lines ({len(rows)})", heads, rows, (3, 8, 11, 4, 4, 5, 8)),),
        ("链值可用 CSV 文件逐行核对。The chain can be verified line by line with the CSV file.", _made(now, zone)),
    )


def _line(entry: Entry, zone: ZoneInfo, name_of: Mapping[str, Words]) -> tuple[str | int, ...]:
    what = ACTIVITIES.get(entry.activity, "")
    if not what and entry.rule in name_of:
        what = f"{name_of[entry.rule].zh} {name_of[entry.rule].en}"
    told = f"{KINDS[entry.kind]} {what}".strip()
    digest = entry.digest[:16]
    return (entry.number, _time(entry.at, zone), told, effect(entry).posted, entry.balance, entry.pending, digest)


def statement_rows(statement: Statement) -> list[list[str | int]]:
    """Every line with all that its digest covers, so that whoever holds the file can verify the chain; times in UTC."""
    names = [field.name for field in fields(Entry) if field.name != "id"]
    rows: list[list[str | int]] = [
        ["month", statement.month, "rider", statement.rider],
        ["opening", statement.opening, "pending", statement.opening_pending],
        ["previous", statement.before.digest if statement.before else ""],
        ["closing", statement.closing, "pending", statement.closing_pending],
        [],
        [*names],
    ]
    return [*rows, *([_plain(getattr(entry, name)) for name in names] for entry in statement.lines)]


def _plain(value: str | int | datetime) -> str | int:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds")
    return int(value) if isinstance(value, int) else str(value)


def home_paper(month: HomeMonth, name: Words, name_of: Mapping[str, Words], zone: ZoneInfo, now: datetime) -> Paper:
    """A home's month: stock and what was handed out, without riders."""
    stock = tuple(
        (_named(one.prize, name_of), one.opening, one.delivered, one.counted, one.picked_up, one.closing)
        for one in month.stocks
    )
    out = tuple(
        (_time(one.at, zone), _named(one.prize, name_of), one.points, one.redemption) for one in month.handed_out
    )
    heads = ("奖品 prize", "期初 opening", "到货 came", "盘点 counted", "领取 picked up", "期末 closing")
    return Paper(
        "微网格员之家月结单",
        "Statement of a home",
        (
            ("月份 month", month.month),
            ("之家 home", f"{name.zh} {name.en}"),
            ("发放件数 handed out", len(out)),
            ("兑付积分 points redeemed", month.points),
        ),
        (
            Table("库存 stock", heads, stock, (4, 1, 1, 1, 1, 1)),
            Table("发放 handed out", ("时间 time", "奖品 prize", "积分 points", "编号 id"), out, (3, 3, 1, 5)),
        ),
        (_made(now, zone),),
    )


def report_paper(report: MonthReport, name: str, homes: Mapping[str, Words], zone: ZoneInfo, now: datetime) -> Paper:
    """A sub-district's month: sums only, nobody is named."""
    names = {code: f"{words.zh} {words.en}" for code, words in homes.items()}
    return Paper(
        "爱心存折月报",
        "Monthly report of points",
        (
            ("街道 sub-district", name),
            ("月份 month", report.month),
            ("得分骑手 riders awarded", report.riders),
            ("入账积分 points awarded", sum(one.points for one in report.awards)),
            ("冲正积分 points taken back", report.taken_back),
            ("兑付积分 points redeemed", sum(one.points for one in report.homes)),
        ),
        (
            _earned("按活动 by activity", "活动 activity", report.awards, ACTIVITIES),
            _earned("兑换 redemptions", "结果 outcome", report.redemptions, ENDS),
            _earned("按之家兑付 redeemed by home", "之家 home", report.homes, names),
            _earned("福利 benefits", "类别 sort", report.benefits, SORTS, points=False),
        ),
        (_NOT_A_RANKING, _made(now, zone)),
    )


def certificate_paper(
    name: str, office: str, earned: Sequence[Earned], period: tuple[str, str], zone: ZoneInfo, now: datetime
) -> Paper:
    """What a rider has done, for whoever asks him; the name is the caller's word."""
    table = _earned("服务记录 record of service", "活动 activity", earned, ACTIVITIES)
    return Paper(
        "志愿服务证明",
        "Certificate of volunteer service",
        (
            ("姓名 name", name),
            ("街道 sub-district", office),
            ("期间 period", f"{period[0]} — {period[1]}"),
            ("认可次数 times", sum(one.count for one in earned)),
        ),
        (table,),
        ("兹证明上述记录属实。The record above is true to the books.", _made(now, zone)),
    )


def notice_paper(
    office: str, period: str, riders: Sequence[Earned], names: Mapping[str, str], zone: ZoneInfo, now: datetime
) -> Paper:
    """Who did something in a quarter, with masked names, in an order that ranks nobody."""
    rows = sorted((masked(names.get(one.key, "")), one.count, one.points) for one in riders)
    heads = ("骑手 rider", "认可次数 times", "积分 points")
    return Paper(
        "爱心存折季度公示",
        "Quarterly notice of points",
        (("街道 sub-district", office), ("季度 quarter", period), ("人数 riders", len(rows))),
        (Table("公示 notice", heads, tuple(rows), (3, 2, 2)),),
        (_NOT_A_RANKING, _made(now, zone)),
    )


def _earned(name: str, head: str, found: Sequence[Earned], words: Mapping[str, str], *, points: bool = True) -> Table:
    heads, widths = (head, "次数 times", "积分 points"), (4, 2, 2)
    rows = tuple((words.get(one.key, one.key), one.count, one.points) for one in found)
    if not points:
        return Table(name, heads[:2], tuple(row[:2] for row in rows), widths[:2])
    return Table(name, heads, rows, widths)


def _named(code: str, name_of: Mapping[str, Words]) -> str:
    words = name_of.get(code)
    return f"{words.zh} {words.en}" if words else code


def _made(now: datetime, zone: ZoneInfo) -> str:
    return f"制表 made {_time(now, zone)}"


def _time(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M")
