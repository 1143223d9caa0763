"""What a rider chooses for himself: channels by topic, language, and addresses, which count once he has confirmed them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from services.notify.domain.case import rider_audience
from services.notify.domain.channel import Kind
from services.notify.domain.delivery import RANK, Delivery
from services.notify.domain.preferences import CONFIRMING, Address, Contacts, Preferences, Topic
from services.notify.domain.telling import Urgency
from services.notify.domain.templates import CONFIRM, render
from services.notify.domain.words import same
from services.notify.ports import Kept
from shared.errors import Invalid
from shared.mongo.work import Ref, Work

CODE_LIVES = timedelta(hours=12)
"""A code that comes after a quiet night is still good."""

MOST_TRIES = 5

_SHAPES = {
    Kind.SMTP: re.compile(r"[^@\s<>,;\"\x00-\x1f]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"),
    Kind.SMS: re.compile(r"1[3-9][0-9]{9}"),
}


@dataclass(frozen=True, slots=True)
class PutPreferences:
    """The channels of each topic, and the language that they speak."""

    preferences: Kept[Preferences]
    wanted: Preferences

    def reads(self) -> Iterable[Ref]:
        return [self.preferences.ref(self.wanted.id)]

    def decide(self, work: Work) -> Preferences:
        if self.preferences.get(work, self.wanted.id) != self.wanted:
            self.preferences.put(work, self.wanted)
        return self.wanted


@dataclass(frozen=True, slots=True)
class PutAddress:
    """An address, not confirmed; a code goes there. `value` None: it is forgotten at once."""

    contacts: Kept[Contacts]
    preferences: Kept[Preferences]
    deliveries: Kept[Delivery]
    account: str
    subdistrict: str
    kind: Kind
    value: str | None
    code: str
    delivery: str

    def reads(self) -> Iterable[Ref]:
        own = [self.contacts.ref(self.account), self.preferences.ref(self.account)]
        return [*own, self.deliveries.ref(self.delivery)]

    def decide(self, work: Work) -> Contacts:
        """Raises `Invalid` for what is no such address."""
        known = self.contacts.get(work, self.account) or Contacts(self.account, self.subdistrict)
        others = {kind: address for kind, address in known.addresses.items() if kind != self.kind}
        if self.value is None:
            after = replace(known, addresses=others)
        else:
            if not _SHAPES[self.kind].fullmatch(self.value):
                raise Invalid.field("value", "is no address of this channel")
            address = Address(self.value, False, self.code, work.now + CODE_LIVES)
            after = replace(known, addresses={**others, self.kind: address})
            chosen = self.preferences.get(work, self.account)
            self.deliveries.put(work, self._code(work, chosen.language if chosen else "zh"))
        self.contacts.put(work, after)
        return after

    def _code(self, work: Work, language: str) -> Delivery:
        zh, en, link = render(CONFIRM, {"code": same(self.code)})
        words = en if language == "en" else zh
        return Delivery(
            id=self.delivery,
            subdistrict=self.subdistrict,
            community=None,
            message=self.delivery,
            audience=rider_audience(self.account),
            endpoint=f"{self.kind.value}:{self.account}",
            line=self.kind.value,
            channel=self.kind,
            language=language,
            urgency=Urgency.NORMAL,
            rank=RANK[Urgency.NORMAL],
            template=CONFIRMING,
            incident=None,
            public_code=None,
            title=words.title,
            text=words.text,
            next=words.next,
            link=link,
            parts={"code": self.code},
            stored=work.now,
            due=work.now,
        )


@dataclass(frozen=True, slots=True)
class Confirm:
    """The code that went to the address comes back. A wrong one is counted, so it answers rather than refuses."""

    contacts: Kept[Contacts]
    account: str
    kind: Kind
    code: str

    def reads(self) -> Iterable[Ref]:
        return [self.contacts.ref(self.account)]

    def decide(self, work: Work) -> bool:
        """Whether the address is confirmed now."""
        known = self.contacts.get(work, self.account)
        address = known.addresses.get(self.kind) if known else None
        if known is None or address is None or address.confirmed:
            return address is not None
        late = address.expires is None or work.now > address.expires
        if late or address.tries >= MOST_TRIES:
            return False
        right = self.code == address.code
        after = Address(address.value, True) if right else replace(address, tries=address.tries + 1)
        self.contacts.put(work, replace(known, addresses={**known.addresses, self.kind: after}))
        return right


def of_form(account: str, subdistrict: str, language: str, channels: dict[Topic, tuple[Kind, ...]]) -> Preferences:
    """Each channel once, in one order, so that the same wish is the same document."""
    chosen = {topic: tuple(sorted(set(kinds))) for topic, kinds in sorted(channels.items()) if kinds}
    return Preferences(account, subdistrict, language, chosen)
