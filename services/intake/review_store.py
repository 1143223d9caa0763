"""What a new report is compared with, and the queue of those that people should look at."""

from datetime import timedelta

from services.intake.domain.abuse import PICTURES_KEPT, TRUSTED, Facts, Past, Picture, Sighting, bands
from services.intake.domain.listing import Mark
from services.intake.domain.report import Report
from services.intake.domain.status import Status
from services.intake.report_store import status_of
from services.intake.store import COMMUNITY, REPORTS, TO_REVIEW
from shared.mongo.client import Database, Document
from shared.mongo.scopes import within
from shared.scope import Scope


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
        alike = await self._alike(scope, facts) if facts.pictures else {}
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
        wanted: list[Document] = [within(scope, COMMUNITY), TO_REVIEW]
        if after is not None:
            at = after.received_at
            later = [{"received_at": {"$gt": at}}, {"received_at": at, "_id": {"$gt": after.id}}]
            wanted += [{"received_at": {"$gte": at}}, {"$or": later}]
        told = {"$lookup": {"from": "statuses", "localField": "incident", "foreignField": "_id", "as": "status"}}
        oldest_first = {"$sort": {"received_at": 1, "_id": 1}}
        page = self._reports.aggregate(
            [{"$match": {"$and": wanted}}, oldest_first, {"$limit": limit}, told], hint="of_review"
        )
        return [(REPORTS.load(one), status_of(one), one["version"]) for one in await page.to_list(None)]
