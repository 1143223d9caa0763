"""Who may call which route of points."""

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
    **export.POLICY,
}
