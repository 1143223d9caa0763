"""Webhooks over TLS, for real: who is believed, and that a certificate must be the host's own."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.dispatch.domain.webhooks import Hook
from services.dispatch.webhook_client import WebhookClient
from services.dispatch.webhooks import Undelivered

SECRET = "s" * 32
HOST = "water.example"
AT = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)


@dataclass
class Authority:
    """A certificate authority of our own, with what it issues in `folder`."""

    folder: Path
    name: str

    def __post_init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._certificate(self.name, self.name, self.key.public_key(), ca=True)
        self.pem = self._write(f"{self.name}.pem", self.certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, host: str, *, over: bool = False) -> ssl.SSLContext:
        """What a server needs to be `host`; `over`: its time ended yesterday."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._certificate(host, self.name, key.public_key(), ca=False, over=over)
        plain = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        chain = self._write(f"{host}.crt", certificate.public_bytes(serialization.Encoding.PEM))
        context.load_cert_chain(chain, self._write(f"{host}.key", plain))
        return context

    def _certificate(
        self, host: str, issuer: str, key: ec.EllipticCurvePublicKey, *, ca: bool, over: bool = False
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        public = self.key.public_key()
        built = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=9))
            .not_valid_after(now + timedelta(days=-1 if over else 9))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        )
        return built.sign(self.key, hashes.SHA256())

    def _write(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path


@asynccontextmanager
async def department(context: ssl.SSLContext, heard: list[bytes]) -> AsyncIterator[int]:
    """A server that says 204 to everything and keeps what it heard. Yields its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        heard.append(head)
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


Post = Callable[[ssl.SSLContext], Awaitable[list[bytes]]]


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


@pytest.fixture
def post(ours: Authority) -> Post:
    """Send one message to whoever answers under `HOST`; our own authority is believed. Returns the heads that it heard."""

    async def sent(context: ssl.SSLContext) -> list[bytes]:
        heard: list[bytes] = []

        async def here(host: str, port: int) -> list[str]:
            return ["127.0.0.1"]

        async with department(context, heard) as port:
            netloc = f"{HOST}:{port}"
            hook = Hook("water", f"https://{netloc}/told", "k1")
            client = WebhookClient([netloc], {"k1": SECRET}, development=True, lookup=here, authorities=ours.pem)
            try:
                await client.post(hook, b"{}", AT)
            finally:
                await client.close()
        return heard

    return sent


async def test_an_authority_that_the_administrator_names_is_believed(post: Post, ours: Authority) -> None:
    (head,) = await post(ours.issue(HOST))
    assert head.startswith(b"POST /told HTTP/1.1")


async def test_a_certificate_of_another_host_is_refused(post: Post, ours: Authority) -> None:
    with pytest.raises(Undelivered, match="no connection"):
        await post(ours.issue("fire.example"))


async def test_a_certificate_for_the_address_is_not_one_for_the_name(post: Post, ours: Authority) -> None:
    """It is connected to by address, and judged by name."""
    with pytest.raises(Undelivered, match="no connection"):
        await post(ours.issue("localhost"))


async def test_an_authority_that_nobody_named_is_refused(post: Post, tmp_path: Path) -> None:
    with pytest.raises(Undelivered, match="no connection"):
        await post(Authority(tmp_path, "strangers").issue(HOST))


async def test_a_certificate_whose_time_is_over_is_refused(post: Post, ours: Authority) -> None:
    with pytest.raises(Undelivered, match="no connection"):
        await post(ours.issue(HOST, over=True))


def test_a_file_that_holds_no_authority_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "none.pem"
    broken.write_text("nothing")
    with pytest.raises(ValueError, match=r"none\.pem"):
        WebhookClient([], {}, authorities=broken)
