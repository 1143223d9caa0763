"""Whom intake knows: what notify keeps of an account, as its last change left it. No names, no addresses."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Member:
    """`id` is the account, `told` numbers the change that said so. `captain`: a rider who also hears what his squad hears."""

    id: str
    told: int
    subdistrict: str
    role: str
    status: str
    squad: str | None = None
    captain: bool = False
    community: str | None = None
    department: str | None = None


@dataclass(frozen=True, slots=True)
class Squad:
    """Who is its captain now; several while one takes over from another."""

    id: str
    captains: tuple[str, ...] = ()


def captain_of(member: Member | None) -> str | None:
    """The squad that this member leads now."""
    leads = member is not None and member.captain and member.status == "active"
    return member.squad if member is not None and leads else None


def newer(known: Member | None, told: Member) -> Member:
    """What holds now; a change that comes late changes nothing."""
    return told if known is None or told.told > known.told else known
