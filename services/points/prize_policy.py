"""Who may call which route about homes, prizes, redemptions and benefits."""

from shared.web.auth import Role
from shared.web.policy import DESKS, Policy, Reach, Rule, allow

_RIDER_AND_DESK = (Reach.OWN, Reach.COMMUNITIES)


def _desk(zh: str, en: str) -> Rule:
    return allow(*DESKS, reach=Reach.COMMUNITIES, zh=zh, en=en)


def _office(zh: str, en: str) -> Rule:
    return allow(*DESKS, reach=Reach.SUBDISTRICT, zh=zh, en=en)


def _everyone(zh: str, en: str) -> Rule:
    return allow(Role.RIDER, *DESKS, reach=Reach.SUBDISTRICT, zh=zh, en=en)


def _own_or_desk(zh: str, en: str) -> Rule:
    return allow(Role.RIDER, *DESKS, reach=_RIDER_AND_DESK, zh=zh, en=en)


def _rider(zh: str, en: str) -> Rule:
    return allow(Role.RIDER, reach=Reach.OWN, zh=zh, en=en)


POLICY: Policy = {
    "GET /v1/homes": _everyone("本街道的微网格员之家", "the homes of the sub-district"),
    "GET /v1/homes/{home_id}": _everyone("一个之家", "one home"),
    "GET /v1/homes/{home_id}/prizes": _everyone("一个之家可兑换的奖品", "what a home has for points"),
    "GET /v1/homes/{home_id}/account": _desk("一个之家的预算与未兑付", "what a home can afford and may be asked for"),
    "GET /v1/homes/{home_id}/budget": _desk("一个之家的预算明细", "the lines of a home's budget"),
    "POST /v1/homes/{home_id}/budget": _desk("登记预算增减", "points more or fewer for a home's budget"),
    "GET /v1/homes/{home_id}/stock": _desk("一个之家的库存", "what a home has of each prize"),
    "POST /v1/homes/{home_id}/stock": _desk("登记到货或盘点", "pieces came, or were counted"),
    "GET /v1/homes/{home_id}/stock/{prize}/movements": _desk("库存明细", "why a home has so many of a prize"),
    "GET /v1/stock/low": _desk("该补货的奖品", "what should be supplied"),
    "POST /v1/redemptions": _rider("预约兑换", "have a prize held"),
    "GET /v1/redemptions": _own_or_desk("我的兑换，或我辖区之家的兑换", "my redemptions, or those at homes of mine"),
    "GET /v1/redemptions/{redemption_id}": _own_or_desk("一次兑换", "one redemption"),
    "GET /v1/redemptions/{redemption_id}/token": _rider("取领取码", "a fresh code to show at the desk"),
    "POST /v1/redemptions/{redemption_id}/cancel": _own_or_desk("取消兑换", "give points and piece back"),
    "POST /v1/redemptions/pickup": _desk("核销领取码并发放", "hand a prize out"),
    "POST /v1/benefits": _desk("登记不用积分的福利", "enter what was given without points"),
    "POST /v1/benefits/{benefit_id}/revoke": _desk("作废一条福利登记", "a line of the register is wrong"),
    "GET /v1/benefits": _own_or_desk(
        "我得到的福利，或我辖区的福利登记", "what I was given, or what homes of mine gave"
    ),
    "GET /v1/statements/{month}.pdf": _rider("我的月结单", "my statement of a month"),
    "GET /v1/statements/{month}.csv": _rider("我的月结单（可核对链值）", "my statement, to verify the chain with"),
    "GET /v1/passbooks/{rider}/statements/{month}.pdf": _office("某位骑手的月结单", "a rider's statement"),
    "POST /v1/passbooks/{rider}/certificate.pdf": _office("开具志愿服务证明", "a certificate of what a rider has done"),
    "GET /v1/homes/{home_id}/statements/{month}.pdf": _desk("一个之家的月结单", "a home's statement"),
    "GET /v1/homes/{home_id}/statements/{month}.csv": _desk(
        "一个之家的月结单（表格）", "a home's statement as a table"
    ),
    "GET /v1/reports/{month}.pdf": _office("街道积分月报", "the sub-district's month, sums only"),
    "GET /v1/reports/{month}.csv": _office("街道积分月报（表格）", "the sub-district's month as a table"),
    "POST /v1/notices/{quarter}.pdf": _desk("季度公示（姓名打码）", "a quarter to be put up, names masked"),
    "GET /v1/rankings/{month}": _rider("小队名次（默认关闭）", "places of my squad, off by default"),
    "GET /v1/benefits.csv": _desk("福利登记表", "the register as a table"),
}
