"""What every event's data has in common: its type, its id, its subject, and the fields that each kind needs."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema, PydanticCustomError

from shared.contracts.scalars import GridCode


@dataclass(frozen=True, slots=True)
class Position:
    """Where an event stands: `version` of the root document, `index` within that transaction, and `sequence`, 1, 2, 3 …
    per producing service, topic and key."""

    version: int
    index: int
    sequence: int


class EventData(BaseModel):
    """The data of one type of event. Released fields stay; within a version only optional ones are added.

    `NEEDS` says which otherwise optional fields a kind must have; `KIND` names the field that tells the kind.
    Raises `pydantic.ValidationError`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    TYPE: ClassVar[str]
    KIND: ClassVar[str] = "kind"
    NEEDS: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    subdistrict: GridCode

    @property
    @abstractmethod
    def subject(self) -> str:
        """Id of the aggregate that the event is about."""

    @abstractmethod
    def event_id(self, key: str, at: Position) -> str:
        """The deterministic id: the same fact has the same id however often it is produced. `key` is the Kafka key."""

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Self:
        kind = getattr(self, self.KIND, None)
        for name in self.NEEDS.get(kind, ()) if kind else ():
            if getattr(self, name) in (None, ()):
                raise PydanticCustomError("needed", "{name}: is needed for {kind}", {"name": name, "kind": kind})
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The schema says the same as `NEEDS`, so that a sender can check before sending."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        rules = [cls._rule(schema, kind, names) for kind, names in cls.NEEDS.items()]
        return {**schema, "allOf": rules} if rules else schema

    @classmethod
    def _rule(cls, schema: dict[str, Any], kind: str, names: tuple[str, ...]) -> dict[str, Any]:
        lists = {name for name in names if schema["properties"][name].get("type") == "array"}
        present = {name: {"minItems": 1} if name in lists else {"not": {"type": "null"}} for name in names}
        condition = {"properties": {cls.KIND: {"const": kind}}, "required": [cls.KIND]}
        return {"if": condition, "then": {"properties": present, "required": list(names)}}
