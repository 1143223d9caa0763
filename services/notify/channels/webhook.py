"""Webhooks of anybody: a JSON object, signed as departments' webhooks are (`shared.signed`), with the parcel's key in
`Idempotency-Key` so that the other side can tell a second attempt from a second message.

The secret holds `key`, the name by which the receiver knows it, and `secret`.
"""

from services.notify.channels.answers import JSON, Way, call, dump, of_status
from services.notify.channels.secret import Secrets
from services.notify.channels.wording import cut_quoted, room
from services.notify.domain.channel import Endpoint, Outcome, Parcel, Refused
from shared.clock import Clock
from shared.outward import Answer
from shared.signed import SIGNATURE, signature

TEXT_BYTES = 60_000
"""Of a request: servers take 64 KB as a rule."""


class Webhook:
    """See `Channel`."""

    def __init__(self, way: Way, secrets: Secrets, clock: Clock) -> None:
        self._way = way
        self._secrets = secrets
        self._clock = clock

    async def send(self, endpoint: Endpoint, parcel: Parcel) -> Outcome:
        secret = self._secrets.get(endpoint.secret_name)
        if secret is None:
            return Refused("no_secret")
        if parcel.image is not None:
            return Refused("no_images")
        body = message(endpoint, parcel)
        signed = signature(secret["key"], secret["secret"], self._clock(), body)
        answer = await call(
            self._way, endpoint.address, body, {**JSON, SIGNATURE: signed, "Idempotency-Key": parcel.key}
        )
        return of_status(answer) if isinstance(answer, Answer) else answer


def message(endpoint: Endpoint, parcel: Parcel) -> bytes:
    """The body of the request."""
    return dump(
        {
            "key": parcel.key,
            "template": parcel.template,
            "urgency": parcel.urgency,
            "language": parcel.language,
            "title": parcel.title,
            "text": cut_quoted(parcel.text, room(endpoint, TEXT_BYTES)),
            "link": parcel.link,
        }
    )
