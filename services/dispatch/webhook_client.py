"""The way out to departments' webhooks: only to hosts that the administrator has named, and never into our own network."""

import asyncio
import ipaddress
import json
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import httpx2

from services.dispatch.domain.webhooks import SIGNATURE, Hook, signature
from services.dispatch.webhooks import Undelivered

SECONDS = 10.0
"""For a whole attempt, from the name to the status."""

SHORTEST_SECRET = 32
_PORTS = {"https": 443, "http": 80}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]


async def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host. Raises `OSError`."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def read_secrets(path: Path | None) -> dict[str, str]:
    """Secrets by key id out of a JSON file. Raises `ValueError` naming the file."""
    if path is None:
        return {}
    try:
        known = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: no JSON file that can be read: {error}") from None
    if not isinstance(known, dict) or not all(isinstance(x, str) and len(x) >= SHORTEST_SECRET for x in known.values()):
        raise ValueError(
            f"{path}: must hold an object of secrets by key id, each of {SHORTEST_SECRET} characters or more"
        )
    return known


def _trust(authorities: Path | None) -> ssl.SSLContext:
    """Certificates are always checked, and so is that they are the host's."""
    trust = httpx2.create_ssl_context(trust_env=False)
    if authorities is not None:
        try:
            trust.load_verify_locations(authorities)
        except OSError as error:
            raise ValueError(f"{authorities}: no PEM file of certificates that can be read: {error}") from None
    return trust


class WebhookClient:
    """See `Post`. The name is looked up at each attempt, every address it has is judged, and the one that was judged is the one
    that is connected to: a name that answers differently the next moment gains nothing. Redirects are not followed, and of the
    answer only the status is read."""

    def __init__(
        self,
        hosts: Iterable[str],
        secrets: Mapping[str, str],
        *,
        development: bool = False,
        lookup: Resolve = resolve,
        authorities: Path | None = None,
    ) -> None:
        """`hosts` as in a URL, with the port where it is not the usual one. `development` lets http and our own network in.
        `authorities`: a PEM file of those who are believed beside the usual ones. Raises `ValueError` naming it if it is none.
        """
        self._hosts = frozenset(host.lower() for host in hosts)
        self._secrets = dict(secrets)
        self._development = development
        self._lookup = lookup
        # a connection kept for one host must not be used for another one at the same address
        limits = httpx2.Limits(max_keepalive_connections=0)
        self._http = httpx2.AsyncClient(
            follow_redirects=False, trust_env=False, timeout=SECONDS, limits=limits, verify=_trust(authorities)
        )

    async def close(self) -> None:
        """Disconnect."""
        await self._http.aclose()

    async def post(self, hook: Hook, body: bytes, at: datetime) -> None:
        secret = self._secrets.get(hook.key)
        if secret is None:
            raise Undelivered(f"there is no secret under the key {hook.key}")
        url = self._checked(hook.url)
        try:
            async with asyncio.timeout(SECONDS):
                status = await self._send(url, body, signature(hook.key, secret, at, body))
        except TimeoutError:
            raise Undelivered(f"no answer within {SECONDS:.0f} s") from None
        except (httpx2.HTTPError, OSError) as error:
            raise Undelivered(f"no connection: {type(error).__name__}") from None
        if not httpx2.codes.is_success(status):
            raise Undelivered(f"answered {status}")

    def _checked(self, text: str) -> httpx2.URL:
        with suppress(httpx2.InvalidURL):
            url = httpx2.URL(text)
            schemes = ("https", "http") if self._development else ("https",)
            if url.scheme in schemes and not url.userinfo and url.netloc.decode().lower() in self._hosts:
                return url
        raise Undelivered("the administrator has not allowed this host, or it is no https address")

    async def _send(self, url: httpx2.URL, body: bytes, signed: str) -> int:
        port = url.port or _PORTS[url.scheme]
        address = self._judged(await self._lookup(url.host, port))
        headers = {
            "Host": url.netloc.decode(),
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "User-Agent": "qianshao",
            SIGNATURE: signed,
        }
        request = self._http.build_request(
            "POST", url.copy_with(host=address), content=body, headers=headers, extensions={"sni_hostname": url.host}
        )
        answer = await self._http.send(request, stream=True)
        await answer.aclose()  # unread: nobody can make us take in more than a head
        return answer.status_code

    def _judged(self, addresses: list[str]) -> str:
        """The first, if all of them are fine."""
        if not addresses:
            raise Undelivered("the host has no address")
        if not self._development:
            for text in addresses:
                if not is_public(ipaddress.ip_address(text.partition("%")[0])):
                    raise Undelivered("the host has an address in a private network")
        return addresses[0]


def is_public(address: Address) -> bool:
    """Whether it is outside of every private, local, shared and reserved range, also through a tunnel's form of it."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address.sixtofour is not None or address.teredo is not None or address in _NAT64:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved
