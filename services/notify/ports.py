"""What the handlers need from outside, in the words of notify."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from services.notify.domain.audiences import Reach
from services.notify.domain.case import Case
from services.notify.domain.channel import Endpoint, Outcome, Parcel
from services.notify.domain.member import Squad
from services.notify.domain.message import Copy, Message, ReadMark, Recipient
from services.notify.domain.preferences import Contacts, Preferences
from services.notify.domain.words import Words
from shared.mongo.work import Event, Ref, Work
from shared.scope import Scope


class Names(Protocol):
    """Reference data as words. A code that is not in it (a rolling restart, say) is its own name: no message is lost."""

    @property
    def version(self) -> str:
        """sha256 of the reference data that names things here."""
        ...

    def category(self, scheme: str, code: str) -> Words: ...

    def public(self, scheme: str, code: str) -> bool:
        """Whether the category may be spoken of where everybody reads; not, for one that is not known."""
        ...

    def department(self, code: str) -> Words: ...

    def place(self, code: str) -> Words:
        """A node of the grid tree with the nodes above it, down from the community."""
        ...

    def communities(self, subdistrict: str) -> tuple[str, ...]:
        """Codes of the communities of a sub-district; none for one that is not in it."""
        ...

    def groups(self, subdistrict: str) -> Mapping[str, str | None]:
        """Codes of its chat groups, each with the community that it lies in, None for one across several."""
        ...


class Cases(Protocol):
    """Cases in the working set of a transaction."""

    def ref(self, id_: str) -> Ref: ...
    def get(self, work: Work, id_: str) -> Case | None: ...
    def put(self, work: Work, item: Case, *events: Event) -> int: ...


class Recipients(Protocol):
    """Inboxes in the working set of a transaction."""

    def ref(self, id_: str) -> Ref: ...
    def get(self, work: Work, id_: str) -> Recipient | None: ...
    def put(self, work: Work, item: Recipient, *events: Event) -> int: ...


class Messages(Protocol):
    """Messages in the working set of a transaction."""

    def ref(self, id_: str) -> Ref: ...
    def get(self, work: Work, id_: str) -> Message | None: ...
    def put(self, work: Work, item: Message, *events: Event) -> int: ...


Item = TypeVar("Item")


class Kept(Protocol[Item]):
    """Things of one type in the working set of a transaction."""

    def ref(self, id_: str) -> Ref: ...
    def get(self, work: Work, id_: str) -> Item | None: ...
    def put(self, work: Work, item: Item, *events: Event) -> int: ...


class Choices(Protocol):
    """What somebody chose for himself."""

    async def own(self, scope: Scope) -> tuple[Preferences | None, Contacts | None]: ...


class ReadMarks(Protocol):
    """Read marks in the working set of a transaction."""

    def ref(self, id_: str) -> Ref: ...
    def get(self, work: Work, id_: str) -> ReadMark | None: ...
    def put(self, work: Work, item: ReadMark, *events: Event) -> int: ...


@dataclass(frozen=True, slots=True)
class Books:
    """What telling somebody something writes."""

    cases: Cases
    recipients: Recipients
    messages: Messages
    squads: Kept[Squad]


@dataclass(frozen=True, slots=True)
class Standing:
    """`last` message of an inbox, and `read_up_to` which one account has read it."""

    last: int
    read_up_to: int


class Inboxes(Protocol):
    """What people look at, outside any transaction: an inbox out of `reach` is empty. Raises `Unavailable` while the
    database is away."""

    async def page(self, reach: Reach, audience: str, after: int, limit: int) -> list[tuple[Copy, Message]]:
        """The next copies in an inbox, in order: numbers `after` + 1 to at most `after` + `limit`."""
        ...

    async def standing(self, reach: Reach, audience: str) -> Standing: ...


class Channel(Protocol):
    """One way out of the house."""

    async def send(self, endpoint: Endpoint, parcel: Parcel) -> Outcome:
        """One attempt, ended within 15 s. Raises nothing that the other side can cause: every end of it is an outcome."""
        ...
