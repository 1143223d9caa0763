"""Who may call which route of notify."""

from shared.web import export
from shared.web.auth import Role
from shared.web.policy import DESKS, EVERY_ROLE, Policy, Reach, allow

_INBOXES = (Reach.OWN, Reach.COMMUNITIES, Reach.SUBDISTRICT)
_DESKS = (Reach.COMMUNITIES, Reach.SUBDISTRICT)

POLICY: Policy = {
    "GET /v1/inbox": allow(*EVERY_ROLE, reach=_INBOXES, zh="收件箱", en="a page of an inbox"),
    "GET /v1/inbox/stream": allow(
        *EVERY_ROLE, reach=_INBOXES, zh="收件箱的实时推送", en="an inbox as server-sent events"
    ),
    "POST /v1/inbox/read": allow(*EVERY_ROLE, reach=_INBOXES, zh="标记已读", en="I have read up to here"),
    "GET /v1/deliveries": allow(
        *DESKS, reach=(Reach.COMMUNITIES, Reach.SUBDISTRICT), zh="通知送达情况", en="what became of notices"
    ),
    "GET /v1/audiences": allow(
        *DESKS, reach=(Reach.COMMUNITIES, Reach.SUBDISTRICT), zh="群组与受众", en="groups and audiences"
    ),
    "GET /v1/templates": allow(*DESKS, reach=Reach.NOTHING, zh="通知模板及预览", en="texts and how they read"),
    "GET /v1/preferences": allow(Role.RIDER, reach=Reach.OWN, zh="我的通知偏好", en="my preferences"),
    "PUT /v1/preferences": allow(Role.RIDER, reach=Reach.OWN, zh="修改通知偏好", en="change my preferences"),
    "PUT /v1/contacts": allow(Role.RIDER, reach=Reach.OWN, zh="我的联系方式", en="where I can be reached"),
    "POST /v1/contacts/confirm": allow(Role.RIDER, reach=Reach.OWN, zh="验证联系方式", en="confirm where"),
    "POST /v1/broadcasts": allow(*DESKS, reach=_DESKS, zh="起草通知", en="write a notice"),
    "POST /v1/broadcasts/{broadcast_id}/schedule": allow(*DESKS, reach=_DESKS, zh="发送或定时通知", en="send a notice"),
    "POST /v1/broadcasts/{broadcast_id}/withdraw": allow(*DESKS, reach=_DESKS, zh="撤回通知", en="take a notice back"),
    "GET /v1/broadcasts": allow(*DESKS, reach=_DESKS, zh="通知列表", en="notices"),
    "GET /v1/broadcasts/{broadcast_id}": allow(
        *DESKS, reach=_DESKS, zh="一条通知及触达人数", en="a notice and its reach"
    ),
    **export.POLICY,
}
