"""The nine rules of events.md, as far as today's code can break them."""

from ops.check import incident_rules, ledger_rules, resolution_rules, transport_rules, view_rules
from ops.check.finding import Finding, Rule
from ops.check.snapshot import Snapshot

RULES = (
    Rule(1, "上报恰好一份", "reports exist exactly once", incident_rules.reports),
    Rule(
        2, "事件已分诊或派单，派单在且只在本部门", "incidents are offered, orders told where due", incident_rules.offers
    ),
    Rule(
        3,
        "办结已发布、已处理，记分有据",
        "resolutions are published, processed, paid once",
        resolution_rules.resolutions,
    ),
    Rule(4, "积分账平、链完整", "the ledger balances, its chains hold", ledger_rules.ledger),
    Rule(5, "序号连续", "sequences have no gap", transport_rules.sequences),
    Rule(6, "死信与原文一致", "dead letters are kept and told of", transport_rules.dead_letters),
    Rule(7, "升级不重不早", "escalations once, never early", incident_rules.escalations),
    Rule(8, "消息恰好一次", "inboxes exactly once, none missing", view_rules.inboxes),
    Rule(9, "视图等于事件折叠", "projections equal their topics", view_rules.projections),
)


def judge(snapshot: Snapshot) -> list[Finding]:
    """Every rule's finding, in order."""
    return [rule.judge(snapshot) for rule in RULES]
