"""The way out to servers of others: only to hosts that the administrator has named, and never into our own network."""

import asyncio
import ipaddress
import json
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx2

SECONDS = 10.0
"""For a whole attempt, from the name to the end of the answer."""

CONNECT_SECONDS = 4.0
"""For the name and for the connection, each: when these run out, nothing has been sent for certain."""

_PORTS = {"https": 443, "http": 80}
_HOUR = 3600.0
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_UNSENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]


class NoAnswer(Exception):
    """Nobody answered. The text is for operators and repeats nothing of what was sent, nor of the address."""


class NotAllowed(NoAnswer):
    """The address is none of ours to call; nothing was sent and trying again changes nothing."""


class NotSent(NoAnswer):
    """No connection came about: nothing was sent."""


class Unanswered(NoAnswer):
    """It may have been sent: the connection was there and the answer never came."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` holds as much of it as was asked for; `retry_after`: the seconds that a header of this name asks for, else 0."""

    status: int
    body: bytes = b""
    retry_after: float = 0.0


async def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host. Raises `OSError`."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class Outward:
    """Posts to servers of others. The name is looked up at each attempt, every address it has is judged, and the one that was
    judged is the one that is connected to: a name that answers differently the next moment gains nothing. Redirects are not
    followed, and of the answer no more is read than was asked for."""

    def __init__(
        self,
        hosts: Iterable[str],
        *,
        development: bool = False,
        lookup: Resolve = resolve,
        authorities: Path | None = None,
    ) -> None:
        """`hosts` as in a URL, with the port where it is not the usual one. `development` lets http and our own network in.
        `authorities`: a PEM file of those who are believed beside the usual ones. Raises `ValueError` naming it if it is none.
        """
        self._hosts = frozenset(host.lower() for host in hosts)
        self._development = development
        self._lookup = lookup
        # a connection kept for one host must not be used for another one at the same address
        limits = httpx2.Limits(max_keepalive_connections=0)
        self._http = httpx2.AsyncClient(
            follow_redirects=False, trust_env=False, limits=limits, verify=_trust(authorities)
        )

    async def close(self) -> None:
        """Disconnect."""
        await self._http.aclose()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], at_most: int = 0) -> Answer:
        """Whatever the server answers, with the first `at_most` bytes of the body. Raises `NotAllowed`, `NotSent`, `Unanswered`."""
        checked = self._checked(url)
        address = await self._address(checked)
        request = self._http.build_request(
            "POST",
            checked.copy_with(host=address),
            content=body,
            headers={"Host": checked.netloc.decode(), "User-Agent": "qianshao", **headers},
            extensions={"sni_hostname": checked.host},
            timeout=httpx2.Timeout(SECONDS, connect=CONNECT_SECONDS),
        )
        try:
            async with asyncio.timeout(SECONDS):
                return await self._answer(request, at_most)
        except _UNSENT as error:
            raise NotSent(f"no connection: {type(error).__name__}") from None
        except (TimeoutError, httpx2.TimeoutException):
            raise Unanswered(f"no answer within {SECONDS:.0f} s") from None
        except (httpx2.HTTPError, OSError) as error:
            raise Unanswered(f"no connection: {type(error).__name__}") from None

    def _checked(self, text: str) -> httpx2.URL:
        with suppress(httpx2.InvalidURL):
            url = httpx2.URL(text)
            schemes = ("https", "http") if self._development else ("https",)
            if url.scheme in schemes and not url.userinfo and url.netloc.decode().lower() in self._hosts:
                return url
        raise NotAllowed("the administrator has not allowed this host, or it is no https address")

    async def _address(self, url: httpx2.URL) -> str:
        """The first one of the host, if all of them are fine."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                addresses = await self._lookup(url.host, url.port or _PORTS[url.scheme])
        except (OSError, TimeoutError) as error:
            raise NotSent(f"no connection: {type(error).__name__}") from None
        if not addresses:
            raise NotAllowed("the host has no address")
        if not self._development:
            for text in addresses:
                if not is_public(ipaddress.ip_address(text.partition("%")[0])):
                    raise NotAllowed("the host has an address in a private network")
        return addresses[0]

    async def _answer(self, request: httpx2.Request, at_most: int) -> Answer:
        answer = await self._http.send(request, stream=True)
        body = b""
        try:
            if at_most:
                async for chunk in answer.aiter_bytes():
                    body += chunk[: at_most - len(body)]
                    if len(body) >= at_most:
                        break
        finally:
            await answer.aclose()  # what was not asked for stays unread: nobody can make us take it in
        return Answer(answer.status_code, body, _seconds(answer.headers.get("retry-after", "")))


@cache
def _trust(authorities: Path | None) -> ssl.SSLContext:
    """Certificates are always checked, and so is that they are the host's. Read once: those of the world take 60 ms."""
    trust = httpx2.create_ssl_context(trust_env=False)
    if authorities is not None:
        try:
            trust.load_verify_locations(authorities)
        except OSError as error:
            raise ValueError(f"{authorities}: no PEM file of certificates that can be read: {error}") from None
    return trust


def _seconds(text: str) -> float:
    """At most an hour; dates, which nobody sends, are none."""
    return min(float(text), _HOUR) if text.isascii() and text.isdigit() and len(text) < 10 else 0.0


def is_public(address: Address) -> bool:
    """Whether it is outside of every private, local, shared and reserved range, also through a tunnel's form of it."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address.sixtofour is not None or address.teredo is not None or address in _NAT64:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def read_json(path: Path) -> dict[str, Any]:
    """The object that a file of secrets holds. Raises `ValueError` naming the file, and nothing of what it holds."""
    try:
        known = json.loads(path.read_text())
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"{path}: no JSON file that can be read: {type(error).__name__}") from None
    if not isinstance(known, dict):
        raise ValueError(f"{path}: must hold an object")
    return known
