"""Who may call which route of points."""

from services.points import prize_policy
from services.points.activity_policy import ACTIVITY_POLICY
from shared.web import export
from shared.web.auth import Role
from shared.web.policy import DESKS, Policy, Reach, allow

POLICY: Policy = {
    "GET /v1/passbook": allow(Role.RIDER, reach=Reach.OWN, zh="我的积分存折", en="my passbook"),
    "GET /v1/passbook/entries": allow(Role.RIDER, reach=Reach.OWN, zh="我的积分明细", en="my passbook line by line"),
    "GET /v1/passbooks/{rider}": allow(
        *DESKS, reach=Reach.SUBDISTRICT, zh="某位骑手的积分存折", en="a rider's passbook"
    ),
    "GET /v1/passbooks/{rider}/entries": allow(
        *DESKS, reach=Reach.SUBDISTRICT, zh="某位骑手的积分明细", en="a rider's passbook line by line"
    ),
    "GET /v1/incidents/{incident_id}/points": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="这件事为什么得了这些分", en="why an incident paid what it paid"
    ),
    "POST /v1/campaigns": allow(*DESKS, reach=Reach.COMMUNITIES, zh="发起入户走访", en="announce a round of visits"),
    "PUT /v1/campaigns/{campaign_id}": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="修改走访活动", en="change a round of visits"
    ),
    "POST /v1/campaigns/{campaign_id}/close": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="结束走访活动", en="close a round of visits"
    ),
    "GET /v1/campaigns": allow(*DESKS, reach=Reach.COMMUNITIES, zh="走访活动", en="the rounds of visits"),
    "GET /v1/campaigns/{campaign_id}": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="一个走访活动", en="one round of visits"
    ),
    **prize_policy.POLICY,
    "GET /v1/entries/{entry_id}/why": allow(
        Role.RIDER, *DESKS, reach=(Reach.OWN, Reach.SUBDISTRICT), zh="这笔积分的缘由", en="why these points"
    ),
    "POST /v1/entries/{entry_id}/reversal": allow(
        *DESKS, reach=Reach.SUBDISTRICT, zh="冲回一笔积分", en="take an award back"
    ),
    "GET /v1/proposals": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="待第二人认可的突出表现", en="outstanding acts waiting for a second person"
    ),
    "POST /v1/incidents/{incident_id}/outstanding": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="提名突出表现", en="propose somebody for something outstanding"
    ),
    "POST /v1/incidents/{incident_id}/outstanding/{rider}": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="认可或不认可突出表现", en="decide what another person has proposed"
    ),
    **ACTIVITY_POLICY,
    **export.POLICY,
}
