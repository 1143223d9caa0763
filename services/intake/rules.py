"""Reference data in the words of intake."""

from zoneinfo import ZoneInfo

from services.intake.domain.report import GridPath
from services.intake.domain.roster import Places
from services.intake.ports import CategoryRule
from shared.reference.reference import Reference


class ReferenceRules:
    """See `Rules`, `PlaceBook` and `GridBook`."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference

    @property
    def version(self) -> str:
        return self._reference.version

    def category(self, scheme: str, code: str) -> CategoryRule | None:
        category = self._reference.categories.get((scheme, code))
        if category is None:
            return None
        conditions = frozenset(condition.code for condition in category.conditions)
        return CategoryRule(
            category.photo_required,
            conditions,
            category.radius_m,
            category.public,
            category.zh,
            category.en,
            category.tile,
            category.choices,
        )

    def locate(self, lng: float, lat: float) -> GridPath | None:
        path = self._reference.grid.locate(lng, lat)
        return None if path is None else GridPath(path.subdistrict, path.community, path.basic_grid, path.micro_grid)

    def has_grid(self, subdistrict: str, code: str) -> bool:
        place = self._reference.places.get(code)
        return place is not None and place.kind is not None and code.startswith(subdistrict)

    def zone(self, subdistrict: str) -> ZoneInfo:
        found = self._reference.subdistricts.get(subdistrict)
        if found is None:
            raise LookupError(f"no sub-district {subdistrict} in the reference data")
        return ZoneInfo(found.zone)

    def places(self, subdistrict: str) -> Places | None:
        found = self._reference.subdistricts.get(subdistrict)
        if found is None:
            return None
        communities = {community.code: community.zh for community in found.communities}
        return Places(communities, frozenset(self._reference.departments))
