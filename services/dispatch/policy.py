"""Who may call which route of dispatch."""

from shared.web import export
from shared.web.policy import DESKS, Policy, Reach, allow

POLICY: Policy = {
    "GET /v1/incidents": allow(*DESKS, reach=Reach.COMMUNITIES, zh="待办队列", en="the desk's queue"),
    "GET /v1/incidents/{incident_id}": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="一件事的全部经过", en="one incident with its whole trail"
    ),
    "POST /v1/incidents/{incident_id}/assign": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="派给部门", en="send it to departments"
    ),
    **export.POLICY,
}
