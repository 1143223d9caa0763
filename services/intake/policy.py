"""Who may call which route of intake."""

from shared.web import export
from shared.web.auth import Role
from shared.web.policy import DESKS, EVERY_ROLE, Policy, Reach, Rule, allow, public

REPORTS: dict[str, Rule] = {
    "POST /v1/photos": allow(Role.RIDER, Role.STAFF, reach=Reach.OWN, zh="上传照片", en="upload one photo"),
    "POST /v1/evidence": allow(
        Role.DEPARTMENT, reach=Reach.DEPARTMENT, zh="上传处置后照片", en="upload an after-photo"
    ),
    "GET /v1/photos/{photo_id}": allow(
        Role.RIDER,
        Role.DEPARTMENT,
        *DESKS,
        reach=(Reach.OWN, Reach.DEPARTMENT, Reach.COMMUNITIES),
        zh="看一张照片",
        en="one photo, for whoever may see it",
    ),
    "POST /v1/photos/links": allow(
        Role.RIDER,
        Role.DEPARTMENT,
        *DESKS,
        reach=(Reach.OWN, Reach.DEPARTMENT, Reach.COMMUNITIES),
        zh="取照片的限时链接",
        en="links to photos that need no token, for whoever may see them",
    ),
    "GET /v1/photos/{photo_id}/signed": public(
        "凭十分钟内有效的签名链接看一张照片", "one photo, for whoever has a signed link that is not ten minutes old"
    ),
    "POST /v1/reports": allow(Role.RIDER, reach=Reach.OWN, zh="上报隐患", en="report a hazard"),
    "POST /v1/reports/batch": allow(
        Role.RIDER, reach=Reach.OWN, zh="补报离线时记下的隐患", en="report what was seen while offline"
    ),
    "GET /v1/categories": allow(
        *EVERY_ROLE, reach=Reach.NOTHING, zh="可上报的类别", en="what can be reported, of the reference data"
    ),
    "GET /v1/reports": allow(
        Role.RIDER,
        *DESKS,
        reach=(Reach.OWN, Reach.COMMUNITIES),
        zh="我的上报，或我辖区内的上报",
        en="my reports, or those at places of mine",
    ),
    "GET /v1/reports/{report_id}": allow(
        Role.RIDER,
        *DESKS,
        reach=(Reach.OWN, Reach.COMMUNITIES),
        zh="看一次上报",
        en="one report with what became of it",
    ),
    "GET /v1/reports/{report_id}/slip": allow(
        Role.RIDER,
        *DESKS,
        reach=(Reach.OWN, Reach.COMMUNITIES),
        zh="上报凭证",
        en="the proof slip of a report",
    ),
    "POST /v1/riders/{rider}/reports": allow(
        Role.STAFF, reach=Reach.COMMUNITIES, zh="代骑手上报隐患", en="report a hazard for a rider"
    ),
}

_OWN = "/v1/reports/{report_id}"

UPDATES: dict[str, Rule] = {
    "GET /v1/incidents/nearby": allow(
        Role.RIDER,
        *DESKS,
        reach=Reach.SUBDISTRICT,
        zh="上报前看附近已有的事件（不含任何人的信息）",
        en="known incidents near a place, before reporting; nothing of who reported them",
    ),
    f"POST {_OWN}/photos": allow(Role.RIDER, reach=Reach.OWN, zh="补充照片", en="add photos to one's report"),
    f"POST {_OWN}/comments": allow(Role.RIDER, reach=Reach.OWN, zh="补充说明", en="add a comment to one's report"),
    f"POST {_OWN}/answers": allow(Role.RIDER, reach=Reach.OWN, zh="回答社区的提问", en="answer the question asked"),
    f"POST {_OWN}/fixed": allow(Role.RIDER, reach=Reach.OWN, zh="确认已修好", en="say that it is fixed"),
    f"POST {_OWN}/not-fixed": allow(Role.RIDER, reach=Reach.OWN, zh="反映未修好", en="say that it is not fixed"),
    f"POST {_OWN}/appeal": allow(Role.RIDER, reach=Reach.OWN, zh="对驳回提出申诉", en="appeal against a rejection"),
}

