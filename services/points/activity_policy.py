"""Who may call which route of activities, meetings and trainings."""

from shared.web.auth import Role
from shared.web.policy import DESKS, Policy, Reach, allow

_WHOSE = (Reach.OWN, Reach.SQUAD, Reach.COMMUNITIES)


ACTIVITY_POLICY: Policy = {
    "POST /v1/activities": allow(Role.RIDER, reach=Reach.OWN, zh="登记我做的活动", en="record what I did"),
    "GET /v1/activities": allow(
        Role.RIDER,
        *DESKS,
        reach=(Reach.OWN, Reach.COMMUNITIES),
        zh="我的活动，或我辖区内的活动",
        en="my activities, or those of my communities",
    ),
    "GET /v1/activities/waiting": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="待审批的活动", en="activities waiting for approval"
    ),
    "GET /v1/squad/activities": allow(
        Role.RIDER, reach=Reach.SQUAD, zh="本小队待审批的活动（队长）", en="what waits of my squad, for its captain"
    ),
    "GET /v1/activities/{activity_id}": allow(
        Role.RIDER, *DESKS, reach=_WHOSE, zh="一项活动", en="one activity with its history"
    ),
    "POST /v1/activities/{activity_id}/recommend": allow(
        Role.RIDER, reach=Reach.SQUAD, zh="推荐队员的活动（队长）", en="recommend what somebody of my squad did"
    ),
    "POST /v1/activities/{activity_id}/withdraw": allow(
        Role.RIDER, reach=Reach.OWN, zh="撤回我登记的活动", en="take back what I recorded"
    ),
    "POST /v1/activities/{activity_id}/approve": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="认可一项活动", en="approve an activity"
    ),
    "POST /v1/activities/{activity_id}/reject": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="不予认可，附理由", en="do not count an activity, with a reason"
    ),
    "POST /v1/activities/approve": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="批量认可活动", en="approve several activities"
    ),
    "POST /v1/events": allow(*DESKS, reach=Reach.COMMUNITIES, zh="发起会议或培训", en="announce a meeting or training"),
    "GET /v1/events": allow(
        Role.RIDER,
        *DESKS,
        reach=(Reach.OWN, Reach.COMMUNITIES),
        zh="邀请我的，或我辖区内的会议与培训",
        en="meetings and trainings that I am welcome to, or of my communities",
    ),
    "GET /v1/events/{event_id}": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="一次会议或培训", en="one meeting or training"
    ),
    "PUT /v1/events/{event_id}": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="修改会议或培训", en="change a meeting or training"
    ),
    "POST /v1/events/{event_id}/cancel": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="取消会议或培训", en="call a meeting or training off"
    ),
    "GET /v1/events/{event_id}/checkin-code": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="签到二维码（每 30 秒换新）", en="the check-in code to show now"
    ),
    "GET /v1/events/{event_id}/roster": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="应到与实到名单", en="who is expected and who was there"
    ),
    "POST /v1/events/{event_id}/attendance": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="按名单确认到场", en="tick who was there"
    ),
    "POST /v1/checkins": allow(Role.RIDER, reach=Reach.OWN, zh="扫码签到", en="check in with the code"),
    "GET /v1/campaigns/{campaign_id}/tally": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="走访活动汇总", en="what a round of visits has come to"
    ),
}
