"""Intake's collections."""

import re
from datetime import datetime, timedelta
from typing import Any

from bson.binary import Binary
from pydantic import TypeAdapter
from pymongo import ASCENDING, GEOSPHERE, IndexModel
from pymongo.errors import DuplicateKeyError

from services.intake.domain.abuse import PICTURES_KEPT, TRUSTED, Facts, Past, Picture, Sighting, bands
from services.intake.domain.account import LOGS_IN, Account, Login, Role, forgotten, login_key
from services.intake.domain.campaign import Campaign
from services.intake.domain.forgetting import Forgetting, forgetting_of
from services.intake.domain.invite import Invite
from services.intake.domain.listing import Mark, ReportListing
from services.intake.domain.report import Incident, Place, Report
from services.intake.domain.session import Devices, Session, is_open
from services.intake.domain.sight import Sight
from services.intake.domain.spot import BROKEN_AGAIN, Near, Spot, seen_from
from services.intake.domain.status import OVER, Status
from services.intake.domain.visit import Visit, VisitDay
from services.intake.ports import Around, Holdings, Listing, Photo
from services.intake.visits import Rounds
from shared.mongo.client import Database, Document
from shared.mongo.forgetting import Plan
from shared.mongo.indexes import Collection, expiring
from shared.mongo.person import FORGETTINGS, remove, remove_own, rename
from shared.mongo.records import PLAIN, Records
from shared.mongo.retention import Rule
from shared.mongo.scopes import within
from shared.mongo.timers import WAKING
from shared.pseudonym import PREFIX, Person
from shared.scope import Scope
from shared.web.export import Export, Sections
from shared.web.idempotency import ANSWERS, ANSWERS_RULE, answers_collection

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
VISIT_DAYS: Records[VisitDay] = Records("visit_days", VisitDay)
ROUNDS = Rounds(CAMPAIGNS, VISITS, VISIT_DAYS)

COMMUNITY = "place.grid.community"

_ASKED = 20
"""More than are offered, because the domain may leave some out; they come the nearest first."""

