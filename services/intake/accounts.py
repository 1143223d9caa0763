"""Accounts in a transaction: the keys that may belong to one of them only, and the event that tells of every change."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from services.intake import events
from services.intake.domain.account import Account, AccountStatus, Login, Role, faults_of, field_of, keys_of, moved
from services.intake.ports import Accounts
from shared.context import Context
from shared.contracts.topics import ACCOUNT_CHANGED
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from shared.mongo.outbox import Outgoing
from shared.mongo.work import Ref, Work

KEYS = "account_keys"
"""`_id` is a key of `domain.account.keys_of`, `account` whose it is: two lanes cannot give one to two people."""


class KeyTaken(Conflict):
    """A telephone, number or identity is another account's."""

    code = "already-taken"


def key_refs(*accounts: Account) -> list[Ref]:
    """What must be declared to write these accounts: their keys, those they have and those they get."""
    return [Ref(KEYS, key) for account in accounts for key in keys_of(account)]


def owner_of(work: Work, key: str) -> str | None:
    """The id of the account that has this key."""
    row = work.get(KEYS, key)
    return None if row is None else str(row["account"])


def put_account(
    work: Work, accounts: Accounts, before: Account | None, after: Account, context: Context
) -> tuple[Account, int]:
    """Write an account, move its keys, tell everyone. Returns it as written and its version; unchanged, nothing is written.

    Raises `KeyTaken`.
    """
    if before == after:
        return after, accounts.version(work, after.id)
    _move_keys(work, before, after)
    written = replace(after, made_at=after.made_at or work.now, changed_at=work.now)
    event = Outgoing(events.SERVICE, ACCOUNT_CHANGED.name, events.account_changed(written), work.now, context)
    return written, accounts.put(work, written, event)


def _move_keys(work: Work, before: Account | None, after: Account) -> None:
    old, new = set(keys_of(before)) if before else set(), set(keys_of(after))
    for key in sorted(new - old):
        if owner_of(work, key) not in (None, after.id):
            field = field_of(key)
            raise KeyTaken(f"{field}: is another account's", FieldError(field, "is another account's"))
        work.put(KEYS, {"_id": key, "account": after.id})
    for key in sorted(old - new):
        work.delete(KEYS, key)


@dataclass(frozen=True, slots=True)
class AccountChange:
    """What an administrator may change; None leaves as it is, an empty text clears. `login` is set with both its parts."""

    role: Role | None = None
    status: AccountStatus | None = None
    squad: str | None = None
    captain: bool | None = None
    community: str | None = None
    communities: tuple[str, ...] | None = None
    department: str | None = None
    login: Login | None = None


@dataclass(frozen=True, slots=True)
class ChangeAccount:
    """Change an account of one's own sub-district. Sent again after its answer was lost, it finds nothing left to change.

    `expected` is the version that the sender has seen. Answers with the account and its version.
    """

    accounts: Accounts
    id: str
    subdistrict: str
    change: AccountChange
    expected: int
    actor_id: str
    context: Context

    def reads(self) -> Iterable[Ref]:
        login = self.change.login
        wanted = key_refs(Account(self.id, "", "rider", "active", None, login=login)) if login else []
        return [self.accounts.ref(self.id), *wanted]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        before = self.accounts.get(work, self.id)
        return key_refs(before) if before else []

    def decide(self, work: Work) -> tuple[Account, int]:
        before = self.accounts.get(work, self.id)
        if before is None or before.subdistrict != self.subdistrict or before.status == "forgotten":
            raise NotFound("you have no such account")
        after = changed(before, self.change)
        version = self.accounts.version(work, self.id)
        if after == before:
            return before, version
        if version != self.expected:
            raise Conflict(f"expected_version: the account is at {version} by now; read it again")
        if self.id == self.actor_id and (after.role, after.status) != (before.role, before.status):
            raise Forbidden("nobody changes his own role or status")
        refuse_faults(after)
        return put_account(work, self.accounts, before, after, self.context)


def changed(before: Account, change: AccountChange) -> Account:
    """The account as wished. Raises `Conflict` for a status that it cannot get."""
    after = moved(before, change.status) if change.status else before

    def text(new: str | None, old: str | None) -> str | None:
        return old if new is None else (new or None)

    return replace(
        after,
        role=change.role or after.role,
        squad=text(change.squad, after.squad),
        captain=after.captain if change.captain is None else change.captain,
        community=text(change.community, after.community),
        communities=after.communities if change.communities is None else change.communities,
        department=text(change.department, after.department),
        login=change.login or after.login,
    )


def refuse_faults(account: Account) -> None:
    """Raises `Invalid` naming every field that contradicts the role."""
    if found := faults_of(account):
        raise Invalid(
            "; ".join(f"{field}: {reason}" for field, reason in found),
            *(FieldError(field, reason) for field, reason in found),
        )
