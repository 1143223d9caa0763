"""What codes of the reference data are called, for lists that people read outside of this house."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from services.dispatch.ports import CategoryNames
from shared.reference.reference import Reference

_KINDS = {"P": "部件", "E": "事件"}
_CLASSES = {
    "P01": "公用设施",
    "P02": "道路交通",
    "P03": "市容环境",
    "P04": "园林绿化",
    "P05": "其他部件",
    "E01": "市容环境",
    "E02": "宣传广告",
    "E03": "施工管理",
    "E04": "街面秩序",
    "E05": "突发事件",
    "E06": "其他事件",
}
"""The classes of GB/T 30428.2."""

_LOCAL = "其他"


@dataclass(frozen=True, slots=True)
class ReferenceNames:
    """See `Names`."""

    reference: Reference

    def category(self, category: dict[str, str], condition: str | None) -> CategoryNames:
        scheme, code = category["scheme"], category["code"]
        kind = self.reference.categories.get((scheme, code))
        state = kind.condition(condition) if kind else None
        known = self.reference.schemes.get(scheme)
        return CategoryNames(
            _KINDS.get(code[:1], _LOCAL),
            _CLASSES.get(code[:3], _LOCAL),
            kind.zh if kind else code,
            state.zh if state else condition or "",
            known is not None and known.exported,
        )

    def place(self, code: str) -> str:
        found = self.reference.places.get(code)
        return found.zh if found else code

    def department(self, code: str) -> str:
        found = self.reference.departments.get(code)
        return found.zh if found else code

    def zone(self, subdistrict: str) -> ZoneInfo:
        return ZoneInfo(self.reference.subdistricts[subdistrict].zone)
