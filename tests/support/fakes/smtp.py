"""A mail server: STARTTLS first, then a password, then mail; with a certificate of its own."""

import asyncio
import base64
import contextlib
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.fakes.limit import Window

HOST = "127.0.0.1"
MAX_BYTES = 10_000_000


@dataclass
class MailServer:
    """`users`: passwords by name; `boxes`: who has one. `said`: what was taken, in order. `fault`: hang and reset come after
    the mail, `greeting` hangs up before anything, `plain` offers no STARTTLS; a text is the answer to the mail."""

    window: Window
    users: Mapping[str, str]
    boxes: frozenset[str]
    said: list[EmailMessage] = field(default_factory=list)
    fault: Literal["hang", "reset", "greeting", "plain"] | bytes | None = None
    port: int = 0
    listener: asyncio.Server | None = None
    connections: int = 0
    trust: ssl.SSLContext | None = None
    _own: ssl.SSLContext | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            if self.fault != "greeting":
                await _Session(self, reader, writer).run()
        writer.close()

    @property
    def texts(self) -> list[str]:
        """Subject and plain text of what was taken."""
        return [f"{mail['Subject']}\n{_plain(mail)}" for mail in self.said]

    def context(self) -> ssl.SSLContext:
        assert self._own is not None
        return self._own


class _Session:
    def __init__(self, server: MailServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._safe = False
        self._known = False

    async def run(self) -> None:
        await self._say(b"220 mail.example ESMTP")
        while line := (await self._reader.readline()).decode().strip():
            verb, _, rest = line.partition(" ")
            if not await self._hear(verb.upper(), rest):
                return

    async def _hear(self, verb: str, rest: str) -> bool:
        if verb in ("EHLO", "HELO"):
            offers = b"AUTH PLAIN" if self._safe else b"STARTTLS"
            await self._say(
                b"250 mail.example" if self._server.fault == "plain" else b"250-mail.example\r\n250 " + offers
            )
        elif verb == "STARTTLS":
            await self._say(b"220 go ahead")
            await self._writer.start_tls(self._server.context())
            self._safe = True
        elif verb == "AUTH":
            await self._say(self._login(rest))
        elif verb == "MAIL":
            await self._say(b"250 ok" if self._known else b"530 5.7.0 Authentication required")
        elif verb == "RCPT":
            box = rest.partition("<")[2].partition(">")[0]
            await self._say(b"250 ok" if box in self._server.boxes else b"550 5.1.1 no such user")
        elif verb == "DATA":
            return await self._mail()
        else:
            await self._say(b"250 ok")
        return verb != "QUIT"

    def _login(self, rest: str) -> bytes:
        _, user, password = base64.b64decode(rest.partition(" ")[2]).decode().split("\0")
        self._known = self._server.users.get(user) == password
        return b"235 ok" if self._known else b"535 5.7.8 Authentication credentials invalid"

    async def _mail(self) -> bool:
        await self._say(b"354 go ahead")
        raw = (await self._reader.readuntil(b"\r\n.\r\n")).removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")
        fault = self._server.fault
        if fault == "hang":
            await self._reader.read()
        if fault in ("hang", "reset"):
            return False
        await self._say(fault.encode() if isinstance(fault, str) else fault or self._judged(raw))
        return True

    def _judged(self, raw: bytes) -> bytes:
        if len(raw) > MAX_BYTES:
            return b"552 5.3.4 too large"
        if not self._server.window.admits():
            return b"450 4.7.1 too many, try again later"
        mail = message_from_bytes(raw, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        assert raw.isascii(), "nobody here said 8BITMIME"
        self._server.said.append(mail)
        return b"250 2.0.0 queued"

    async def _say(self, text: bytes) -> None:
        self._writer.write(text + b"\r\n")
        await self._writer.drain()


def _plain(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


@asynccontextmanager
async def mail_server(server: MailServer, folder: Path) -> AsyncIterator[MailServer]:
    """On a port of this machine; its certificate is written into `folder`, and `trust` trusts it alone."""
    server._own, server.trust = _certified(folder)
    async with await asyncio.start_server(server.serve, HOST, 0, limit=2 * MAX_BYTES) as listener:
        server.listener = listener
        server.port = listener.sockets[0].getsockname()[1]
        yield server


def _certified(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.datetime.now(datetime.UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(alternative, critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "mail.pem").write_bytes(secret + pem)
    own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    own.load_cert_chain(folder / "mail.pem")
    return own, ssl.create_default_context(cadata=pem.decode())
