"""A photo as it arrives: sanitised first, then stored, and only then named by anything else."""

from datetime import UTC

from services.intake.domain.photo import photo_id
from services.intake.photo_pool import PhotoPool
from services.intake.ports import Photo, PhotoStore
from shared.clock import Clock
from shared.crash import crash_point
from shared.scope import Scope


async def take_photo(raw: bytes, scope: Scope, pool: PhotoPool, photos: PhotoStore, clock: Clock) -> tuple[Photo, bool]:
    """Sanitise and store a photo; the same bytes from the same uploader are the same photo. Returns it and whether it is new.

    Raises `Invalid` with the name of the problem; then nothing is stored.
    """
    made = await pool.sanitise(raw)
    photo = Photo(
        id=photo_id(scope.actor, made.sha256_received),
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


def photo_url(photo_id: str) -> str:
    """Stable, from the front door's root; who may see the photo is decided when it is read."""
    return f"/intake/v1/photos/{photo_id}"
