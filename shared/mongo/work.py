"""The working set of one transaction: documents as loaded, and what the commands of a batch made of them.

Nothing here knows the driver: the same `Work` runs over MongoDB and over a dictionary.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

Answer_co = TypeVar("Answer_co", covariant=True)
Document = dict[str, Any]


class Ref(NamedTuple):
    """One document: collection name and `_id`."""

    collection: str
    id: str


class Event(Protocol):
    """Something to publish. It becomes an outbox row numbered from the document it was put with."""

    @property
    def topic_name(self) -> str: ...

    def row(self, root: Document, index: int, sequence: int, now: datetime) -> Document:
        """The outbox row; `root` is the document put with it, with its new version."""
        ...


class Command(Protocol[Answer_co]):
    """One wish to change something, from HTTP, from an event or from a timer."""

    def reads(self) -> Iterable[Ref]:
        """Every document that `decide` may look at or write."""
        ...

    def decide(self, work: "Work") -> Answer_co:
        """Pure and synchronous: look, decide, put. May run several times, so it must not touch anything but `work`.

        Raises `Refused` for a business answer; then nothing of this command is kept.
        """
        ...


@runtime_checkable
class LooksFurther(Protocol):
    """A command that learns only from a document what else it needs, as the riders of an incident from the incident."""

    def more_reads(self, work: "Work") -> Iterable[Ref]:
        """Every document that `decide` may touch beside those of `reads`; looks only at what `reads` named.

        `work` is as loaded: what an earlier command of the batch puts is not in it. So a command that writes the name
        of a document into another one must itself declare the named one.
        """
        ...


def more_reads(command: object, work: "Work") -> Iterable[Ref]:
    """The second look of a command, empty for most; whatever wraps a command passes it on with this."""
    return command.more_reads(work) if isinstance(command, LooksFurther) else ()


class UndeclaredRead(RuntimeError):
    """A command touched a document that neither `reads` nor `more_reads` named: a mistake in the handler."""


@dataclass(frozen=True, slots=True)
class Change:
    """One document to write. `expected` is the version loaded (None: it did not exist), `document` None deletes."""

    ref: Ref
    expected: int | None
    document: Document | None


@dataclass(slots=True)
class Work:
    """Documents of a batch. Treat what `get` returns as read-only: make a new dict and `put` it.

    Commands are decided one after the other; each sees what the ones before it put. `begin` and `undo` frame one
    command, so that a refused one leaves no trace.
    """

    loaded: Mapping[Ref, Document | None]
    now: datetime
    _kept: dict[Ref, Document | None] = field(default_factory=dict)
    _kept_rows: list[Document] = field(default_factory=list)
    _current: dict[Ref, Document | None] = field(default_factory=dict)
    _current_rows: list[Document] = field(default_factory=list)
    recorded: datetime | None = None
    """When the events are stored, where that is not `now`: a command that is decided as of another moment."""

    def get(self, collection: str, id_: str) -> Document | None:
        """The document as this command sees it, or None. Raises `UndeclaredRead`."""
        ref = Ref(collection, id_)
        if ref in self._current:
            return self._current[ref]
        if ref in self._kept:
            return self._kept[ref]
        try:
            return self.loaded[ref]
        except KeyError:
            raise UndeclaredRead(f"{collection}/{id_} was not declared in reads()") from None

    def put(self, collection: str, document: Document, *events: Event) -> int:
        """Insert or replace a document with the events that tell of it: the write and its events share a fate.

        The document's `version` grows by one, `sequences` counts its events per topic, and each event's place in the
        outbox is (key, version, index). Returns the new version.
        """
        ref = Ref(collection, document["_id"])
        before = self.get(*ref)
        version = (before["version"] if before else 0) + 1
        sequences = dict(before.get("sequences", {})) if before else {}
        stored = {**document, "version": version}
        for index, event in enumerate(events):
            slot = event.topic_name.replace(".", "/")  # MongoDB field names with dots are awkward to query
            sequences[slot] = sequences.get(slot, 0) + 1
            self._current_rows.append(event.row(stored, index, sequences[slot], self.recorded or self.now))
        if sequences:
            stored["sequences"] = sequences
        self._current[ref] = stored
        return version

    def delete(self, collection: str, id_: str) -> None:
        """Remove a document, guarded by the version that was loaded."""
        self.get(collection, id_)
        self._current[Ref(collection, id_)] = None

    def begin(self) -> None:
        """Keep what the command before put, and frame the next one."""
        self._kept.update(self._current)
        self._kept_rows.extend(self._current_rows)
        self.undo()

    def undo(self) -> None:
        """Forget what the current command put."""
        self._current = {}
        self._current_rows = []

    def changes(self) -> list[Change]:
        """What to write: one change a document, however many commands touched it."""
        self.begin()
        found = []
        for ref, document in self._kept.items():
            before = self.loaded[ref]
            if document is None and before is None:
                continue
            found.append(Change(ref, before["version"] if before else None, document))
        return found

    def outbox_rows(self) -> list[Document]:
        """The rows to publish, in the order they were decided."""
        self.begin()
        return list(self._kept_rows)
