"""Who may call which route of dispatch."""

from shared.web import export
from shared.web.auth import Role
from shared.web.policy import DESKS, Policy, Reach, Rule, allow


def _own(zh: str, en: str) -> Rule:
    return allow(Role.DEPARTMENT, reach=Reach.DEPARTMENT, zh=zh, en=en)


POLICY: Policy = {
    "GET /v1/incidents": allow(*DESKS, reach=Reach.COMMUNITIES, zh="待办队列", en="the desk's queue"),
    "GET /v1/incidents/{incident_id}": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="一件事的全部经过", en="one incident with its whole trail"
    ),
    "POST /v1/incidents/{incident_id}/assign": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="派给部门", en="send it to departments"
    ),
    "GET /v1/orders": _own("本部门工单", "my department's orders"),
    "GET /v1/orders/{order}": _own("一张工单", "one of my department's orders"),
    "POST /v1/orders/{order}/accept": _own("接单", "take an order on"),
    "POST /v1/orders/{order}/return": _own("退单", "give an order back"),
    "POST /v1/orders/{order}/progress": _own("报告进展", "say how far it is"),
    "POST /v1/orders/{order}/extension": _own("申请延期", "ask for more time"),
    "POST /v1/orders/{order}/done": _own("报告办结", "report it fixed"),
    **export.POLICY,
}
