"""What leaves the house: where to (an endpoint), what (a parcel), how it went (an outcome), and how much a channel bears.

The channels themselves are in `services.notify.channels`, one module each; `ports.Channel` is what they have in common.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """The ways out. The inbox is not one of them: it is written in the transaction that decides the message."""

    WECOM = "wecom"
    DINGTALK = "dingtalk"
    FEISHU = "feishu"
    SMTP = "smtp"
    SMS = "sms"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the other side bears. `per_minute` in any 60 s and `per_second` in any second (None: no limit); `max_bytes`:
    UTF-8 bytes of one text (None: no limit); `penalty_seconds`: how long it turns everyone away after too many."""

    per_minute: int | None = None
    per_second: int | None = None
    max_bytes: int | None = None
    penalty_seconds: float = 0.0


LIMITS: Mapping[Kind, Limits] = {
    Kind.WECOM: Limits(per_minute=20, max_bytes=2048),
    Kind.DINGTALK: Limits(per_minute=20, max_bytes=20_000, penalty_seconds=600.0),
    Kind.FEISHU: Limits(per_minute=100, per_second=5, max_bytes=20_000),
    Kind.SMTP: Limits(per_minute=60),
    Kind.SMS: Limits(per_minute=60, max_bytes=1500),
    Kind.WEBHOOK: Limits(per_minute=600),
}
"""By channel; an endpoint may state tighter ones."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of one channel: `id` is unique in the installation (`wecom:group-name`, `smtp:<account>`); `address` is
    a URL, a mail address or a phone number; `secret_name` names the secret it is signed or reached with ("" for none):
    the secret itself comes from the mounted secrets, never from reference data."""

    id: str
    channel: Kind
    address: str
    secret_name: str = ""
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Parcel:
    """One text for one endpoint. `key` is the same for every attempt (an idempotency key where the other side knows such);
    `urgency`: `urgent`, `normal` or `low`; `mentions`: account names in the words of the channel, `@all` for everyone;
    `parts`: what a template channel (SMS) fills in, by placeholder; `template`: the template's name; `image`: JPEG or PNG."""

    key: str
    title: str
    text: str
    link: str = ""
    urgency: str = "normal"
    language: str = "zh"
    mentions: tuple[str, ...] = ()
    template: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    image: bytes | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """The other side took it. `code`: what it answered, short (`ok`, `0`, `250`)."""

    code: str = "ok"


@dataclass(frozen=True, slots=True)
class Retry:
    """It was certainly not taken, and may be later: `after` seconds at the earliest (0: as the sender sees fit)."""

    code: str
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Refused:
    """It was not taken and never will be: wrong signature, unknown robot, content refused. Nobody tries again."""

    code: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """It went out and the answer never came: it may have been taken."""

    code: str


Outcome = Sent | Retry | Refused | Unknown
