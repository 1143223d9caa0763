"""Every route of every service x everybody who has nothing to do with it: 401, 403, 404, or an answer without the story.

And those who have to do with it get theirs: a matrix of refusals would also be true of a broken house.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from inspect import isasyncgenfunction, iscoroutinefunction
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import httpx2
import pytest
from fastapi.routing import APIRoute
from starlette.routing import Route

from ops.local import plan
from services.points.domain import checkin
from services.points.giving import benefit_id
from services.points.redeeming import redemption_id
from shared.web.auth import Role
from shared.web.policy import OF_EVERY_PROCESS, Policy
from tests.support import estate as house
from tests.support.doing import activity_wish, gathering, gathering_wish
from tests.support.estate import (
    BEIDAJIE,
    CODE,
    CONTENT,
    DEVICE,
    ELSEWHERE,
    GRID,
    HERE,
    NAME,
    NEXT,
    RIDER,
    ROUND,
    SECRETS,
    SIGNER,
    TEXT,
    TRAINING,
    UNCERTAIN,
    WORDS,
    Estate,
)
from tests.support.forging import forgeries
from tests.support.intaking import wish
from tests.support.rounds import campaign_wish, visit_wish
from tests.support.stack import Stack
from tests.support.tokens import bearer
from tests.unit.test_intake_roster import CHINESE, as_csv

CALLERS: dict[str, tuple[Role, dict[str, Any]]] = {
    "rider": (Role.RIDER, {"sub": RIDER, "squad": "squad-1", "sid": "s-1"}),
    "other rider": (Role.RIDER, {"sub": "rider-2", "squad": "squad-1"}),
    "captain of another squad": (Role.RIDER, {"sub": "rider-3", "squad": "squad-2", "captain": True}),
    "rider elsewhere": (Role.RIDER, {"sub": "rider-4", "squad": "squad-1", "captain": True, "subdistrict": ELSEWHERE}),
    "staff": (Role.STAFF, {"sub": "s1", "communities": [HERE]}),
    "staff of all": (Role.STAFF, {"sub": "s2"}),
    "staff next door": (Role.STAFF, {"sub": "s3", "communities": [NEXT]}),
    "staff elsewhere": (Role.STAFF, {"sub": "s4", "subdistrict": ELSEWHERE}),
    "staff elsewhere who claims it": (Role.STAFF, {"sub": "s5", "subdistrict": ELSEWHERE, "communities": [HERE]}),
    "lead": (Role.LEAD, {"sub": "l1"}),
    "lead elsewhere": (Role.LEAD, {"sub": "l2", "subdistrict": ELSEWHERE}),
    "water": (Role.DEPARTMENT, {"sub": "d1", "department": "water"}),
    "fire": (Role.DEPARTMENT, {"sub": "d2", "department": "fire"}),
    "water elsewhere": (Role.DEPARTMENT, {"sub": "d3", "department": "water", "subdistrict": ELSEWHERE}),
    "operator": (Role.OPERATOR, {"sub": "o1"}),
    "administrator": (Role.ADMINISTRATOR, {"sub": "a1"}),
    "administrator elsewhere": (Role.ADMINISTRATOR, {"sub": "a2", "subdistrict": ELSEWHERE}),
}
NOBODY = "nobody"
RIDERS = ("rider", "other rider", "captain of another squad", "rider elsewhere")
DESK = ("staff", "staff of all", "lead")
AWAY = ("staff elsewhere", "staff elsewhere who claims it", "lead elsewhere")


@dataclass(frozen=True)
class Row:
    """One request. `told`: whose answer has the story (`mark`) in it, with its status; 409 has got as far as the story.

    `others`: what the others get whose role may call the route: 404, 403, or 200 with nothing of the story in it.
    """

    route: str
    told: dict[str, int]
    others: int = 404
    mark: str = ""
    path: str | None = None
    query: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    each: bool = False
    """`others` are told, too, but of themselves."""

    def __str__(self) -> str:
        return f"{self.route} {self.query.get('audience', '')}".strip()


def ok(*callers: str, status: int = 200) -> dict[str, int]:
    return dict.fromkeys(callers, status)


NEW_ONE = ("钱八", "13812345699", "骑手", "platform-a", "A-0099", "squad-1", "", "", "", "", "")
FLAGGED = "same_photo"
IN_INBOX = {"audience": f"rider:{RIDER}"}
IN_COMMUNITY = {"audience": f"community:{HERE}"}
NOW = datetime.now(UTC).isoformat()
PHOTO = {"files": {"photo": b"any"}}
SIGNED = dict(parse_qsl(urlsplit(house.LINKS.mint("photo-of-inc", datetime(2100, 1, 1, tzinfo=UTC)).url).query))
AND_NEXT = (*DESK, "staff next door")
ORDER = "/v1/orders/inc.1"
PROMISE = f"/v1/entries/award:inc:hazard_first:{RIDER}:pending"
LATER = "2099-01-01T00:00:00+08:00"
ACTS: dict[str, dict[str, Any]] = {
    "accept": {},
    "progress": {"progress": "on the way"},
    "extension": {"reason": "parts", "extension_until": LATER},
    "deadline-appeal": {"reason": "flood"},
    "return": {"reason": "not ours"},
    "done": {},
}
"""What a department does. Two are answered 409: the deadline is over, and an order given back cannot be done."""

SOON = (datetime.now(UTC) + timedelta(days=30)).isoformat()
DRAFT = {"client_key": "notice-key-1", "title_zh": "停水", "text_zh": "今晚停水", "targets": [f"community:{HERE}"]}
INVITED, REFRESHED = "the invitation", "the refresh token"


def exports(mark: str) -> list[Row]:
    """The same two routes of every service."""
    theirs = f"/v1/export/{RIDER}"
    return [
        Row("GET /v1/export", ok("rider"), 200, mark),
        Row("GET /v1/export/{account_id}", ok("administrator"), mark=mark, path=theirs),
    ]


STALE = 999
"""A version that the story never gets to: whoever may decide is told so, and nothing is decided."""


def decided(path: str, who: tuple[str, ...] = DESK, **body: Any) -> list[Row]:
    """One decision of the desk about the story's incident."""
    route = f"POST /v1/incidents/{{incident_id}}/{path}"
    sent = {"json": {"expected_version": STALE, **body}}
    return [Row(route, ok(*who, status=409), path=f"/v1/incidents/inc/{path}", body=sent)]


