"""Who takes part, in which role, where. A name and a telephone number stay in intake; everyone else knows the id."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from shared.errors import Conflict

Role = Literal["rider", "staff", "department", "lead", "operator", "administrator"]
AccountStatus = Literal["trainee", "active", "left", "forgotten"]

MOVES: dict[tuple[AccountStatus, AccountStatus], str] = {
    ("trainee", "active"): "trained, and serves",
    ("trainee", "left"): "gave up before the end of the training",
    ("active", "left"): "serves no more; may not log in",
    ("left", "active"): "came back; has been trained already",
    ("left", "trainee"): "came back and is trained anew",
    ("trainee", "forgotten"): "to be forgotten is a right that asks for no other step first",
    ("active", "forgotten"): "as above",
    ("left", "forgotten"): "as above; nothing leads out of forgotten, because nobody knows any more who it was",
}
"""Every change of status there is, with its reason."""

LOGS_IN: frozenset[AccountStatus] = frozenset({"trainee", "active"})
"""A trainee learns with the app in his hand."""

_WIDE_DIGITS = str.maketrans("０１２３４５６７８９＋－（）　", "0123456789+-() ")
_NUMBER = re.compile(r"1[3-9]\d{9}|0\d{2,3}[2-9]\d{6,7}")


@dataclass(frozen=True, slots=True)
class Login:
    """An identity at an external OIDC issuer."""

    issuer: str
    subject: str


@dataclass(frozen=True, slots=True)
class Account:
    """One person in one role. `name` is None once forgotten; `number` is the rider's number at his `partner`.

    `community` is where a rider belongs; `communities` is where staff act, and a lead if they are given. Everyone else acts
    in all of `subdistrict`, a department wherever its orders are.
    """

    id: str
    subdistrict: str
    role: Role
    status: AccountStatus
    name: str | None
    phone: str | None = None
    partner: str | None = None
    number: str | None = None
    squad: str | None = None
    captain: bool = False
    community: str | None = None
    communities: tuple[str, ...] = ()
    department: str | None = None
    login: Login | None = None
    made_at: datetime | None = None
    changed_at: datetime | None = None


def moved(account: Account, status: AccountStatus) -> Account:
    """The account in another status. Raises `Conflict` for a move that the table does not have."""
    if status == account.status:
        return account
    if (account.status, status) not in MOVES:
        raise Conflict(f"status: {account.status} does not become {status}")
    return replace(account, status=status)


def forgotten(account: Account) -> Account:
    """What remains of a person: an id that means nothing, its role and its sub-district. A second time changes nothing."""
    gone = moved(account, "forgotten")
    return Account(gone.id, gone.subdistrict, gone.role, gone.status, None, made_at=gone.made_at)


def keys_of(account: Account) -> tuple[str, ...]:
    """What may belong to one account of the installation only: telephone, number at a partner, external identity."""
    found = []
    if account.phone:
        found.append(phone_key(account.phone))
    if account.partner and account.number:
        found.append(number_key(account.partner, account.number))
    if account.login:
        found.append(login_key(account.login))
    return tuple(found)


def phone_key(phone: str) -> str:
    return f"phone:{phone}"


def number_key(partner: str, number: str) -> str:
    return f"number:{partner}:{number}"


def login_key(login: Login) -> str:
    return f"login:{login.issuer}|{login.subject}"


def field_of(key: str) -> str:
    """The field that people know a key by."""
    return {"phone": "phone", "number": "number", "login": "login"}[key.partition(":")[0]]


def normal_phone(text: str) -> str | None:
    """Digits alone, without the country's code; None if it is no Chinese number. Mobile, or a fixed line with its area."""
    digits = re.sub(r"[\s.\-()·]", "", text.translate(_WIDE_DIGITS))
    digits = re.sub(r"^(\+|00)86", "", digits)
    if len(digits) == 13 and digits.startswith("86"):
        digits = digits[2:]
    return digits if _NUMBER.fullmatch(digits) else None


def scopes_of(account: Account) -> tuple[str, ...]:
    """Codes of grid nodes or of the department in which the role holds, as other services are told."""
    if account.status == "forgotten":
        return ()
    if account.role == "department":
        return (account.department,) if account.department else ()
    if account.communities:
        return account.communities
    if account.role == "rider":
        return (account.community,) if account.community else (account.subdistrict,)
    return (account.subdistrict,)


def faults_of(account: Account) -> list[tuple[str, str]]:
    """(field, reason) for everything in which the account contradicts its role. Codes are checked by whoever knows them."""
    found: list[tuple[str, str]] = []
    if account.role != "rider":
        for field in ("partner", "number", "squad", "captain"):
            if getattr(account, field):
                found.append((field, "only a rider has one"))
    if account.captain and not account.squad:
        found.append(("squad", "a captain needs one"))
    if account.number and not account.partner:
        found.append(("partner", "a number means something at its partner only"))
    if (account.department is not None) != (account.role == "department"):
        reason = "a department's account needs one" if account.role == "department" else "only a department has one"
        found.append(("department", reason))
    if account.role == "staff" and not account.communities:
        found.append(("communities", "staff need at least one; 全部 or all names all of them"))
    if account.role not in ("staff", "lead") and account.communities:
        found.append(("communities", "only staff and leads act in communities; a rider belongs to one: community"))
    return found
