"""Domain objects as documents: the object's `id` is the document's `_id`, everything else keeps its name."""

from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter

from shared.mongo.work import Document, Event, Ref, Work

Item = TypeVar("Item")

PLAIN = {"version": 0, "sequences": 0}
"""The projection that leaves out what the commit lane adds to a document."""


class Records(Generic[Item]):
    """One collection of one type of (frozen) dataclass, read and written through the working set of a transaction."""

    def __init__(self, collection: str, item: type[Item]) -> None:
        self.collection = collection
        self._adapter: TypeAdapter[Item] = TypeAdapter(item)

    def ref(self, id_: str) -> Ref:
        """What a command declares in order to read or write the item."""
        return Ref(self.collection, id_)

    def get(self, work: Work, id_: str) -> Item | None:
        """The item as the current command sees it."""
        document = work.get(self.collection, id_)
        return None if document is None else self.load(document)

    def version(self, work: Work, id_: str) -> int:
        """How often the item has been written; 0 if it does not exist."""
        document = work.get(self.collection, id_)
        return 0 if document is None else int(document["version"])

    def put(self, work: Work, item: Item, *events: Event) -> int:
        """Write the item and the events that tell of it. Returns its new version."""
        return work.put(self.collection, self.dump(item), *events)

    def load(self, document: Document) -> Item:
        """From a document; fields it does not know, such as `version`, are ignored."""
        return self._adapter.validate_python({**document, "id": document["_id"]})

    def dump(self, item: Item) -> Document:
        """To a document, enums as their words."""
        fields: dict[str, Any] = self._adapter.dump_python(item)
        return {"_id": fields.pop("id"), **fields}
