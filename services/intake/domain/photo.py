"""How a photo is named: by who sends it and by its bytes, so that a phone can announce one before it has arrived."""

import uuid

_PHOTOS = uuid.UUID("b1f0c7a4-3b0e-5a53-8d39-5d9f7a0f7d11")


def photo_id(uploader: str, sha256_received: str) -> str:
    """The id of a photo. `uploader` is an actor such as `rider:…`, the digest is that of the bytes as they are sent, in hex."""
    return str(uuid.uuid5(_PHOTOS, f"{uploader}\n{sha256_received}"))
