"""How far a caller sees: every read and every command is given one, and asks it instead of the token."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """Of account `id`. `actor` is how events and photos name it: `rider:…`, `staff:…`, for departments the department.

    `desk`: may look at incidents of `subdistrict`, narrowed to `communities` (empty: all of them). `department`: the one that
    it acts for. Without either, what is its own and nothing else.
    """

    id: str
    actor: str
    subdistrict: str
    desk: bool = False
    communities: tuple[str, ...] = ()
    department: str | None = None

    def sees(self, subdistrict: str, community: str | None) -> bool:
        """Whether an incident there is the desk's. One with an uncertain place (None) is every community's to look after."""
        if not self.desk or subdistrict != self.subdistrict:
            return False
        return not self.communities or community is None or community in self.communities