REVIEWS: dict[str, Rule] = {
    "GET /v1/reviews": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="辖区内待复核的上报", en="flagged reports at places of mine"
    ),
    "POST /v1/reviews/{report_id}": allow(
        *DESKS, reach=Reach.COMMUNITIES, zh="复核一次上报", en="say what a flagged report is"
    ),
}

SESSIONS: dict[str, Rule] = {
    "POST /v1/sessions": public("登录：凭邀请码或身份令牌", "log in with an invitation or an id token"),
    "POST /v1/sessions/refresh": public("续期：凭刷新令牌", "carry a session on with its refresh token"),
    "GET /v1/sessions": allow(*EVERY_ROLE, reach=Reach.OWN, zh="我在哪些设备上登录了", en="where I am logged in"),
    "DELETE /v1/sessions/current": allow(*EVERY_ROLE, reach=Reach.OWN, zh="在这里退出", en="log out here"),
    "DELETE /v1/sessions": allow(*EVERY_ROLE, reach=Reach.OWN, zh="在所有设备上退出", en="log out everywhere"),
}

ACCOUNTS: dict[str, Rule] = {
    "GET /v1/people": allow(
        *EVERY_ROLE,
        reach=(Reach.OWN, Reach.SQUAD, Reach.COMMUNITIES, Reach.SUBDISTRICT),
        zh="范围内人员的姓名",
        en="names of people in my scope",
    ),
    "GET /v1/me": allow(*EVERY_ROLE, reach=Reach.OWN, zh="我的账号", en="my own account"),
    "GET /v1/accounts": allow(
        Role.ADMINISTRATOR,
        *DESKS,
        reach=(Reach.COMMUNITIES, Reach.SUBDISTRICT),
        zh="我管理的账号",
        en="the accounts I look after",
    ),
    "PATCH /v1/accounts/{account_id}": allow(
        Role.ADMINISTRATOR, reach=Reach.SUBDISTRICT, zh="修改账号", en="change an account"
    ),
    "POST /v1/accounts/{account_id}/invites": allow(
        Role.ADMINISTRATOR,
        Role.STAFF,
        reach=(Reach.COMMUNITIES, Reach.SUBDISTRICT),
        zh="生成一次性邀请链接",
        en="a one-time link to log in with",
    ),
    "POST /v1/accounts/{account_id}/forget": allow(
        Role.ADMINISTRATOR,
        reach=Reach.SUBDISTRICT,
        zh="在所有服务中遗忘某人",
        en="forget a person, everywhere and for good",
    ),
    "GET /v1/accounts/{account_id}/forgetting": allow(
        Role.ADMINISTRATOR, reach=Reach.SUBDISTRICT, zh="遗忘进行到哪一步", en="how far forgetting a person is"
    ),
    "POST /v1/roster": allow(Role.ADMINISTRATOR, reach=Reach.SUBDISTRICT, zh="导入名单", en="take over a roster"),
}

ROUNDS: dict[str, Rule] = {
    "GET /v1/campaigns": allow(
        Role.RIDER,
        *DESKS,
        reach=(Reach.OWN, Reach.COMMUNITIES),
        zh="正在进行的走访活动",
        en="the rounds of visits that run in my grids",
    ),
    "POST /v1/visits": allow(Role.RIDER, reach=Reach.OWN, zh="记录一次走访", en="record one visit of a round"),
}

PUBLIC: dict[str, Rule] = {
    "GET /v1/public/incidents/{code}": public(
        "凭编号查公开类别隐患的进展，不含个人信息，位置约到 50 米",
        "what became of an incident of a public category by its code: nothing of people, its place to 50 m",
    ),
}

POLICY: Policy = {**REPORTS, **UPDATES, **PUBLIC, **ROUNDS, **REVIEWS, **SESSIONS, **ACCOUNTS, **export.POLICY}
