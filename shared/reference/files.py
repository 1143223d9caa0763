"""Reading reference files: strict, every fault with file, place and reason, and one version over all bytes."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong: the file, where in it (`categories.3 (P0137).radius_m`), and why."""

    file: str
    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.where}: {self.reason}" if self.where else f"{self.file}: {self.reason}"


class ReferenceInvalid(Exception):
    """The directory cannot be used; `faults` holds everything that is wrong with it, not just the first thing."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults))
        super().__init__(f"{len(self.faults)} fault(s)\n" + "\n".join(map(str, self.faults)))


class Strict(BaseModel):
    """No casts, no unknown keys, no changes later: a radius of "0.4" or a misspelt setting is refused, not bent."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Named(Strict):
    """Something with a name in both languages; zh is what people here read."""

    zh: str
    en: str


Model = TypeVar("Model", bound=BaseModel)


def read(directory: Path) -> dict[str, bytes]:
    """The bytes of every reference file by name, sorted. Flat, so that a Kubernetes ConfigMap can be the directory.

    Raises `ReferenceInvalid` if there is no such directory.
    """
    if not directory.is_dir():
        raise ReferenceInvalid([Fault(str(directory), "", "is not a directory")])
    wanted = [path for path in directory.iterdir() if path.suffix in (".yaml", ".geojson") and path.is_file()]
    return {path.name: path.read_bytes() for path in sorted(wanted)}


def version(files: Mapping[str, bytes]) -> str:
    """sha256 (hex) over names and bytes of the files in sorted order."""
    digest = hashlib.sha256()
    for name, raw in sorted(files.items()):
        digest.update(f"{name}\0{len(raw)}\0".encode())
        digest.update(raw)
    return digest.hexdigest()


def parse(name: str, raw: bytes, model: type[Model], faults: list[Fault]) -> Model | None:
    """`raw` as a `model`, or None after adding its faults."""
    try:
        data = json.loads(raw) if name.endswith(".geojson") else yaml.load(raw, Loader=_UniqueKeys)  # noqa: S506 - a safe loader
        # Through JSON, because only there does pydantic's strict mode take a list for a tuple.
        return model.model_validate_json(json.dumps(data, default=_day))
    except ValidationError as error:
        faults += [Fault(name, _where(data, list(e["loc"])), e["msg"]) for e in error.errors(include_url=False)]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        faults.append(Fault(name, f"line {mark.line + 1}" if mark else "", error.problem or "is not YAML"))
    except (ValueError, TypeError, yaml.YAMLError) as error:
        faults.append(Fault(name, "", f"cannot be read: {error}"))
    return None


def _day(value: Any) -> str:
    """YAML reads 2026-10-01 as a date. Raises `TypeError` for all else that JSON has no word for."""
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{value!r:.40} is nothing that a reference file may hold")


def _where(data: Any, loc: list[str | int]) -> str:
    """The path of a fault; an item of a list is also called by its code, so that nobody has to count lines."""
    parts: list[str] = []
    for step in loc:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            data = None
        item = data.get("properties", data) if isinstance(data, dict) else {}
        code = item.get("code") if isinstance(step, int) and isinstance(item, dict) else None
        parts.append(f"{step} ({code})" if code else str(step))
    return ".".join(parts)


class _UniqueKeys(yaml.CSafeLoader):
    """YAML lets the last of two equal keys win silently; here the second one is a fault."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key.value, str) and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} twice", key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)
