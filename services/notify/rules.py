"""Reference data in the words of notify."""

from collections.abc import Mapping

from services.notify.domain.words import Words, same
from shared.reference.reference import Reference


class ReferenceNames:
    """See `Names`."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._communities = _communities(reference)
        self._groups = _groups(reference, self._communities)

    @property
    def version(self) -> str:
        return self._reference.version

    def category(self, scheme: str, code: str) -> Words:
        found = self._reference.categories.get((scheme, code))
        return same(code) if found is None else Words(found.zh, found.en)

    def public(self, scheme: str, code: str) -> bool:
        found = self._reference.categories.get((scheme, code))
        return found is not None and found.public

    def department(self, code: str) -> Words:
        found = self._reference.departments.get(code)
        return same(code) if found is None else Words(found.zh, found.en)

    def place(self, code: str) -> Words:
        zh: list[str] = []
        en: list[str] = []
        node = self._reference.places.get(code)
        # Everybody here knows which sub-district it is: the node without a parent is left out.
        while node is not None and node.parent is not None:
            zh.insert(0, node.zh)
            en.insert(0, node.en)
            node = self._reference.places.get(node.parent)
        return Words("".join(zh), ", ".join(en)) if zh else same(code)

    def communities(self, subdistrict: str) -> tuple[str, ...]:
        return self._communities.get(subdistrict, ())

    @property
    def all_groups(self) -> Mapping[str, Mapping[str, str | None]]:
        """Of every sub-district."""
        return self._groups

    def groups(self, subdistrict: str) -> Mapping[str, str | None]:
        return self._groups.get(subdistrict, {})


def _communities(reference: Reference) -> dict[str, tuple[str, ...]]:
    """By sub-district: the nodes below one, without those laid over (`kind`)."""
    found: dict[str, tuple[str, ...]] = {}
    for code, node in reference.places.items():
        if node.kind is None and node.parent is not None and reference.places[node.parent].parent is None:
            found[node.parent] = (*found.get(node.parent, ()), code)
    return found


def _groups(reference: Reference, communities: Mapping[str, tuple[str, ...]]) -> dict[str, dict[str, str | None]]:
    """By sub-district: its chat groups, each with its community."""
    found: dict[str, dict[str, str | None]] = {}
    for group in reference.groups.values():
        node = reference.squads[group.of].community if group.level == "squad" else group.of
        inside = node[:12] in communities.get(node[:9], ())
        found.setdefault(node[:9], {})[group.code] = node[:12] if inside else None
    return found