HELD_ID = redemption_id(RIDER, "wish-1")
"""The towel that the rider has held at the home here."""


def papers(home: str) -> list[Row]:
    """A statement is its rider's, and the office's; nobody reads in a report who did what."""
    book, month = f"/v1/passbooks/{RIDER}", datetime.now(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m")
    days = {"name": NAME, "since": "2020-01-01", "until": "2099-12-31"}
    notice = {"names": {RIDER: "钱塘江"}}
    return [
        Row("GET /v1/statements/{month}.pdf", ok("rider"), 200, RIDER, f"/v1/statements/{month}.pdf"),
        Row("GET /v1/statements/{month}.csv", ok("rider"), 200, RIDER, f"/v1/statements/{month}.csv"),
        Row(
            "GET /v1/passbooks/{rider}/statements/{month}.pdf",
            ok(*AND_NEXT),
            mark=RIDER,
            path=f"{book}/statements/{month}.pdf",
        ),
        Row(
            "POST /v1/passbooks/{rider}/certificate.pdf",
            ok(*AND_NEXT),
            mark=NAME,
            path=f"{book}/certificate.pdf",
            body={"json": days},
        ),
        Row(
            "GET /v1/homes/{home_id}/statements/{month}.pdf",
            ok(*DESK),
            mark="毛巾",
            path=f"{home}/statements/{month}.pdf",
        ),
        Row(
            "GET /v1/homes/{home_id}/statements/{month}.csv",
            ok(*DESK),
            mark="毛巾",
            path=f"{home}/statements/{month}.csv",
        ),
        Row("GET /v1/reports/{month}.pdf", ok(*AND_NEXT), 200, "帮助居民", f"/v1/reports/{month}.pdf"),
        Row("GET /v1/reports/{month}.csv", ok(*AND_NEXT), 200, "帮助居民", f"/v1/reports/{month}.csv"),
        Row(
            "POST /v1/notices/{quarter}.pdf",
            ok(*DESK),
            200,
            "钱**",
            f"/v1/notices/{month[:4]}-Q{(int(month[5:]) + 2) // 3}.pdf",
            body={"json": notice},
        ),
        Row("GET /v1/rankings/{month}", {}, 409, path=f"/v1/rankings/{month}"),
    ]


def prizes() -> list[Row]:
    """Homes are everybody's of the sub-district; what is in their books is their desk's, what is held is its rider's."""
    home, held = "/v1/homes/home-a", f"/v1/redemptions/{HELD_ID}"
    here = ("rider", "other rider", "captain of another squad", *AND_NEXT)
    given = benefit_id("s1", "paper-0001", RIDER)
    month = {"client_key": "paper-0003", "period": "2026-11", "points": 5, "reason": "捐赠"}
    came = {"client_key": "paper-0002", "prize": "towel", "kind": "delivery", "pieces": 5}
    gift = {"client_key": "paper-0009", "home": "home-a", "riders": [RIDER], "sort": "gift", "name_zh": "礼物"}
    wish = {"client_key": "phone-0009", "home": "home-a", "prize": "towel"}
    broke = {"other rider": 409, "captain of another squad": 409}
    return [
        Row("GET /v1/homes", ok(*here), 200, "home-a"),
        Row("GET /v1/homes/{home_id}", ok(*here), mark="08:00-20:00", path=home),
        Row("GET /v1/homes/{home_id}/prizes", ok(*here), mark="towel", path=f"{home}/prizes"),
        Row("GET /v1/homes/{home_id}/account", ok(*DESK), mark="liability", path=f"{home}/account"),
        Row("GET /v1/homes/{home_id}/stock", ok(*DESK), mark="towel", path=f"{home}/stock"),
        Row("GET /v1/stock/low", ok(*AND_NEXT), 200, "helmet"),
        Row(
            "POST /v1/homes/{home_id}/stock",
            ok(*DESK, status=201),
            mark="towel",
            path=f"{home}/stock",
            body={"json": came},
        ),
        Row(
            "GET /v1/homes/{home_id}/stock/{prize}/movements",
            ok(*DESK),
            mark=HELD_ID,
            path=f"{home}/stock/towel/movements",
        ),
        Row(
            "POST /v1/homes/{home_id}/budget",
            ok(*DESK, status=201),
            mark="捐赠",
            path=f"{home}/budget",
            body={"json": month},
        ),
        Row("GET /v1/homes/{home_id}/budget", ok(*DESK), mark="捐赠", path=f"{home}/budget"),
        Row("GET /v1/redemptions", ok("rider", *DESK), 200, HELD_ID),
        Row("GET /v1/redemptions/{redemption_id}", ok("rider", *DESK), mark=RIDER, path=held),
        Row("GET /v1/redemptions/{redemption_id}/token", ok("rider"), mark="token", path=f"{held}/token"),
        Row("POST /v1/redemptions", {"rider": 201, **broke}, mark="towel", body={"json": wish}),
        Row(
            "POST /v1/redemptions/pickup",
            dict.fromkeys(DESK, 422),
            mark="not made for",
            body={"json": {"token": f"q1.{HELD_ID}.4102444800.forged"}},
        ),
        Row(
            "POST /v1/redemptions/{redemption_id}/cancel",
            {"rider": 200, **dict.fromkeys(DESK, 409)},
            mark="cancelled",
            path=f"{held}/cancel",
            body={"json": {"reason": "不要了"}},
        ),
        *papers(home),
        Row("GET /v1/benefits", ok("rider", *DESK), 200, "大病保险"),
        Row("GET /v1/benefits.csv", ok(*DESK), 200, "大病保险"),
        Row(
            "POST /v1/benefits",
            ok(*DESK, status=201),
            mark="礼物",
            body={"json": {**gift, "name_en": "gift", "given_at": "2026-07-01T09:00:00+08:00"}},
        ),
        Row(
            "POST /v1/benefits/{benefit_id}/revoke",
            {"staff": 200, "staff of all": 409, "lead": 409},
            mark="误登",
            path=f"/v1/benefits/{given}/revoke",
            body={"json": {"reason": "误登"}},
        ),
    ]


WHERE = {"lng": "113.58", "lat": "37.857", "crs": "wgs84", "accuracy_m": "5", "scheme": "gb30428", "code": "P0101"}
SAID: dict[str, Any] = {"text": "补充"}
ADDED: tuple[tuple[str, dict[str, Any], int, str], ...] = (
    ("comments", SAID, 200, CODE),
    ("fixed", SAID, 200, CODE),
    ("answers", SAID, 409, ""),
    ("not-fixed", SAID, 409, ""),
    ("appeal", SAID, 409, ""),
    ("photos", {"photo_ids": ["photo-of-inc"]}, 422, "is in the report already"),
)
"""What a rider may add to his report; 409 is what its state says to him, and nobody else gets so far."""


def adds(path: str, body: dict[str, Any], status: int, mark: str) -> Row:
    route = f"POST /v1/reports/{{report_id}}/{path}"
    return Row(route, ok("rider", status=status), 404, mark, f"/v1/reports/report-of-inc/{path}", body={"json": body})


CAPTAIN = "captain of another squad"
"""Another than the rider's of now: what he did counted for this one when he did it."""

SCAN = {"token": checkin.token(gathering(), checkin.step_of(datetime.now(UTC))), "scanned_at": NOW}
"""Sent at once or, on a slow machine, as if by a phone that had no signal."""


def about_activity(verb: str, who: tuple[str, ...], **body: Any) -> Row:
    """One decision about what the rider did."""
    sent = {"json": {"expected_version": STALE, **body}}
    route = f"POST /v1/activities/{{activity_id}}/{verb}"
    return Row(route, ok(*who, status=409), path=f"/v1/activities/act/{verb}", body=sent)


ROWS: dict[str, list[Row]] = {
    "intake": [
        *exports(CODE),  # before anyone else has something of his own in the same grid
        Row("GET /v1/reports", ok("rider", *DESK), 200, CODE),
        Row("GET /v1/categories", ok(*CALLERS), 200, '"P0101"'),
        Row("GET /v1/reviews", ok(*DESK), 200, FLAGGED),
        Row("POST /v1/photos", ok("rider", status=201), 201, "photo_id", body=PHOTO, each=True),
        Row("POST /v1/evidence", ok("water", status=201), 201, "receipt", body=PHOTO, each=True),
        Row("GET /v1/photos/{photo_id}", ok("rider", "water", *DESK), mark=CONTENT, path="/v1/photos/photo-of-inc"),
        Row(
            "POST /v1/photos/links",
            ok("rider", "water", *DESK),
            mark="/intake/v1/photos/photo-of-inc/signed?",
            body={"json": {"photo_ids": ["photo-of-inc"]}},
        ),
        Row(
            "GET /v1/photos/{photo_id}/signed",
            ok(NOBODY),
            mark=CONTENT,
            path="/v1/photos/photo-of-inc/signed",
            query=SIGNED,
        ),
        Row("GET /v1/public/incidents/{code}", ok(NOBODY), mark=CODE, path=f"/v1/public/incidents/{CODE}"),
        Row("POST /v1/reports", ok("rider", status=201), 201, "reported", body={"json": wish(text="别处")}, each=True),
        Row(
            "POST /v1/reports/batch",
            ok("rider"),
            200,
            '"status":201',
            body={"json": {"reports": [wish(text="别处", client_key="phone-0009")]}},
            each=True,
        ),
        Row("GET /v1/incidents/nearby", ok("rider"), 200, query=WHERE),
        *(adds(path, body, status, mark) for path, body, status, mark in ADDED),
        Row("GET /v1/reports/{report_id}", ok("rider", *DESK), mark=CODE, path="/v1/reports/report-of-inc"),
        Row(
            "GET /v1/reports/{report_id}/slip",
            ok("rider", *DESK),
            mark=CODE,
            path="/v1/reports/report-of-inc/slip",
        ),
        Row(
            "POST /v1/riders/{rider}/reports",
            ok("staff", "staff of all", status=201),
            mark="entered_by_staff",
            path=f"/v1/riders/{RIDER}/reports",
            body={"json": wish(text="别处", client_key="desk-0001")},
        ),
        Row(
            "POST /v1/reviews/{report_id}",
            ok(*DESK, status=409),
            mark="expected_version",
            path="/v1/reviews/report-of-inc",
            body={"json": {"verdict": "ok", "expected_version": 99}},
        ),
        Row("GET /v1/campaigns", ok("rider", *DESK), 200, ROUND),
        Row(
            "POST /v1/visits",
            ok("rider", "other rider", "captain of another squad", status=201),
            422,
            '"household":"3-2-501"',
            body={"json": visit_wish(micro_grid="14030200300500506", captured_at=NOW)},
        ),
        Row(
            "POST /v1/sessions",
            ok(NOBODY, status=201),
            mark="access_token",
            body={"json": {"invite": INVITED, "client": "app", "device": ""}},
        ),
        Row(
            "POST /v1/sessions/refresh",
            ok(NOBODY),
            mark="access_token",
            body={"json": {"refresh_token": REFRESHED}},
        ),
        Row("GET /v1/sessions", ok("rider"), 200, DEVICE),
        Row("DELETE /v1/sessions/current", ok("rider", status=204)),
        Row("DELETE /v1/sessions", ok("rider"), 200, '"ended":1'),
        Row("GET /v1/people", ok("rider", *DESK, "administrator"), 200, NAME, query={"ids": RIDER}),
        Row("GET /v1/me", ok("rider"), mark=NAME),
        Row("GET /v1/accounts", ok(*DESK, "administrator"), 200, NAME),
        Row(
            "POST /v1/accounts/{account_id}/invites",
            ok("staff", "staff of all", "administrator", status=201),
            mark="https://front.example/",
            path=f"/v1/accounts/{RIDER}/invites",
        ),
        Row(
            "PATCH /v1/accounts/{account_id}",
            ok("administrator"),
            mark=NAME,
            path=f"/v1/accounts/{RIDER}",
            body={"json": {"expected_version": 1, "captain": True}},
        ),
        Row(
            "POST /v1/roster",
            ok("administrator"),
            200,
            f'"subdistrict":"{BEIDAJIE}"',
            query={"dry_run": "true"},
            body={"files": {"roster": ("r.csv", as_csv([CHINESE, NEW_ONE]))}},
            each=True,
        ),
        # the last ones: afterwards nobody here has a name
        Row(
            "POST /v1/accounts/{account_id}/forget",
            ok("administrator", status=202),
            mark="asked_at",
            path=f"/v1/accounts/{RIDER}/forget",
            body={"json": {"reason": "own_wish"}},
        ),
        Row(
            "GET /v1/accounts/{account_id}/forgetting",
            ok("administrator"),
            mark="asked_at",
            path=f"/v1/accounts/{RIDER}/forgetting",
        ),
    ],
    "dispatch": [
        *exports(TEXT),
        Row("GET /v1/incidents", ok(*DESK), 200, GRID),
        Row("GET /v1/incidents/{incident_id}", ok(*DESK), mark=TEXT, path="/v1/incidents/inc"),
        Row(
            "GET /v1/incidents/{incident_id}/deliveries", ok(*DESK), mark='"each"', path="/v1/incidents/inc/deliveries"
        ),
        Row("GET /v1/incidents/{incident_id}/route", ok(*DESK), mark='"steps"', path="/v1/incidents/inc/route"),
        Row("GET /v1/incidents/{incident_id}/sheet", ok(*DESK), mark=TEXT, path="/v1/incidents/inc/sheet"),
        Row(
            "POST /v1/incidents/{incident_id}/assign",
            {"staff": 200, "staff of all": 409, "lead": 409},
            mark=TEXT,
            path="/v1/incidents/inc/assign",
            body={"json": {"expected_version": 1, "departments": ["water"], "reason": "theirs"}},
        ),
        *decided("triage", severity="N", reason="r"),
        *decided("category", scheme="gb30428", code="P0101", reason="r"),
        *decided("place", place={"lng": 113.58, "lat": 37.857, "crs": "wgs84"}, reason="r"),
        *decided("question", question="which one?"),
        *decided("answer", reason="r"),
        *decided("reject", reason="r"),
        *decided("appeal", granted=True, reason="r"),
        *decided("no-action", reason="r"),
        *decided("reopen", reason="r"),
        *decided("temporary-safe", reason="r"),
        *decided("handover", to="12345", number="n-1", deadline="2026-12-01T00:00:00Z"),
        *decided("withdraw", order="inc.1", reason="r"),
        *decided("verify", order="inc.1"),
        *decided("extension", order="inc.1", granted=True, reason="r"),
        *decided("merge", main=UNCERTAIN, reason="r"),
        *decided("move-report", report="x", reason="r"),
        *decided("park", ("lead",), until="2026-12-01T00:00:00Z", reason="r"),
        *decided("unpark", ("lead",), reason="r"),
        *decided("excuse", ("lead",), order="inc.1", reason="r"),
        Row(
            "POST /v1/self-fixed",
            ok(*DESK, status=409),
            body={"json": {"incidents": [{"incident": "inc", "expected_version": STALE}], "reason": "r"}},
        ),
        # only now water has an order: 404 names nobody who has none
        Row("GET /v1/orders", ok("water"), 200, TEXT),
        Row(
            "POST /v1/complaints",
            ok(*RIDERS[:3], *DESK, "staff next door", "water", "fire", "operator", "administrator", status=201),
            422,
            body={"json": {"text": "没人管", "incident": "inc"}},
        ),
        Row("GET /v1/complaints", ok(*DESK), 200, "没人管"),
        Row("GET /v1/cases", ok(*DESK), 200, TEXT, query={"month": "2026-11"}),
        Row("GET /v1/figures", ok(*DESK), 200, "name of water", query={"month": "2026-11"}),
        Row("GET /v1/orders/{order}", ok("water"), mark=TEXT, path=ORDER),
        *(
            Row(
                f"POST /v1/orders/{{order}}/{verb}",
                ok("water", status=409 if verb in ("done", "extension") else 200),
                mark='"order":"inc.1"',
                path=f"{ORDER}/{verb}",
                body={"json": {"seen_seq": 1, **more}},
            )
            for verb, more in ACTS.items()
        ),
    ],
    "points": [
        *exports("hazard_first"),
        Row("GET /v1/passbook", ok("rider"), 200, RIDER),
        Row("GET /v1/passbook/entries", ok("rider"), 200, "hazard_first"),
        Row("GET /v1/passbooks/{rider}", ok(*AND_NEXT), mark=RIDER, path=f"/v1/passbooks/{RIDER}"),
        Row("GET /v1/passbooks/{rider}/entries", ok(*AND_NEXT), mark="hazard", path=f"/v1/passbooks/{RIDER}/entries"),
        Row("GET /v1/incidents/{incident_id}/points", ok(*DESK), mark=RIDER, path="/v1/incidents/inc/points"),
        *prizes(),
        Row("GET /v1/entries/{entry_id}/why", ok("rider", *AND_NEXT), mark="hazard_first", path=f"{PROMISE}/why"),
        Row(
            "POST /v1/entries/{entry_id}/reversal",
            ok(*AND_NEXT, status=409),
            mark="hazard_first",
            path=f"{PROMISE}/reversal",
            body={"json": {"reason": "mistake"}},
        ),
        Row("GET /v1/proposals", ok(*DESK), 200, RIDER),
        Row(
            "POST /v1/incidents/{incident_id}/outstanding",
            ok(*DESK, status=409),
            mark=RIDER,
            path="/v1/incidents/inc/outstanding",
            body={"json": {"rider": RIDER}},
        ),
        Row(
            "POST /v1/incidents/{incident_id}/outstanding/{rider}",
            {"staff": 200, "staff of all": 409, "lead": 409},
            mark='"declined"',
            path=f"/v1/incidents/inc/outstanding/{RIDER}",
            body={"json": {"award": False}},
        ),
        Row("GET /v1/campaigns", ok(*DESK), 200, ROUND),
        Row("GET /v1/campaigns/{campaign_id}", ok(*DESK), mark=ROUND, path="/v1/campaigns/camp"),
        Row("POST /v1/campaigns", ok(*DESK, status=201), 403, ROUND, body={"json": campaign_wish()}),
        Row(
            "PUT /v1/campaigns/{campaign_id}",
            {"staff": 200, "staff of all": 409, "lead": 409},
            mark=ROUND,
            path="/v1/campaigns/camp",
            body={"json": {**campaign_wish(client_key=...), "expected_version": 1}},
        ),
        Row(
            "POST /v1/campaigns/{campaign_id}/close",
            {"staff": 200, "staff of all": 409, "lead": 409},
            mark='"closed"',
            path="/v1/campaigns/camp/close",
            body={"json": {"expected_version": 2}},
        ),
        Row("GET /v1/campaigns/{campaign_id}/tally", ok(*DESK), mark='"camp"', path="/v1/campaigns/camp/tally"),
        Row("GET /v1/activities", ok("rider", *DESK), 200, WORDS),
        Row("GET /v1/activities/waiting", ok(*DESK), 200, WORDS),
        Row("GET /v1/squad/activities", ok(CAPTAIN), 200, WORDS),
        Row("GET /v1/activities/{activity_id}", ok("rider", CAPTAIN, *DESK), mark=WORDS, path="/v1/activities/act"),
        Row(
            "POST /v1/activities",
            ok("rider", status=201),
            201,
            "recorded",
            body={"json": activity_wish(grid=GRID)},
            each=True,
        ),
        about_activity("recommend", ("rider", CAPTAIN)),
        about_activity("withdraw", ("rider", CAPTAIN)),
        about_activity("approve", DESK),
        about_activity("reject", DESK, reason="r"),
        Row(
            "POST /v1/activities/approve",
            ok(*DESK),
            200,
            '"status":409',
            body={"json": {"activities": [{"activity": "act", "expected_version": STALE}]}},
        ),
        Row("GET /v1/events", ok(*RIDERS[:3], *DESK), 200, TRAINING),
        Row("GET /v1/events/{event_id}", ok(*DESK), mark=TRAINING, path="/v1/events/e1"),
        Row("GET /v1/events/{event_id}/checkin-code", ok(*DESK), mark="q1.e1.", path="/v1/events/e1/checkin-code"),
        Row("POST /v1/checkins", ok(*RIDERS[:3], status=201), mark='"e1"', body={"json": SCAN}),
        Row(
            "POST /v1/events/{event_id}/attendance",
            ok(*DESK),
            mark=RIDER,
            path="/v1/events/e1/attendance",
            body={"json": {"riders": [RIDER]}},
        ),
        Row("GET /v1/events/{event_id}/roster", ok(*DESK), mark=RIDER, path="/v1/events/e1/roster"),
        Row("POST /v1/events", ok(*DESK, status=201), 403, TRAINING, body={"json": gathering_wish()}),
        Row(
            "PUT /v1/events/{event_id}",
            ok(*DESK, status=409),
            path="/v1/events/e1",
            body={"json": gathering_wish(client_key=..., expected_version=STALE)},
        ),
        Row(
            "POST /v1/events/{event_id}/cancel",
            ok(*DESK, status=409),
            path="/v1/events/e1/cancel",
            body={"json": {"expected_version": STALE}},
        ),
    ],
    "notify": [
        *exports(CODE),
        Row("GET /v1/inbox", ok("rider"), 200, CODE),
        Row("GET /v1/inbox", ok("rider"), 403, CODE, query=IN_INBOX),
        Row("GET /v1/inbox", ok(*DESK), 403, CODE, query=IN_COMMUNITY),
        Row("GET /v1/inbox/stream", ok("rider"), 403, CODE, query=IN_INBOX),
        Row("GET /v1/inbox/stream", ok(*DESK), 403, CODE, query=IN_COMMUNITY),
        Row("POST /v1/inbox/read", ok("rider"), 403, RIDER, query=IN_INBOX, body={"json": {"up_to": 1}}),
        Row("GET /v1/deliveries", ok(*DESK), 200, CODE),
        Row("GET /v1/audiences", ok(*DESK), 200, f"group:officers-{HERE}"),
        Row("GET /v1/templates", ok(*DESK), 200),
        Row("POST /v1/broadcasts", ok(*DESK, status=201), 422, HERE, body={"json": DRAFT}),
        Row("GET /v1/broadcasts", ok(*DESK), 200, house.ROUND),
        Row("GET /v1/broadcasts/{broadcast_id}", ok(*DESK), mark=house.ROUND, path="/v1/broadcasts/notice-1"),
        Row(
            "POST /v1/broadcasts/{broadcast_id}/schedule",
            ok(*DESK),
            path="/v1/broadcasts/notice-1/schedule",
            body={"json": {"at": SOON}},
        ),
        Row("POST /v1/broadcasts/{broadcast_id}/withdraw", ok(*DESK), path="/v1/broadcasts/notice-2/withdraw"),
        Row("GET /v1/preferences", ok("rider"), 200),
        Row("PUT /v1/preferences", ok("rider"), 200, body={"json": {"channels": {"danger": ["sms"]}}}),
        Row("PUT /v1/contacts", ok("rider"), 200, body={"json": {"channel": "sms", "value": "13800000000"}}),
        Row(
            "POST /v1/contacts/confirm",
            ok("rider", status=422),
            422,
            body={"json": {"channel": "smtp", "code": "000000"}},
        ),
        Row("POST /v1/inbox/read", ok(*DESK), 403, HERE, query=IN_COMMUNITY, body={"json": {"up_to": 1}}),
    ],
}
ALL = [(service, row) for service, rows in ROWS.items() for row in rows]
POLICIES: dict[str, Policy] = house.POLICIES


@pytest.fixture(scope="module")
async def estate(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Estate]:
    folder: Path = tmp_path_factory.mktemp("estate")
    async with house.estate(stack, folder) as made:
        yield made


def headers(caller: str) -> dict[str, str]:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    if caller == NOBODY:
        return key
    role, claims = CALLERS[caller]
    return {**key, **bearer(SIGNER.token(role, **claims))}


async def ask(estate: Estate, service: str, row: Row, caller: str) -> tuple[int, str]:
    method, _, template = row.route.partition(" ")
    body = row.body
    if "json" in body:
        keys = {INVITED: estate.invite, REFRESHED: estate.refresh}
        body = {"json": {name: keys.get(str(value), value) for name, value in body["json"].items()}}
    request = {"headers": headers(caller), "params": row.query, **body}
    async with asyncio.timeout(10), estate.clients[service].stream(method, row.path or template, **request) as answer:
        return answer.status_code, await _text(answer, row.mark)


async def _text(answer: httpx2.Response, mark: str) -> str:
    """All of it; of a stream, which has no end, up to the mark."""
    read = ""
    async for part in answer.aiter_text():
        read += part
        if "event-stream" in answer.headers["content-type"] and mark in read:
            break
    return read


def expected(row: Row, policy: Policy, caller: str) -> int:
    rule = policy[row.route]
    if caller in row.told:
        return row.told[caller]
    if caller == NOBODY:
        return 401
    return row.others if rule.roles and CALLERS[caller][0] in rule.roles else 403


@pytest.mark.parametrize(("service", "row"), ALL, ids=[f"{service} {row}" for service, row in ALL])
async def test_nobody_is_told_what_is_not_his(estate: Estate, service: str, row: Row) -> None:
    policy = POLICIES[service]
    callers = [NOBODY] if policy[row.route].roles is None else [NOBODY, *CALLERS]
    strangers_first = sorted(callers, key=lambda caller: caller in row.told)
    for caller in strangers_first:
        status, text = await ask(estate, service, row, caller)
        assert status == expected(row, policy, caller), (caller, status, text)
        if caller in row.told:
            assert status == 409 or row.mark in text, (caller, text)
        elif not (row.each and status < 300):
            assert not [secret for secret in SECRETS if secret in text], (caller, text)


def test_every_route_has_its_row(estate: Estate) -> None:
    assert set(ROWS) == set(plan.services())
    for service, app in estate.apps.items():
        routes = [route for route in app.routes if isinstance(route, Route)]
        served = {f"{method} {route.path}" for route in routes for method in (route.methods or set()) - {"HEAD"}}
        assert served == {row.route for row in ROWS[service]} | set(OF_EVERY_PROCESS)
        assert set(POLICIES[service]) == {row.route for row in ROWS[service]}


async def test_what_every_process_shows_to_everybody_has_nothing_of_it(estate: Estate) -> None:
    for client in estate.clients.values():
        for name in OF_EVERY_PROCESS:
            answer = await client.get(name.partition(" ")[2])
            assert answer.status_code == 200
            assert not [secret for secret in SECRETS if secret in answer.text]


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("dispatch", f"/v1/incidents/{UNCERTAIN}"),
        ("points", f"/v1/incidents/{UNCERTAIN}/points"),
        ("intake", f"/v1/reports/report-of-{UNCERTAIN}"),
        ("intake", f"/v1/photos/photo-of-{UNCERTAIN}"),
    ],
)
async def test_an_uncertain_place_is_every_communitys_of_its_sub_district(
    estate: Estate, service: str, path: str
) -> None:
    for callers, status in ((AND_NEXT, 200), (AWAY, 404)):
        for caller in callers:
            assert (await estate.clients[service].get(path, headers=headers(caller))).status_code == status, caller


