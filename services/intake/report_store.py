"""Reports as people look at them, and what is known around a place."""

from services.intake.domain.listing import ReportListing
from services.intake.domain.report import Place, Report
from services.intake.domain.spot import BROKEN_AGAIN, Near, Spot, seen_from
from services.intake.domain.status import OVER, Status
from services.intake.ports import Around
from services.intake.store import AWAITING, COMMUNITY, INCIDENTS, REPORTS, SPOTS, STATUSES
from shared.mongo.client import Database, Document
from shared.mongo.scopes import within
from shared.scope import Scope

_ASKED = 20
"""More than are offered, because the domain may leave some out; they come the nearest first."""


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
        return [(REPORTS.load(one), status_of(one)) for one in await found.to_list(None)]

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
        query = {"awaiting": photo, "subdistrict": scope.subdistrict, **AWAITING}
        found = self._reports.find(query, {"_id": 1}).hint("of_awaited")  # every upload asks, and hardly any is awaited
        return [report["_id"] for report in await found.to_list(None)]


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


def status_of(document: Document) -> Status:
    return STATUSES.load(document["status"][0]) if document["status"] else Status(document["incident"])
