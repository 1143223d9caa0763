"""From a request to a command: photos are stored first, then the report names them; the lane decides the rest."""

import uuid
from datetime import UTC, datetime

from services.intake.domain.report import CERTAIN_METRES, Place, Point, Report
from services.intake.forms import CategoryIn, PlaceIn, ReportIn
from services.intake.handlers import Opened, OpenReport
from services.intake.photo_pool import PhotoPool
from services.intake.ports import Incidents, Photo, PhotoStore, Reports, Rules, Views
from shared.clock import Clock
from shared.context import Context
from shared.crash import crash_point
from shared.errors import FieldError, Invalid
from shared.geo import crs
from shared.ids import NewId, report_id
from shared.mongo.lane import Lane
from shared.scope import Scope
from shared.web.auth import Principal
from shared.web.idempotency import fingerprint

_PHOTOS = uuid.UUID("b1f0c7a4-3b0e-5a53-8d39-5d9f7a0f7d11")


async def take_photo(raw: bytes, scope: Scope, pool: PhotoPool, photos: PhotoStore, clock: Clock) -> tuple[Photo, bool]:
    """Sanitise and store a photo; the same bytes from the same uploader are the same photo. Returns it and whether it is new.

    Raises `Invalid` with the name of the problem; then nothing is stored.
    """
    made = await pool.sanitise(raw)
    photo = Photo(
        id=str(uuid.uuid5(_PHOTOS, f"{scope.actor}\n{made.sha256_received}")),
        uploader=scope.actor,
        subdistrict=scope.subdistrict,
        sha256_received=made.sha256_received,
        sha256=made.sha256_stored,
        width=made.width,
        height=made.height,
        taken_at=made.taken_at.astimezone(UTC) if made.taken_at and made.taken_at_has_zone else None,
        gps=made.gps,
        dhash=made.dhash,
        received_at=clock(),
    )
    new = await photos.put(photo, made.jpeg, made.thumb)
    crash_point("intake.after_photo")
    if not new:
        # as it was received first: sent again, an old photo must not become a new one
        photo = (await photos.own(scope, [photo.id])).get(photo.id, photo)
    return photo, new


async def take_report(
    lane: Lane,
    views: Views,
    wish: ReportIn,
    caller: Principal,
    reports: Reports,
    incidents: Incidents,
    photos: PhotoStore,
    rules: Rules,
    new_id: NewId,
    now: datetime,
    context: Context,
) -> Opened:
    """Store it, or answer what was stored for its key: so also if reference data or retention would refuse it by now.

    Raises as `prepare_report` and `OpenReport` do.
    """
    try:
        command = await prepare_report(wish, caller, reports, incidents, photos, rules, new_id, now, context)
    except Invalid:
        before = await _answered(wish, caller, views)
        if before is None:
            raise
        return Opened(before, replayed=True)
    return await lane.submit(command)


async def prepare_report(
    wish: ReportIn,
    caller: Principal,
    reports: Reports,
    incidents: Incidents,
    photos: PhotoStore,
    rules: Rules,
    new_id: NewId,
    now: datetime,
    context: Context,
) -> OpenReport:
    """The command for a report. Raises `Invalid` naming each field that reference data or stored photos contradict."""
    found = await photos.own(caller.scope, wish.photo_ids)
    _check_category(wish, rules)
    _check_photos(wish, found)
    place = _place(wish.place, rules)
    report = Report(
        id=report_id(caller.id, wish.client_key),
        client_key=wish.client_key,
        fingerprint=fingerprint(wish),
        rider=caller.id,
        subdistrict=caller.subdistrict,
        incident=new_id(),
        code="",
        category={"scheme": wish.category.scheme, "code": wish.category.code},
        condition=wish.category.condition,
        emergency=wish.emergency,
        place=place,
        text=wish.text,
        interim_measures=wish.interim_measures,
        photo_ids=tuple(wish.photo_ids),
        captured_at=_milliseconds(wish.captured_at),
        received_at=now,
        flags=(),
        reference_version=rules.version,
    )
    distances = tuple(_distance(place, photo) for photo in found.values())
    return OpenReport(reports, incidents, report, distances, context)


async def _answered(wish: ReportIn, caller: Principal, views: Views) -> Report | None:
    """The report that this very wish has made before, None if there is none."""
    found = await views.report(caller.scope, report_id(caller.id, wish.client_key))
    return found[0] if found is not None and found[0].fingerprint == fingerprint(wish) else None


def _check_category(wish: ReportIn, rules: Rules) -> None:
    category: CategoryIn = wish.category
    rule = rules.category(category.scheme, category.code)
    if rule is None:
        raise Invalid.field("category", f"there is no {category.scheme}:{category.code} in the reference data")
    if category.condition is not None and category.condition not in rule.conditions:
        raise Invalid.field("category.condition", f"is none of {', '.join(sorted(rule.conditions))}")
    if rule.photo_required and not wish.photo_ids:
        raise Invalid.field("photo_ids", "this category needs at least one photo")


def _check_photos(wish: ReportIn, found: dict[str, Photo]) -> None:
    """Every photo must be among the caller's own; the answer does not tell whether it is somebody else's."""
    wrong = [
        FieldError(f"photo_ids.{index}", "you have no such photo; upload it first")
        for index, id_ in enumerate(wish.photo_ids)
        if id_ not in found
    ]
    if wrong:
        raise Invalid("; ".join(f"{error.field}: {error.reason}" for error in wrong), *wrong)
    if len(set(wish.photo_ids)) < len(wish.photo_ids):
        raise Invalid.field("photo_ids", "the same photo twice")


def _place(given: PlaceIn, rules: Rules) -> Place:
    """Normalised; too uncertain a fix gets no micro-grid rather than a guessed one."""
    wgs84 = crs.to_wgs84(given.lng, given.lat, given.crs)
    gcj02 = crs.to_gcj02(*wgs84)
    certain = given.accuracy_m <= CERTAIN_METRES
    return Place(
        raw=Point(given.lng, given.lat),
        crs=given.crs,
        wgs84=Point(*_rounded(wgs84)),
        gcj02=Point(*_rounded(gcj02)),
        accuracy_m=given.accuracy_m,
        address=given.address,
        grid=rules.locate(*wgs84) if certain else None,
    )


def _milliseconds(at: datetime) -> datetime:
    """All that MongoDB stores, so that a repeated request gets the same answer."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _rounded(point: tuple[float, float]) -> tuple[float, float]:
    """7 decimals are a centimetre, more than any phone knows."""
    return round(point[0], 7), round(point[1], 7)


def _distance(place: Place, photo: Photo) -> float | None:
    return None if photo.gps is None else crs.distance_m((place.wgs84.lng, place.wgs84.lat), photo.gps)


def photo_url(photo_id: str) -> str:
    """Stable, from the front door's root; who may see the photo is decided when it is read."""
    return f"/intake/v1/photos/{photo_id}"
