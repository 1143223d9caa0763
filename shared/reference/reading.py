"""The files of one directory as models, collecting what is wrong with any of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.reference.files import Fault, Model, parse

_FAMILIES = ("routing", "homes", "prizes", "squads", "channels")
"""Each may be several files: `routing.yaml`, `routing-winter.yaml`, …"""

_NAMES = re.compile(
    r"categories\.yaml|departments\.yaml|points\.yaml|calendar-[0-9]{4}\.yaml|subdistrict-[0-9]{9}\.(yaml|geojson)"
    rf"|({'|'.join(_FAMILIES)})(-[a-z0-9-]+)?\.yaml"
)

_SUBDISTRICT = re.compile(r"(subdistrict-[0-9]{9})\.(?:yaml|geojson)")


@dataclass(frozen=True, slots=True)
class Reading:
    """Bytes by file name, and the faults found so far. What cannot be read is left out and is a fault."""

    files: Mapping[str, bytes]
    faults: list[Fault] = field(default_factory=list)

    def strangers(self) -> None:
        """Refuse every file that no reference file is called like: a misspelt one would be silently ignored."""
        unknown = [name for name in self.files if not _NAMES.fullmatch(name)]
        self.faults.extend(Fault(name, "", "no reference file has such a name") for name in unknown)

    def one(self, name: str, model: type[Model]) -> Model | None:
        """The file of that name; that there is none is a fault."""
        if name not in self.files:
            self.faults.append(Fault(name, "", "missing"))
            return None
        return parse(name, self.files[name], model, self.faults)

    def family(self, family: str, model: type[Model]) -> dict[str, Model]:
        """Every file of a family, `<family>.yaml` and `<family>-<word>.yaml`, sorted; none is no fault."""
        names = [name for name in sorted(self.files) if re.fullmatch(rf"{family}(-[a-z0-9-]+)?\.yaml", name)]
        return {name: file for name in names if (file := self.one(name, model))}

    def stems(self) -> list[str]:
        """`subdistrict-<code>` of every sub-district that has a file."""
        return sorted({match[1] for name in self.files if (match := _SUBDISTRICT.fullmatch(name))})
