"""What a rider wants to get beside his inbox, and where. The inbox keeps everything: danger reaches it whatever is chosen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.notify.domain.channel import Kind
from services.notify.domain.delivery import Way

CONFIRMING = "contact_code"
"""The one text that goes to an address that nobody has confirmed yet: it is how one does."""


class Topic(StrEnum):
    """What a message is about, as a rider chooses. `danger` is whatever is urgent."""

    DANGER = "danger"
    REPORTS = "reports"
    POINTS = "points"
    NOTICES = "notices"


PERSONAL = (Kind.SMTP, Kind.SMS)
"""Channels that reach one person."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """Of the account `id`: for each topic the channels beside the inbox, and in which language they speak."""

    id: str
    subdistrict: str
    language: str = "zh"
    channels: dict[Topic, tuple[Kind, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Address:
    """A mail address or phone number. It is used once its owner has sent back the code that went there."""

    value: str
    confirmed: bool = False
    code: str = ""
    expires: datetime | None = None
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Contacts:
    """Where the account `id` can be reached. Addresses are here and nowhere else; they go with the person."""

    id: str
    subdistrict: str
    addresses: dict[Kind, Address] = field(default_factory=dict)


def topic_of(template: str, urgent: bool) -> Topic:
    """What a text is about."""
    if urgent:
        return Topic.DANGER
    if template.startswith(("points", "redemption", "activity")):
        return Topic.POINTS
    return Topic.NOTICES if template.startswith("notice") else Topic.REPORTS


def personal_ways(
    account: str, preferences: Preferences | None, contacts: Contacts | None, topic: Topic
) -> tuple[Way, ...]:
    """The ways to one rider: what he has chosen for this topic, as far as the address is confirmed."""
    if preferences is None or contacts is None:
        return ()
    chosen = preferences.channels.get(topic, ())
    there: Mapping[Kind, Address] = contacts.addresses
    return tuple(
        Way(f"{kind.value}:{account}", kind.value, kind, preferences.language)
        for kind in PERSONAL
        if kind in chosen and kind in there and there[kind].confirmed
    )
