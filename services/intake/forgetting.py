"""Somebody is to be forgotten: the account is emptied at once, everything else follows, and who has done it is noted."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from services.intake.accounts import key_refs, put_account
from services.intake.domain.account import forgotten
from services.intake.domain.forgetting import SERVICES, Forgetting, Reason, forgetting_of
from services.intake.ports import Accounts
from shared.context import Context
from shared.contracts.account_forgotten import AccountForgotten
from shared.errors import Conflict, Forbidden, NotFound
from shared.mongo.person import FORGETTINGS, announced
from shared.mongo.work import Ref, Work
from shared.pseudonym import Person, is_pseudonym


@dataclass(frozen=True, slots=True)
class ForgetAccount:
    """Begin to forget an account of one's own sub-district. Asked again, it answers how far it is.

    Raises `NotFound`, `Forbidden` for one's own account, `Conflict` while he takes part, unless it is his own wish or an order.
    """

    accounts: Accounts
    person: Person
    subdistrict: str
    reason: Reason
    actor_id: str
    context: Context

    def reads(self) -> Iterable[Ref]:
        return [self.accounts.ref(self.person.account), Ref(FORGETTINGS, self.person.pseudonym)]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        account = self.accounts.get(work, self.person.account)
        return key_refs(account) if account else []

    def decide(self, work: Work) -> Forgetting:
        known = work.get(FORGETTINGS, self.person.pseudonym)
        if known is not None and known["subdistrict"] == self.subdistrict:
            return forgetting_of(known)
        account = self.accounts.get(work, self.person.account)
        if account is None or account.subdistrict != self.subdistrict or is_pseudonym(account.id):
            raise NotFound("you have no such account")
        if account.id == self.actor_id:
            raise Forbidden("nobody forgets himself; another administrator does")
        if self.reason == "left" and account.status != "left":
            raise Conflict(f"reason: the account is {account.status}; end it first, or give own_wish or order")
        put_account(work, self.accounts, account, forgotten(account), self.context)
        done: dict[str, Any] = dict.fromkeys(SERVICES)
        by = self.context.actor
        document = announced(self.person, self.subdistrict, self.context, work, reason=self.reason, by=by, done=done)
        work.put(FORGETTINGS, document)
        return forgetting_of(document)


@dataclass(frozen=True, slots=True)
class NoteForgotten:
    """Another service has nothing of him left. Again, or about somebody unknown here, it changes nothing."""

    data: AccountForgotten

    def reads(self) -> Iterable[Ref]:
        return [Ref(FORGETTINGS, self.data.account)]

    def decide(self, work: Work) -> None:
        known = work.get(FORGETTINGS, self.data.account)
        if known is None or known["done"].get(self.data.service, work.now) is not None:
            return
        work.put(FORGETTINGS, {**known, "done": {**known["done"], self.data.service: work.now}})
