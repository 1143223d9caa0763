"""What intake keeps for how long, and what must stay although it is old."""

from typing import Any

from services.intake.domain.status import OVER
from shared.mongo.client import Database, Document
from shared.mongo.retention import Rule
from shared.pseudonym import PREFIX
from shared.web.idempotency import ANSWERS_RULE

_NAMING = (
    ("reports", "photo_ids"),
    ("reports", "after_photo_ids"),
    ("reports", "awaiting"),
    ("reports", "updates.photo_ids"),
    ("incidents", "photo_ids"),
    ("statuses", "after_photos"),
    ("spots", "photo"),
    ("visits", "photo_ids"),
    ("activity_photos", "photo_ids"),
)
"""Where ids of photos stand. Whatever else names a photo belongs here, or its photos are swept as orphans."""


async def _photos_named(database: Database, found: list[Document]) -> set[Any]:
    """Whatever a report, an incident or a department's work names."""
    ids = [photo["_id"] for photo in found]
    named: set[Any] = set()
    for collection, field in _NAMING:
        named |= set(await database[collection].distinct(field, {field: {"$in": ids}}))
    return named


async def _photos_needed(database: Database, found: list[Document]) -> set[Any]:
    """Evidence of an incident that is not over."""
    ids = [photo["_id"] for photo in found]
    shown = await database["incidents"].find({"photo_ids": {"$in": ids}}, {"photo_ids": 1}).to_list(None)
    after = await database["statuses"].find({"after_photos": {"$in": ids}}, {"after_photos": 1}).to_list(None)
    incidents = [document["_id"] for document in (*shown, *after)]
    over = await database["statuses"].distinct("_id", {"_id": {"$in": incidents}, "state": {"$in": OVER}})
    still_open = [document for document in (*shown, *after) if document["_id"] not in over]
    return {photo for one in still_open for photo in (*one.get("photo_ids", ()), *one.get("after_photos", ()))}


async def _reports_needed(database: Database, found: list[Document]) -> set[Any]:
    """Reports of an incident that is not over."""
    incidents = [report["incident"] for report in found]
    over = await database["statuses"].distinct("_id", {"_id": {"$in": incidents}, "state": {"$in": OVER}})
    return {report["_id"] for report in found if report["incident"] not in over}


async def _incidents_needed(database: Database, found: list[Document]) -> set[Any]:
    """Incidents that are not over."""
    ids = [incident["_id"] for incident in found]
    return set(ids) - set(await database["statuses"].distinct("_id", {"_id": {"$in": ids}, "state": {"$in": OVER}}))


_ROUGH_METRES = 1000.0


def _fine(field: str) -> Document:
    return {f"{field}.accuracy_m": {"$lt": _ROUGH_METRES}}


def _rough(field: str) -> Document:
    """A place to about a kilometre; where there is none, none."""
    degrees = {
        system: {axis: {"$round": [f"${field}.{system}.{axis}", 2]} for axis in ("lng", "lat")}
        for system in ("raw", "wgs84", "gcj02")
    }
    rough = {"$mergeObjects": [f"${field}", {**degrees, "address": None, "accuracy_m": _ROUGH_METRES}]}
    return {"$set": {field: {"$cond": [{"$eq": [{"$type": f"${field}"}, "object"]}, rough, None]}}}


_WORDLESS: Document = {
    "$map": {
        "input": {"$ifNull": ["$updates", []]},
        "as": "update",
        "in": {"$mergeObjects": ["$$update", {"text": None}]},
    }
}

_REASONLESS: Document = {
    "$cond": [
        {"$eq": [{"$type": "$review"}, "object"]},
        {"$mergeObjects": ["$review", {"reason": None}]},
        {"$ifNull": ["$review", None]},
    ]
}

RETENTION = (
    # What nobody has named for two days; what was missed for a week, because no worker ran, goes with the rule below.
    Rule("orphans", "photos", "received_at", 2, until=9, needed=_photos_named, fixed=True),
    Rule("photos", "photos", "received_at", 730, needed=_photos_needed),
    Rule(
        "photos_of_forgotten",
        "photos",
        "received_at",
        0,
        where={"uploader": {"$regex": f"^[a-z]+:{PREFIX}"}},
        needed=_photos_needed,
        fixed=True,
    ),
    Rule(
        "report_texts",
        "reports",
        "received_at",
        730,
        where={
            "$or": [
                {"text": {"$ne": ""}},
                {"interim_measures": {"$ne": None}},
                {"updates.text": {"$type": "string"}},
                {"review.reason": {"$type": "string"}},
            ]
        },
        blank=[{"$set": {"text": "", "interim_measures": None, "updates": _WORDLESS, "review": _REASONLESS}}],
        needed=_reports_needed,
    ),
    Rule(
        "positions",
        "reports",
        "received_at",
        365,
        where={"$or": [_fine("place"), _fine("reported_place")]},
        blank=[_rough("place"), _rough("reported_place")],
        needed=_reports_needed,
    ),
    Rule("visits", "visits", "received_at", 730),
    Rule("activity_photos", "activity_photos", "recorded_at", 730),
    Rule("visit_days", "visit_days", "at", 30, named=False, fixed=True),
    Rule(
        "incident_positions",
        "incidents",
        "opened_at",
        365,
        where=_fine("place"),
        blank=[_rough("place")],
        needed=_incidents_needed,
    ),
    # Nobody's; after a year an incident that is over is of no use to whoever stands there now.
    Rule("spots", "spots", "since", 365, where={"state": {"$in": OVER}}, named=False, fixed=True),
    ANSWERS_RULE,
    Rule("invites", "invites", "expires_at", 30, named=False),
    # A day before the index of the collection would do it, which leaves no tombstone and is only the net.
    Rule("sessions", "sessions", "keep_until", -1, named=False, fixed=True),
)
"""Positions become rough to about a kilometre; the micro-grid that they were in stays."""