async def test_a_queue_is_narrowed_to_communities_before_it_is_cut(estate: Estate) -> None:
    client = estate.clients["dispatch"]
    seen = {}
    for caller in (*AND_NEXT, *AWAY):
        answer = await client.get("/v1/incidents", headers=headers(caller), params={"limit": 2})
        seen[caller] = {one["incident"] for one in answer.json()}
    assert seen == {
        **{caller: {"inc", UNCERTAIN} for caller in DESK},
        "staff next door": {UNCERTAIN},
        **{caller: set() for caller in AWAY},
    }


async def test_after_photos_are_seen_by_the_desk_of_the_place_and_by_whoever_reported_it(estate: Estate) -> None:
    client, store = estate.clients["intake"], estate.stores["intake"]
    answer = await client.post("/v1/evidence", files={"photo": b"after"}, headers=headers("water"))
    photo = answer.json()["photo_id"]

    async def who() -> set[str]:
        asked = {name: await client.get(f"/v1/photos/{photo}", headers=headers(name)) for name in CALLERS}
        return {name for name, answer in asked.items() if answer.status_code == 200}

    assert await who() == {"water", "staff of all", "lead"}
    status = store.behind[store.place.name]["statuses"]
    status.update_one({"_id": "inc"}, {"$set": {"after_photos": [photo]}})
    assert await who() == {"water", "rider", *DESK}


