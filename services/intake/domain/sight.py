"""Whom a caller may see by name. The same rule as a predicate here and as a filter in the store."""

from dataclasses import dataclass

from services.intake.domain.account import Account


@dataclass(frozen=True, slots=True)
class Sight:
    """Always oneself (`id`). With `others`: accounts of `subdistrict`, narrowed to `communities` (empty: all) and `squad`.

    `phones`: whether the others' telephone numbers are shown too.
    """

    id: str
    subdistrict: str
    others: bool = False
    communities: tuple[str, ...] = ()
    squad: str | None = None
    phones: bool = False


def sight_of(
    id_: str, role: str, subdistrict: str, communities: tuple[str, ...], squad: str | None, captain: bool
) -> Sight:
    """Staff, leads and administrators see their places with numbers, a captain his squad without, anyone else himself."""
    if role in ("staff", "lead", "administrator"):
        return Sight(id_, subdistrict, others=True, communities=communities, phones=True)
    if role == "rider" and captain and squad:
        return Sight(id_, subdistrict, others=True, squad=squad)
    return Sight(id_, subdistrict)


def sees(sight: Sight, account: Account) -> bool:
    """Whether the account is in sight. A forgotten one is in nobody's."""
    if account.status == "forgotten":
        return False
    if account.id == sight.id:
        return True
    if not sight.others or account.subdistrict != sight.subdistrict:
        return False
    if sight.squad is not None and (account.squad != sight.squad or account.role != "rider"):
        return False
    places = {account.community, *account.communities}
    return not sight.communities or bool(places.intersection(sight.communities))


def shows_phone(sight: Sight, account: Account) -> bool:
    """One's own number is no secret from oneself."""
    return sight.phones or account.id == sight.id
