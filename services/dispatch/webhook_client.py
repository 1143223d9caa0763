"""Departments' webhooks, signed, over the one way out (`shared.outward`)."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from services.dispatch.domain.webhooks import Hook
from services.dispatch.webhooks import Undelivered
from shared.outward import NoAnswer, Outward, Resolve, read_json, resolve
from shared.signed import SIGNATURE, signature

SHORTEST_SECRET = 32


def read_secrets(path: Path | None) -> dict[str, str]:
    """Secrets by key id out of a JSON file. Raises `ValueError` naming the file."""
    if path is None:
        return {}
    known = read_json(path)
    if not all(isinstance(x, str) and len(x) >= SHORTEST_SECRET for x in known.values()):
        raise ValueError(
            f"{path}: must hold an object of secrets by key id, each of {SHORTEST_SECRET} characters or more"
        )
    return known


class WebhookClient:
    """See `Post`. Of the answer only the status is read."""

    def __init__(
        self,
        hosts: Iterable[str],
        secrets: Mapping[str, str],
        *,
        development: bool = False,
        lookup: Resolve = resolve,
        authorities: Path | None = None,
    ) -> None:
        """See `Outward`; `secrets` by key id. Raises `ValueError` naming `authorities` if it is no file of certificates."""
        self._secrets = dict(secrets)
        self._out = Outward(hosts, development=development, lookup=lookup, authorities=authorities)

    async def close(self) -> None:
        """Disconnect."""
        await self._out.close()

    async def post(self, hook: Hook, body: bytes, at: datetime) -> None:
        secret = self._secrets.get(hook.key)
        if secret is None:
            raise Undelivered(f"there is no secret under the key {hook.key}")
        headers = {
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            SIGNATURE: signature(hook.key, secret, at, body),
        }
        try:
            status = (await self._out.post(hook.url, body, headers)).status
        except NoAnswer as error:
            raise Undelivered(str(error)) from None
        if not 200 <= status < 300:
            raise Undelivered(f"answered {status}")