_AWAITING: Document = {"awaiting.0": {"$exists": True}}
_TO_REVIEW: Document = {"review.state": "open"}

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
            IndexModel([("awaiting", ASCENDING)], name="of_awaited", partialFilterExpression=_AWAITING),
            IndexModel([("photo_ids", ASCENDING)], name="of_photo"),
            IndexModel(
                [("subdistrict", ASCENDING), ("received_at", ASCENDING), ("_id", ASCENDING)],
                name="of_review",
                partialFilterExpression=_TO_REVIEW,
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


_NAMING = (
    ("reports", "photo_ids"),
    ("reports", "after_photo_ids"),
    ("reports", "awaiting"),
    ("reports", "updates.photo_ids"),
    ("incidents", "photo_ids"),
    ("statuses", "after_photos"),
    ("spots", "photo"),
    ("visits", "photo_ids"),
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
            "$or": [{"text": {"$ne": ""}}, {"interim_measures": {"$ne": None}}, {"updates.text": {"$type": "string"}}]
        },
        blank=[{"$set": {"text": "", "interim_measures": None, "updates": _WORDLESS}}],
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

_PHOTO: TypeAdapter[Photo] = TypeAdapter(Photo)
_FACTS = {"jpeg": 0, "thumb": 0}


class MongoPhotos:
    """Photos as one document each: at most 1.5 MB after sanitising, far below the 16 MB limit."""

    def __init__(self, database: Database) -> None:
        self._photos = database["photos"]
        self._reports = database["reports"]
        self._incidents = database["incidents"]
        self._statuses = database["statuses"]

    async def put(self, photo: Photo, jpeg: bytes, thumb: bytes) -> bool:
        """See `PhotoStore`. Written beside the commit lane: bytes this large would slow everyone's transaction."""
        fields: dict[str, Any] = _PHOTO.dump_python(photo)
        try:
            await self._photos.insert_one(
                {
                    "_id": fields.pop("id"),
                    **fields,
                    "bands": list(bands(photo.dhash)),
                    "jpeg": Binary(jpeg),
                    "thumb": Binary(thumb),
                }
            )
        except DuplicateKeyError:
            return False
        return True

    async def own(self, scope: Scope, ids: list[str]) -> dict[str, Photo]:
        query = {"_id": {"$in": ids}, "uploader": scope.actor}
        found = await self._photos.find(query, _FACTS).to_list(None)
        return {document["_id"]: _PHOTO.validate_python({**document, "id": document["_id"]}) for document in found}

    async def read(self, scope: Scope, id_: str, *, thumb: bool) -> bytes | None:
        """See `PhotoStore`. Nobody's first read is of bytes he may not see: they are asked for with the scope."""
        field = "thumb" if thumb else "jpeg"
        document = await self._photos.find_one(await self._in_scope(scope, id_), {field: 1})
        return None if document is None else bytes(document[field])

    async def seen(self, scope: Scope, ids: list[str]) -> set[str]:
        asked = [
            await self._photos.find_one(await self._in_scope(scope, id_), {"_id": 1}) for id_ in dict.fromkeys(ids)
        ]
        return {document["_id"] for document in asked if document is not None}

    async def shown(self, id_: str, *, thumb: bool) -> bytes | None:
        field = "thumb" if thumb else "jpeg"
        document = await self._photos.find_one({"_id": id_}, {field: 1})
        return None if document is None else bytes(document[field])

    async def _in_scope(self, scope: Scope, id_: str) -> Document:
        """The query that finds the photo if the caller may see it."""
        own = {"uploader": scope.actor}
        if scope.department:
            own["subdistrict"] = scope.subdistrict  # its name is the same everywhere
        seen = [own]
        if await self._is_shown(scope, id_):
            seen.append({"subdistrict": scope.subdistrict})
        return {"_id": id_, "$or": seen}

    async def _is_shown(self, scope: Scope, id_: str) -> bool:
        """Whether the caller may see it though he did not upload it."""
        if scope.department:
            orders = {"_id": {"$in": await self._incidents_with(id_)}, "orders.department": scope.department}
            return await self._statuses.find_one(orders, {"_id": 1}) is not None
        if scope.desk and not scope.communities:
            return True
        after = await self._statuses.find({"after_photos": id_}, {"_id": 1}).to_list(None)
        incidents = [
            status["_id"] for status in after
        ]  # a rider sees how it looks now, and of before what he took himself
        if scope.desk:
            incidents += await self._incidents_with(id_)
        found = await self._incidents.find({"_id": {"$in": incidents}}, {"reports": 1}).to_list(None)
        reports = {"_id": {"$in": [report for incident in found for report in incident["reports"]]}}
        seen = within(scope, COMMUNITY) if scope.desk else {"rider": scope.id}
        return await self._reports.find_one({**reports, **seen}, {"_id": 1}) is not None

    async def _incidents_with(self, photo: str) -> list[str]:
        found = await self._incidents.find({"photo_ids": photo}, {"_id": 1}).to_list(None)
        return [incident["_id"] for incident in found]


class MongoViews:
    """Reads for people, each within the scope its caller gives."""

    def __init__(self, database: Database) -> None:
        self._reports = database["reports"]
        self._incidents = database["incidents"]
        self._codes = database["codes"]
        self._statuses = database["statuses"]

    async def report(self, scope: Scope, id_: str) -> tuple[Report, Status] | None:
        seen = within(scope, COMMUNITY) if scope.desk else {"rider": scope.id}
        document = await self._reports.find_one({"_id": id_, **seen})
        if document is None:
            return None
        report = REPORTS.load(document)
        status = await self._statuses.find_one({"_id": report.incident})
        return report, Status(report.incident) if status is None else STATUSES.load(status)

    async def reports(self, scope: Scope, listing: ReportListing) -> list[tuple[Report, Status]]:
        own: Document = within(scope, COMMUNITY) if scope.desk else {"rider": scope.id}
        wanted = [own, *_narrowed(listing)]
        told = {"$lookup": {"from": "statuses", "localField": "incident", "foreignField": "_id", "as": "status"}}
        of_state = [] if listing.state is None else [told, {"$match": _in_state(listing.state)}]
        found = self._reports.aggregate(
            [
                {"$match": {"$and": wanted}},
                {"$sort": {"received_at": -1, "_id": -1}},
                *of_state,
                {"$limit": listing.limit},
                *([] if of_state else [told]),
            ]
        )
        return [(REPORTS.load(one), _status(one)) for one in await found.to_list(None)]

    async def public(self, code: str) -> tuple[Report, Place, Status] | None:
        row = await self._codes.find_one({"_id": code})
        opened = None if row is None else await self._incidents.find_one({"_id": row["incident"]})
        if opened is None or not opened["reports"]:
            return None
        document = await self._reports.find_one({"_id": opened["reports"][0]})
        if document is None:
            return None
        incident, report = INCIDENTS.load(opened), REPORTS.load(document)
        status = await self._statuses.find_one({"_id": incident.id})
        became = Status(incident.id) if status is None else STATUSES.load(status)
        return report, incident.place or report.place, became

    async def awaiting(self, scope: Scope, photo: str) -> list[str]:
        query = {"awaiting": photo, "subdistrict": scope.subdistrict, **_AWAITING}
        found = self._reports.find(query, {"_id": 1}).hint("of_awaited")  # every upload asks, and hardly any is awaited
        return [report["_id"] for report in await found.to_list(None)]


class MongoPast:
    """See `PastViews`. Every question is answered by an index and for a bounded number of documents."""

    def __init__(self, database: Database) -> None:
        self._reports = database["reports"]
        self._photos = database["photos"]

    async def past(self, scope: Scope, rider: str, facts: Facts) -> Past:
        own = await self._of_rider(scope, rider, facts)
        hour_ago = facts.received_at - timedelta(hours=1)
        return Past(
            pictures=await self._pictures(scope, facts),
            nearby=tuple(_sighting(one) for one in own if one.get("entered_by") is None),
            last_hour=sum(one["received_at"] > hour_ago for one in own),
        )

    async def _of_rider(self, scope: Scope, rider: str, facts: Facts) -> list[Document]:
        query = {"rider": rider, "subdistrict": scope.subdistrict, "_id": {"$ne": facts.sighting.report}}
        fields = {"place.wgs84": 1, "place.accuracy_m": 1, "captured_at": 1, "received_at": 1, "entered_by": 1}
        found = self._reports.find({**query, "received_at": {"$gt": facts.received_at - TRUSTED}}, fields)
        return await found.sort("received_at", -1).limit(_COMPARED).to_list(None)

    async def _pictures(self, scope: Scope, facts: Facts) -> tuple[Picture, ...]:
        """Of each report that names a picture like one of these, or one of these."""
        alike = await self._alike(scope, facts)
        if not alike:
            return ()
        named = {"photo_ids": {"$in": list(alike)}, "_id": {"$ne": facts.sighting.report}}
        query = {**named, "subdistrict": scope.subdistrict}
        reports = await self._reports.find(query, {"photo_ids": 1}).limit(_COMPARED).to_list(None)
        return tuple(
            _picture(alike[id_], report["_id"]) for report in reports for id_ in report["photo_ids"] if id_ in alike
        )

    async def _alike(self, scope: Scope, facts: Facts) -> dict[str, Document]:
        digests = [picture.sha256 for picture in facts.pictures]
        keys = [key for picture in facts.pictures for key in bands(picture.dhash)]
        since = {"received_at": {"$gt": facts.received_at - PICTURES_KEPT}, "subdistrict": scope.subdistrict}
        fields = {"sha256_received": 1, "dhash": 1}
        found: list[Document] = []
        # Named, because an index by age alone can look cheaper and then reads all of the last month.
        for index, looked_for in (
            ("of_bytes", {"sha256_received": {"$in": digests}}),
            ("of_looks", {"bands": {"$in": keys}}),
        ):
            page = self._photos.find({**looked_for, **since}, fields).hint(index)
            found += await page.sort("received_at", -1).limit(_COMPARED).to_list(None)
        return {one["_id"]: one for one in found}


_COMPARED = 500
"""The most documents of a kind that one report is compared with."""


def _sighting(report: Document) -> Sighting:
    place = report["place"]
    at = place["wgs84"]
    return Sighting(report["_id"], at["lng"], at["lat"], place["accuracy_m"], report["captured_at"])


def _picture(photo: Document, report: str) -> Picture:
    return Picture(photo["_id"], photo["sha256_received"], photo["dhash"], report=report)


class MongoReviews:
    """See `ReviewViews`."""

    def __init__(self, database: Database) -> None:
        self._reports = database["reports"]

    async def reviews(self, scope: Scope, after: Mark | None, limit: int) -> list[tuple[Report, Status, int]]:
        wanted: list[Document] = [within(scope, COMMUNITY), _TO_REVIEW]
        if after is not None:
            at = after.received_at
            later = [{"received_at": {"$gt": at}}, {"received_at": at, "_id": {"$gt": after.id}}]
            wanted += [{"received_at": {"$gte": at}}, {"$or": later}]
        told = {"$lookup": {"from": "statuses", "localField": "incident", "foreignField": "_id", "as": "status"}}
        oldest_first = {"$sort": {"received_at": 1, "_id": 1}}
        page = self._reports.aggregate(
            [{"$match": {"$and": wanted}}, oldest_first, {"$limit": limit}, told], hint="of_review"
        )
        return [(REPORTS.load(one), _status(one), one["version"]) for one in await page.to_list(None)]


class MongoCampaigns:
    """See `CampaignViews`."""

    def __init__(self, database: Database) -> None:
        self._campaigns = database["campaigns"]
        self._accounts = database["accounts"]

    async def running(self, scope: Scope, now: datetime) -> list[Campaign]:
        query: Document = {"subdistrict": scope.subdistrict, "closed_at": None}
        query |= {"starts_at": {"$lte": now}, "ends_at": {"$gt": now}}
        places = scope.communities if scope.desk else await self._home(scope)
        if places or not scope.desk:
            query["communities"] = {"$in": [*places, []]}  # an empty list: the whole sub-district's
        found = await self._campaigns.find(query).sort([("ends_at", ASCENDING), ("_id", ASCENDING)]).to_list(None)
        return [CAMPAIGNS.load(document) for document in found]

    async def _home(self, scope: Scope) -> list[str]:
        account = await self._accounts.find_one({"_id": scope.id}, {"community": 1})
        return [account["community"]] if account and account["community"] else []


class MongoSpots:
    """See `Surroundings`: all of the caller's sub-district, whoever has reported it; there is nobody's name in it."""

    def __init__(self, database: Database) -> None:
        self._spots = database["spots"]

    async def near(self, scope: Scope, around: Around) -> list[Near]:
        """The index measures on a slightly larger sphere, so it is asked for a little more and the domain cuts."""
        place = {"type": "Point", "coordinates": list(around.point)}
        lately = {"state": "resolved", "resolved_at": {"$gte": around.now - BROKEN_AGAIN}}
        query = {
            "subdistrict": scope.subdistrict,
            "category.scheme": around.scheme,
            "category.code": around.code,
            "point": {"$nearSphere": {"$geometry": place, "$maxDistance": around.metres * 1.01 + 0.1}},
            "$or": [{"state": {"$nin": [*OVER, "resolved"]}}, lately],
        }
        found = await self._spots.find(query).limit(_ASKED).to_list(None)
        return seen_from([SPOTS.load(document) for document in found], around.point, around.metres, around.now)

    async def spot(self, scope: Scope, incident: str) -> Spot | None:
        document = await self._spots.find_one({"_id": incident, "subdistrict": scope.subdistrict})
        return None if document is None else SPOTS.load(document)


def _narrowed(listing: ReportListing) -> list[Document]:
    """What the page asks of a report itself."""
    wanted: list[Document] = [] if listing.flag is None else [{"flags": listing.flag}]
    if listing.state is not None:
        wanted.append({"told": False} if listing.state == "awaiting_photo" else {"told": {"$ne": False}})
    if listing.after is not None:
        at, id_ = listing.after.received_at, listing.after.id
        later = [{"received_at": {"$lt": at}}, {"received_at": at, "_id": {"$lt": id_}}]
        wanted += [{"received_at": {"$lte": at}}, {"$or": later}]
    return wanted


def _in_state(state: str) -> Document:
    """Of a report with `status` looked up; one that nobody has said anything of yet is reported, or still waits."""
    if state in ("awaiting_photo", "reported"):
        return {"$or": [{"status": []}, {"status.state": "reported"}]}
    return {"status.state": state}


def _status(document: Document) -> Status:
    return STATUSES.load(document["status"][0]) if document["status"] else Status(document["incident"])


class MongoForgettings:
    """See `Forgettings`."""

    def __init__(self, database: Database) -> None:
        self._forgettings = database[FORGETTINGS]

    async def find(self, scope: Scope, pseudonym: str) -> Forgetting | None:
        document = await self._forgettings.find_one({"_id": pseudonym, "subdistrict": scope.subdistrict})
        return None if document is None else forgetting_of(document)


def exporter(database: Database) -> Export:
    """See `shared.web.export`. Pictures are named with where they can be read."""

    async def export(account: str, subdistrict: str | None) -> Sections:
        scope = {} if subdistrict is None else {"subdistrict": subdistrict}
        own = await database["accounts"].find({"_id": account, **scope}, PLAIN).to_list(None)
        sessions = {"account": account} if own else {"account": ""}
        photos = {"uploader": {"$regex": f"^[a-z]+:{re.escape(account)}$"}, **scope}
        found = await database["photos"].find(photos, {**PLAIN, **_FACTS}).to_list(None)
        return {
            "account": own,
            "sessions": await database["sessions"].find(sessions, PLAIN).to_list(None),
            "reports": await database["reports"].find({"rider": account, **scope}, PLAIN).to_list(None),
            "visits": await database["visits"].find({"rider": account, **scope}, PLAIN).to_list(None),
            "photos": [{**photo, "url": f"/intake/v1/photos/{photo['_id']}"} for photo in found],
        }

    return export


class MongoPeople:
    """See `People`. What the caller may see is part of every query."""

    def __init__(self, database: Database) -> None:
        self._accounts = database["accounts"]
        self._keys = database["account_keys"]
        self._sessions = database["sessions"]

    async def seen(self, sight: Sight, ids: list[str]) -> list[Account]:
        query = {"$and": [_in_sight(sight), {"_id": {"$in": ids}}]}
        return [ACCOUNTS.load(document) for document in await self._accounts.find(query).to_list(None)]

    async def listed(self, sight: Sight, listing: Listing) -> list[tuple[Account, int]]:
        named = {"role": listing.role, "status": listing.status, "squad": listing.squad}
        narrowed = {field: value for field, value in named.items() if value is not None}
        query = {"$and": [_in_sight(sight), {**narrowed, "_id": {"$gt": listing.after}}]}
        page = self._accounts.find(query).sort("_id", ASCENDING).limit(listing.limit)
        return [(ACCOUNTS.load(document), document["version"]) for document in await page.to_list(None)]

    async def me(self, scope: Scope) -> tuple[Account, int] | None:
        document = await self._accounts.find_one({"_id": scope.id})
        return None if document is None else (ACCOUNTS.load(document), document["version"])

    async def of_login(self, login: Login) -> str | None:
        row = await self._keys.find_one({"_id": login_key(login)})
        return None if row is None else str(row["account"])

    async def sessions(self, scope: Scope, now: datetime) -> list[Session]:
        query = {"account": scope.id, "ended_at": None}
        found = [SESSIONS.load(document) for document in await self._sessions.find(query).to_list(None)]
        return sorted((one for one in found if is_open(one, now)), key=lambda one: one.refreshed_at, reverse=True)

    async def named(self, subdistrict: str, role: Role, name: str) -> Account | None:
        query = {"subdistrict": subdistrict, "role": role, "name": name, "status": {"$in": sorted(LOGS_IN)}}
        document = await self._accounts.find_one(query)
        return None if document is None else ACCOUNTS.load(document)


def _in_sight(sight: Sight) -> dict[str, Any]:
    """The filter that says the same as `domain.sight.sees`."""
    others: dict[str, Any] = {"subdistrict": sight.subdistrict}
    if sight.squad is not None:
        others |= {"squad": sight.squad, "role": "rider"}
    if sight.communities:
        places = {"$in": list(sight.communities)}
        others["$or"] = [{"community": places}, {"communities": places}]
    own = {"_id": sight.id}
    return {"status": {"$ne": "forgotten"}, "$or": [own, others] if sight.others else [own]}