async def test_scenario_18_the_rider_comes_from_the_token_and_another_in_the_body_is_refused(estate: Estate) -> None:
    client, store = estate.clients["intake"], estate.stores["intake"]
    reports = store.behind[store.place.name]["reports"]
    before = reports.count_documents({})
    forged = wish(client_key="phone-0018", rider_id=RIDER)
    refused = await client.post("/v1/reports", json=forged, headers=headers("other rider"))
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert reports.count_documents({}) == before
    own = await client.post("/v1/reports", json={**forged, "rider_id": "rider-2"}, headers=headers("other rider"))
    assert own.status_code == 201
    assert reports.count_documents({"_id": own.json()["report_id"], "rider": "rider-2"}) == 1


MINE = {
    "intake": "/v1/reports/report-of-inc",
    "dispatch": "/v1/incidents/inc",
    "points": "/v1/incidents/inc/points",
    "notify": "/v1/inbox",
}
FORGED = forgeries(SIGNER, "staff", "s1", communities=[HERE])


@pytest.mark.parametrize("service", MINE)
async def test_a_forged_token_opens_nothing(estate: Estate, service: str) -> None:
    client, path = estate.clients[service], MINE[service]
    valid = SIGNER.token("staff", "s1", communities=[HERE])
    assert (await client.get(path, headers=bearer(valid))).status_code == 200
    for name, token in FORGED.items():
        for carried in (bearer(token), {"Cookie": f"qianshao_access={token}"}):
            answer = await client.get(path, headers=carried)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), name
            assert answer.headers["www-authenticate"] == "Bearer"
            assert not [secret for secret in SECRETS if secret in answer.text], name


