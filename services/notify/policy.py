"""Who may call which route of notify."""

from shared.web import export
from shared.web.policy import EVERY_ROLE, Policy, Reach, allow

_INBOXES = (Reach.OWN, Reach.COMMUNITIES, Reach.SUBDISTRICT)

POLICY: Policy = {
    "GET /v1/inbox": allow(*EVERY_ROLE, reach=_INBOXES, zh="收件箱", en="a page of an inbox"),
    "GET /v1/inbox/stream": allow(
        *EVERY_ROLE, reach=_INBOXES, zh="收件箱的实时推送", en="an inbox as server-sent events"
    ),
    "POST /v1/inbox/read": allow(*EVERY_ROLE, reach=_INBOXES, zh="标记已读", en="I have read up to here"),
    **export.POLICY,
}
