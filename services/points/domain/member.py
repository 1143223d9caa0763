"""Whom intake knows: what points keeps of an account, as its last change left it. No names."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Member:
    """`id` is the account, `told` numbers the change that said so. `captain`: a rider who recommends in his squad."""

    id: str
    told: int
    subdistrict: str
    role: str
    status: str
    squad: str | None = None
    captain: bool = False
    community: str | None = None

    @property
    def trainee(self) -> bool:
        """Trained before he serves."""
        return self.status == "trainee"


def newer(known: Member | None, told: Member) -> Member:
    """What holds now; a change that comes late changes nothing."""
    return told if known is None or told.told > known.told else known