@pytest.mark.parametrize("service", MINE)
async def test_a_token_counts_in_its_header_alone_and_once(estate: Estate, service: str) -> None:
    client, path = estate.clients[service], MINE[service]
    valid = SIGNER.token("staff", "s1", communities=[HERE])
    for name in ("token", "access_token", "authorization", "jwt"):
        assert (await client.get(path, params={name: valid})).status_code == 401
    good, bad = ("Authorization", f"Bearer {valid}"), ("Authorization", "Bearer nonsense")
    for twice in ([good, bad], [bad, good], [good, good]):
        assert (await client.get(path, headers=twice)).status_code == 401
    for scheme in ("Basic", "Token", "BearerX", "Bearer,"):
        assert (await client.get(path, headers={"Authorization": f"{scheme} {valid}"})).status_code == 401


def test_no_route_goes_through_a_thread(estate: Estate) -> None:
    """FastAPI runs what is not async in a thread: a hop of its own for each call, and more code than the route's."""
    for name, app in estate.apps.items():
        for route in (route for route in app.routes if isinstance(route, APIRoute) and route.path != "/metrics"):
            waiting = [route.dependant]
            while waiting:
                one = waiting.pop()
                waiting.extend(one.dependencies)
                asynchronous = iscoroutinefunction(one.call) or isasyncgenfunction(one.call)
                assert one.call is None or asynchronous, f"{name} {route.path}: {one.call}"
