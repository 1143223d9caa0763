"""Who may call which route of dispatch."""

from shared.web import export
from shared.web.auth import Role
from shared.web.policy import DESKS, EVERY_ROLE, Policy, Reach, Rule, allow


def _own(zh: str, en: str) -> Rule:
    return allow(Role.DEPARTMENT, reach=Reach.DEPARTMENT, zh=zh, en=en)


POLICY: Policy = {
    "GET /v1/incidents": allow(*DESKS, reach=Reach.COMMUNITIES, zh="待办队列", en="the desk's queue"),
    "GET /v1/cases": allow(*DESKS, reach=Reach.COMMUNITIES, zh="按截止月份的案件清单", en="the cases of a month"),
    "GET /v1/figures": allow(*DESKS, reach=Reach.COMMUNITIES, zh="月度统计", en="the figures of a month"),
    "POST /v1/complaints": allow(*EVERY_ROLE, reach=Reach.OWN, zh="投诉箱：投诉", en="put in a complaint"),
    "GET /v1/complaints": allow(*DESKS, reach=Reach.COMMUNITIES, zh="投诉箱：查看", en="read the complaint box"),
    "GET /v1/incidents/{incident_id}": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="一件事的全部经过", en="one incident with its whole trail"
    ),
    "GET /v1/incidents/{incident_id}/sheet": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="移交单（12345 等）", en="one sheet to hand over to another house"
    ),
    "GET /v1/incidents/{incident_id}/deliveries": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="是否送达各部门", en="has it reached the departments"
    ),
    "GET /v1/incidents/{incident_id}/route": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="为何派给这些部门", en="why these departments"
    ),
    "POST /v1/incidents/{incident_id}/assign": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="派给部门", en="send it to departments"
    ),
    **{
        f"POST /v1/incidents/{{incident_id}}/{path}": allow(*DESKS, reach=Reach.COMMUNITIES, zh=zh, en=en)
        for path, zh, en in (
            ("triage", "定级", "set the final class"),
            ("category", "更正类别", "correct what it is"),
            ("place", "更正地点", "correct where it is"),
            ("question", "问上报人", "ask the reporter"),
            ("answer", "代为答复", "answer for the reporter"),
            ("reject", "不予受理", "nothing to act on"),
            ("appeal", "处理申诉", "decide on an appeal"),
            ("no-action", "不处置结案", "close it without action"),
            ("reopen", "重新处置", "it is not fixed"),
            ("temporary-safe", "已临时排险", "nobody is in danger now"),
            ("handover", "转 12345 等", "another house has the case too"),
            ("withdraw", "撤回派单", "take an order back"),
            ("verify", "核查通过", "it is really done"),
            ("extension", "审批延期", "grant or refuse more time"),
            ("merge", "并案", "it is a duplicate of another"),
            ("move-report", "移动上报", "a report belongs elsewhere"),
        )
    },
    **{
        f"POST /v1/incidents/{{incident_id}}/{path}": allow(Role.LEAD, reach=Reach.COMMUNITIES, zh=zh, en=en)
        for path, zh, en in (
            ("park", "挂账", "put it aside until a date"),
            ("unpark", "解除挂账", "go on before that date"),
            ("excuse", "裁定时限申诉", "a deadline leaves the figures, or the appeal is refused"),
        )
    },
    "POST /v1/self-fixed": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="批量认定骑手自行处置", en="riders put these right themselves"
    ),
    "GET /v1/orders": _own("本部门工单", "my department's orders"),
    "GET /v1/orders/{order}": _own("一张工单", "one of my department's orders"),
    "POST /v1/orders/{order}/accept": _own("接单", "take an order on"),
    "POST /v1/orders/{order}/return": _own("退单", "give an order back"),
    "POST /v1/orders/{order}/progress": _own("报告进展", "say how far it is"),
    "POST /v1/orders/{order}/extension": _own("申请延期", "ask for more time"),
    "POST /v1/orders/{order}/deadline-appeal": _own("时限申诉", "its deadline should not count"),
    "POST /v1/orders/{order}/done": _own("报告办结", "report it fixed"),
    **export.POLICY,
}
