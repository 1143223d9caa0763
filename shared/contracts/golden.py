"""Golden samples: one released message each, kept and read for ever. A file is never changed once it is released."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.contracts.cloudevent import Headers

SAMPLES = Path(__file__).parent / "samples"
"""One folder per event type, one file per message: topic, headers as text, and the value written out as JSON."""

NAMESPACE = "cn.qianshao."


@dataclass(frozen=True, slots=True)
class Sample:
    """`event` is the type without its name space, `name` the kind or what is special about this message."""

    event: str
    name: str
    topic: str
    headers: dict[str, str]
    content: Any

    @property
    def wire(self) -> tuple[Headers, bytes]:
        """As Kafka delivers it."""
        headers = [(name, text.encode()) for name, text in self.headers.items()]
        return headers, json.dumps(self.content, ensure_ascii=False, separators=(",", ":")).encode()


def short(type_: str) -> str:
    """`incident.reported.v1` for `cn.qianshao.incident.reported.v1`: names files and folders."""
    return type_.removeprefix(NAMESPACE)


def samples(folder: Path = SAMPLES) -> Iterator[Sample]:
    """All of them, sorted by path."""
    for path in sorted(folder.glob("*/*.json")):
        stored = json.loads(path.read_text(encoding="utf-8"))
        yield Sample(path.parent.name, path.stem, stored["topic"], stored["headers"], stored["value"])
