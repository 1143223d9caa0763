"""Taking a roster over: all of it or nothing, and the same file again changes nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.intake.accounts import KEYS, key_refs, owner_of, put_account
from services.intake.domain.account import Account, field_of, keys_of
from services.intake.domain.roster import Line, Places, Planned, columns_of, plan, read_line, twice
from services.intake.ports import Accounts
from services.intake.sheets import Row
from shared.context import Context
from shared.errors import FieldError, Invalid
from shared.mongo.work import Ref, Work


def read_roster(rows: Sequence[Row], places: Places) -> list[Line]:
    """Every line with its faults. Raises `Invalid` for a head that nothing can be read by."""
    if len(rows) < 2:
        raise Invalid.field("file", "needs a head and at least one row")
    columns, wrong = columns_of(rows[0].cells)
    if wrong:
        raise bad_rows(wrong)
    return [read_line(row.number, columns, row.cells, places) for row in rows[1:]]


def bad_rows(faults: Sequence[FieldError]) -> Invalid:
    """Every fault of a file at once, in the order of its rows."""
    ordered = sorted(faults, key=lambda fault: (fault.row or 0, fault.field))
    return Invalid(f"the roster has {len(ordered)} faults and nothing of it was taken over", *ordered, code="roster")


@dataclass(frozen=True, slots=True)
class ImportRoster:
    """Make the accounts of one sub-district as a roster says. Whoever is not in it stays as he is.

    `fresh` holds an unused id for every line. Raises `Invalid` with every fault of every row; then nothing is stored.
    """

    accounts: Accounts
    lines: tuple[Line, ...]
    fresh: tuple[str, ...]
    subdistrict: str
    actor_id: str
    dry_run: bool
    context: Context

    def reads(self) -> Iterable[Ref]:
        wanted = [Ref(KEYS, key) for line in self.lines for key in line.keys]
        return [*wanted, *(self.accounts.ref(id_) for id_ in self.fresh)]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        meant = [(line, sorted(set(self._owners(work, line).values()))) for line in self.lines]
        wanted = [self.accounts.ref(id_) for _, ids in meant for id_ in ids]
        if any(ref not in work.loaded for ref in wanted):
            return wanted
        accounts = [(line, self.accounts.get(work, id_)) for line, ids in meant for id_ in ids]
        return [
            *wanted,
            *(ref for line, account in accounts if account for ref in _keys_before_and_after(line, account)),
        ]

    def decide(self, work: Work) -> list[Planned]:
        faults = [fault for line in self.lines for fault in line.faults] + twice(self.lines)
        planned: dict[str, Planned] = {}
        for line, fresh in zip(self.lines, self.fresh, strict=True):
            made, wrong = self._plan(work, line, fresh)
            faults += wrong
            if made and made.after.id in planned:
                other = planned[made.after.id].row
                faults.append(FieldError("phone", f"means the same account as row {other}", line.row))
            elif made:
                planned[made.after.id] = made
        if faults:
            raise bad_rows(faults)
        for one in () if self.dry_run else planned.values():
            put_account(work, self.accounts, one.before, one.after, self.context)
        return list(planned.values())

    def _owners(self, work: Work, line: Line) -> dict[str, str]:
        return {key: owner for key in line.keys if (owner := owner_of(work, key))}

    def _plan(self, work: Work, line: Line, fresh: str) -> tuple[Planned | None, list[FieldError]]:
        """What becomes of one line, or its faults beside those that were seen when it was read."""
        owners = self._owners(work, line)
        if len(set(owners.values())) > 1:
            return None, [FieldError("number", "phone and number are those of two different accounts", line.row)]
        if line.faults:
            return None, []
        before = self.accounts.get(work, next(iter(owners.values()))) if owners else None
        if before is not None and before.subdistrict != self.subdistrict:
            # whose it is, is not said: it is another tenant's
            return None, [FieldError(field_of(next(iter(owners))), "is taken in this installation", line.row)]
        planned, faults = plan(line, before, fresh, self.subdistrict)
        if planned and self._is_own_role(planned):
            return None, [FieldError("role", "nobody changes his own role or status", line.row)]
        return planned, faults or (_taken(work, planned) if planned else [])

    def _is_own_role(self, planned: Planned) -> bool:
        before, after = planned.before, planned.after
        if before is None or before.id != self.actor_id:
            return False
        return (before.role, before.status) != (after.role, after.status)


def _keys_before_and_after(line: Line, account: Account) -> list[Ref]:
    planned, _ = plan(line, account, account.id, account.subdistrict)
    return key_refs(account, planned.after) if planned else key_refs(account)


def _taken(work: Work, planned: Planned) -> list[FieldError]:
    """Keys that the row does not name and that would be another's, as a number kept at another partner."""
    others = [key for key in keys_of(planned.after) if owner_of(work, key) not in (None, planned.after.id)]
    return [FieldError(field_of(key), "is another account's", planned.row) for key in others]
