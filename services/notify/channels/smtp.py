"""Mail over SMTP (RFC 5321) with STARTTLS or TLS from the first byte; plain text and HTML in one message.

The standard library's client in a thread: nothing of asyncio's own is kept well enough to be worth a dependency. Which server
is a setting of the installation; the endpoint's address is the recipient. `Message-ID` comes from the parcel's key, so that
a mail sent twice is one mail to most programs.
"""

import asyncio
import hashlib
import html
import re
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Literal

from services.notify.channels.secret import Secrets
from services.notify.channels.wording import more
from services.notify.domain.channel import Endpoint, Outcome, Parcel, Refused, Retry, Sent, Unknown
from shared.clock import Clock

SECRET = "smtp"  # noqa: S105 - its name
SECONDS = 10.0
"""For the connection, and for each answer after it."""

WHOLE_SECONDS = 14.0

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")
_BUSY = 60.0
_SEVEN_BITS = SMTP.clone(cte_type="7bit")
"""For servers that bear no more."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in. `security`: how the connection is encrypted; `none` is for development alone."""

    host: str
    port: int
    sender: str
    security: Literal["starttls", "tls", "none"] = "starttls"


class Smtp:
    """See `Channel`."""

    def __init__(self, server: MailServer, secrets: Secrets, clock: Clock, trust: ssl.SSLContext | None = None) -> None:
        """`trust`: None is the system's."""
        self._server = server
        self._secrets = secrets
        self._clock = clock
        self._trust = trust

    async def send(self, endpoint: Endpoint, parcel: Parcel) -> Outcome:
        try:
            mail = compose(parcel, self._server.sender, endpoint.address, self._clock())
        except ValueError:
            return Refused("no_address")
        secret = self._secrets.get(endpoint.secret_name or SECRET)
        try:
            async with asyncio.timeout(WHOLE_SECONDS):
                return await asyncio.to_thread(self._hand_in, mail, endpoint.address, secret)
        except TimeoutError:
            return Unknown("no_answer")  # the thread goes on; how far it came nobody knows

    def _hand_in(self, mail: EmailMessage, to: str, secret: Mapping[str, str] | None) -> Outcome:
        try:
            server = self._connected(secret)
        except (smtplib.SMTPException, OSError) as error:
            return _before(error)
        try:
            _expect(server.mail(self._server.sender), server.rcpt(to))
        except (smtplib.SMTPException, OSError) as error:
            server.close()
            return _before(error)
        try:
            answer = server.data(mail.as_bytes())
            return _said(answer) if answer[0] >= 200 else Unknown("unreadable")
        except smtplib.SMTPDataError as error:  # it would not even hear it
            return _said((error.smtp_code, b""))
        except (smtplib.SMTPException, OSError):
            return Unknown("no_answer")
        finally:
            server.close()  # QUIT would be one more answer to wait for

    def _connected(self, secret: Mapping[str, str] | None) -> smtplib.SMTP:
        host, port = self._server.host, self._server.port
        name = self._server.sender.rpartition("@")[2]  # asked for none, the library would ask the network
        trust = self._trust or ssl.create_default_context()
        if self._server.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, name, timeout=SECONDS, context=trust)
        else:
            server = smtplib.SMTP(host, port, name, timeout=SECONDS)
        try:
            if self._server.security == "starttls":
                server.starttls(context=trust)
            server.ehlo_or_helo_if_needed()
            if secret is not None:
                server.login(secret["user"], secret["password"])
        except BaseException:
            server.close()
            raise
        return server


def compose(parcel: Parcel, sender: str, to: str, at: datetime) -> EmailMessage:
    """The mail. Raises `ValueError` if an address is none, or a line break is where none may be."""
    if not _ADDRESS.fullmatch(to):
        raise ValueError("no address")
    mail = EmailMessage(_SEVEN_BITS)
    mail["From"], mail["To"] = Address(addr_spec=sender), Address(addr_spec=to)
    mail["Subject"] = parcel.title
    mail["Date"] = format_datetime(at)
    name = hashlib.sha256(f"{parcel.key}\n{to}".encode()).hexdigest()[:32]
    mail["Message-ID"] = f"<{name}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["Content-Language"] = "en" if parcel.language == "en" else "zh-CN"
    mail.set_content("\n\n".join(part for part in (parcel.text, parcel.link) if part))
    mail.add_alternative(_page(parcel), subtype="html")
    if parcel.image is not None:
        kind = "png" if parcel.image.startswith(b"\x89PNG") else "jpeg"
        mail.add_attachment(parcel.image, maintype="image", subtype=kind, filename=f"photo.{kind}")
    return mail


def _page(parcel: Parcel) -> str:
    lines = "".join(f"<p>{html.escape(line)}</p>" for line in parcel.text.split("\n") if line)
    link = f'<p><a href="{html.escape(parcel.link)}">{more(parcel)}</a></p>' if parcel.link else ""
    return f"<!doctype html><title>{html.escape(parcel.title)}</title>{lines}{link}"


def _expect(*answers: tuple[int, bytes]) -> None:
    for code, text in answers:
        if code not in (250, 251):
            raise smtplib.SMTPResponseException(code, text)


def _before(error: Exception) -> Outcome:
    """Whatever went wrong before the mail itself was said: it was certainly not taken."""
    if isinstance(error, smtplib.SMTPResponseException):
        return _said((error.smtp_code, b""))
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return Refused("not_supported")
    if isinstance(error, ssl.SSLCertVerificationError):
        return Refused("wrong_certificate")
    return Retry("no_connection")


def _said(answer: tuple[int, bytes]) -> Outcome:
    code = answer[0]
    if 200 <= code < 300:
        return Sent(str(code))
    # 4xx: not now (greylisting, too many)
    return Refused(str(code)) if code >= 500 else Retry(str(code), _BUSY)
