"""Photos in MongoDB, each with its picture beside it."""

from typing import Any

from bson.binary import Binary
from pydantic import TypeAdapter
from pymongo.errors import DuplicateKeyError

from services.intake.domain.abuse import bands
from services.intake.ports import Photo
from services.intake.store import COMMUNITY, FACTS
from shared.mongo.client import Database, Document
from shared.mongo.scopes import within
from shared.scope import Scope

_PHOTO: TypeAdapter[Photo] = TypeAdapter(Photo)


class MongoPhotos:
    """Photos as one document each: at most 1.5 MB after sanitising, far below the 16 MB limit."""

    def __init__(self, database: Database) -> None:
        self._photos = database["photos"]
        self._reports = database["reports"]
        self._incidents = database["incidents"]
        self._statuses = database["statuses"]
        self._activities = database["activity_photos"]

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
        if not ids:
            return {}  # asking MongoDB would cost as much as a share of the commit
        query = {"_id": {"$in": ids}, "uploader": scope.actor}
        found = await self._photos.find(query, FACTS).to_list(None)
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
        seen: list[Document] = [own]
        if await self._is_shown(scope, id_):
            seen.append({"subdistrict": scope.subdistrict})
        if scope.desk:
            # of activities that it decides about; who names another's photo in his shows nothing of it
            riders = await self._activities.distinct("rider", {"photo_ids": id_, **within(scope, "community")})
            uploaders = [f"rider:{rider}" for rider in riders]
            seen.append({"uploader": {"$in": uploaders}, "subdistrict": scope.subdistrict})
        return {"_id": id_, "$or": seen}

    async def _is_shown(self, scope: Scope, id_: str) -> bool:
        """Whether the caller may see it though he did not upload it."""
        if scope.department:
            orders = {"_id": {"$in": await self._incidents_with(id_)}, "orders.department": scope.department}
            return await self._statuses.find_one(orders, {"_id": 1}) is not None
        if scope.desk and not scope.communities:
            return True
        if not scope.desk and await self._shows_his_report(scope, id_):
            return True
        after = await self._statuses.find({"after_photos": id_}, {"_id": 1}).to_list(None)
        incidents = [status["_id"] for status in after]  # a rider sees how it looks now; of before, his own report's
        if scope.desk:
            incidents += await self._incidents_with(id_)
        found = await self._incidents.find({"_id": {"$in": incidents}}, {"reports": 1}).to_list(None)
        reports = {"_id": {"$in": [report for incident in found for report in incident["reports"]]}}
        seen = within(scope, COMMUNITY) if scope.desk else {"rider": scope.id}
        return await self._reports.find_one({**reports, **seen}, {"_id": 1}) is not None

    async def _shows_his_report(self, scope: Scope, photo: str) -> bool:
        """Whether a report of the rider's own names it: staff who wrote it down for him uploaded it."""
        named = [{"photo_ids": photo}, {"after_photo_ids": photo}]
        report = {"rider": scope.id, "subdistrict": scope.subdistrict, "$or": named}
        return await self._reports.find_one(report, {"_id": 1}) is not None

    async def _incidents_with(self, photo: str) -> list[str]:
        found = await self._incidents.find({"photo_ids": photo}, {"_id": 1}).to_list(None)
        return [incident["_id"] for incident in found]
