"""Intake's collections, and what is forgotten and exported of them. Reads for people: `*_store.py`."""

import re

from pymongo import ASCENDING, GEOSPHERE, IndexModel

from services.intake.domain.account import Account, forgotten
from services.intake.domain.activity_photos import ActivityPhotos
from services.intake.domain.campaign import Campaign
from services.intake.domain.invite import Invite
from services.intake.domain.report import Incident, Report
from services.intake.domain.session import Devices, Session
from services.intake.domain.spot import Spot
from services.intake.domain.status import Status
from services.intake.domain.visit import Visit, VisitDay
from services.intake.ports import Holdings, Photo
from services.intake.visits import Rounds
from shared.mongo.client import Database, Document
from shared.mongo.forgetting import Plan
from shared.mongo.indexes import Collection, expiring
from shared.mongo.person import remove, remove_own, rename
from shared.mongo.records import PLAIN, Records
from shared.mongo.timers import WAKING
from shared.pseudonym import Person
from shared.web.export import Export, Sections
from shared.web.idempotency import ANSWERS, answers_collection

REPORTS: Records[Report] = Records("reports", Report)
INCIDENTS: Records[Incident] = Records("incidents", Incident)
STATUSES: Records[Status] = Records("statuses", Status)
SPOTS: Records[Spot] = Records("spots", Spot)
HOLDINGS = Holdings(REPORTS, INCIDENTS, STATUSES, SPOTS)
ACCOUNTS: Records[Account] = Records("accounts", Account)
PHOTOS: Records[Photo] = Records("photos", Photo)
INVITES: Records[Invite] = Records("invites", Invite)
SESSIONS: Records[Session] = Records("sessions", Session)
DEVICES: Records[Devices] = Records("devices", Devices)

CAMPAIGNS: Records[Campaign] = Records("campaigns", Campaign)
VISITS: Records[Visit] = Records("visits", Visit)
ACTIVITY_PHOTOS: Records[ActivityPhotos] = Records("activity_photos", ActivityPhotos)
VISIT_DAYS: Records[VisitDay] = Records("visit_days", VisitDay)
ROUNDS = Rounds(CAMPAIGNS, VISITS, VISIT_DAYS)

COMMUNITY = "place.grid.community"

FACTS = {"jpeg": 0, "thumb": 0}
"""A photo without its pictures."""

AWAITING: Document = {"awaiting.0": {"$exists": True}}
TO_REVIEW: Document = {"review.state": "open"}

_SPOT_KEYS: list[tuple[str, int | str]] = [
    ("subdistrict", ASCENDING),
    ("category.scheme", ASCENDING),
    ("category.code", ASCENDING),
    ("point", GEOSPHERE),
]

COLLECTIONS = (
    Collection(
        "reports",
        (
            IndexModel([("rider", ASCENDING), ("received_at", ASCENDING), ("_id", ASCENDING)], name="list_of_rider"),
            IndexModel(
                [("subdistrict", ASCENDING), ("received_at", ASCENDING), ("_id", ASCENDING)], name="list_of_subdistrict"
            ),
            IndexModel([("awaiting", ASCENDING)], name="of_awaited", partialFilterExpression=AWAITING),
            IndexModel([("photo_ids", ASCENDING)], name="of_photo"),
            IndexModel(
                [("subdistrict", ASCENDING), ("received_at", ASCENDING), ("_id", ASCENDING)],
                name="of_review",
                partialFilterExpression=TO_REVIEW,
            ),
            WAKING,
        ),
    ),
    Collection("incidents", (IndexModel([("photo_ids", ASCENDING)], name="of_photo"),)),
    Collection("statuses", (IndexModel([("after_photos", ASCENDING)], name="of_after_photo"),)),
    Collection("spots", (IndexModel(_SPOT_KEYS, name="near"),)),
    answers_collection(),
    Collection("codes"),
    Collection("campaigns", (IndexModel([("subdistrict", ASCENDING), ("ends_at", ASCENDING)], name="of_subdistrict"),)),
    Collection("visits", (IndexModel([("rider", ASCENDING), ("received_at", ASCENDING)], name="of_rider"),)),
    Collection("activity_photos", (IndexModel([("photo_ids", ASCENDING)], name="of_photo"),)),
    Collection("visit_days"),
    Collection(
        "photos",
        (
            IndexModel([("received_at", ASCENDING)], name="by_age"),
            IndexModel([("sha256_received", ASCENDING), ("received_at", ASCENDING)], name="of_bytes"),
            IndexModel([("bands", ASCENDING), ("received_at", ASCENDING)], name="of_looks"),
        ),
    ),
    Collection(
        "accounts",
        (
            IndexModel([("subdistrict", ASCENDING), ("_id", ASCENDING)], name="of_subdistrict"),
            IndexModel([("subdistrict", ASCENDING), ("squad", ASCENDING)], name="of_squad"),
        ),
    ),
    Collection("account_keys", (IndexModel([("account", ASCENDING)], name="of_account"),)),
    Collection("invites"),
    Collection("sessions", (IndexModel([("account", ASCENDING)], name="of_account"), expiring("keep_until", 0))),
    Collection("devices"),
    answers_collection(),
    Collection("used_tokens", (expiring("until", 3600),)),
)


def _report(document: Document, person: Person) -> Document | None:
    """What was seen stays, under the pseudonym; the words and what his phone called the report go."""
    renamed: Document = person.renamed(document)
    if document["rider"] != person.account:
        return renamed
    updates = [{**update, "text": None} for update in renamed.get("updates", ())]
    review = renamed.get("review")
    blank = {"text": "", "interim_measures": None, "client_key": "", "fingerprint": "", "updates": updates}
    return {**renamed, **blank, "review": None if review is None else {**review, "reason": None}}


def _account(document: Document, person: Person) -> Document | None:
    """What `domain.account.forgotten` leaves, under the pseudonym."""
    if document["_id"] != person.account:
        return rename(document, person)
    remains = ACCOUNTS.dump(forgotten(ACCOUNTS.load(document)))
    return {**remains, "_id": person.pseudonym}


PLAN = Plan(
    {
        "accounts": _account,
        "account_keys": remove_own("account"),
        "invites": remove_own("_id"),
        "sessions": remove_own("account"),
        "devices": remove_own("_id"),
        "login_failures": remove,
        "login_windows": remove,
        "reports": _report,
        ANSWERS: remove,
    }
)
"""What becomes of what names somebody who is to be forgotten; all else is renamed, photos too (see `retention`)."""


def exporter(database: Database) -> Export:
    """See `shared.web.export`. Pictures are named with where they can be read."""

    async def export(account: str, subdistrict: str | None) -> Sections:
        scope = {} if subdistrict is None else {"subdistrict": subdistrict}
        own = await database["accounts"].find({"_id": account, **scope}, PLAIN).to_list(None)
        sessions = {"account": account} if own else {"account": ""}
        photos = {"uploader": {"$regex": f"^[a-z]+:{re.escape(account)}$"}, **scope}
        found = await database["photos"].find(photos, {**PLAIN, **FACTS}).to_list(None)
        return {
            "account": own,
            "sessions": await database["sessions"].find(sessions, PLAIN).to_list(None),
            "reports": await database["reports"].find({"rider": account, **scope}, PLAIN).to_list(None),
            "activity_photos": await database["activity_photos"].find({"rider": account, **scope}, PLAIN).to_list(None),
            "visits": await database["visits"].find({"rider": account, **scope}, PLAIN).to_list(None),
            "photos": [{**photo, "url": f"/intake/v1/photos/{photo['_id']}"} for photo in found],
        }

    return export
