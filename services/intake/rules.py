"""Reference data in the words of intake."""

from services.intake.domain.report import GridPath
from services.intake.domain.roster import Places
from services.intake.ports import CategoryRule
from shared.reference.reference import Reference


class ReferenceRules:
    """See `Rules` and `PlaceBook`."""

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
        return CategoryRule(category.photo_required, conditions, category.public, category.zh, category.en)

    def locate(self, lng: float, lat: float) -> GridPath | None:
        path = self._reference.grid.locate(lng, lat)
        return None if path is None else GridPath(path.subdistrict, path.community, path.basic_grid, path.micro_grid)

    def places(self, subdistrict: str) -> Places | None:
        found = self._reference.subdistricts.get(subdistrict)
        if found is None:
            return None
        communities = {community.code: community.zh for community in found.communities}
        return Places(communities, frozenset(self._reference.departments))
