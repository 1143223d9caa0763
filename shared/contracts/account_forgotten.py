"""`account-forgotten`: a service has removed what it knew of a person, who is named by his pseudonym only."""

from typing import ClassVar

from pydantic import Field

from shared.contracts.event import EventData, Position
from shared.contracts.scalars import Id, Word


class AccountForgotten(EventData):
    """Done in one service: nothing there names the person any more."""

    TYPE: ClassVar[str] = "cn.qianshao.account.forgotten.v1"

    account: Id = Field(description="the pseudonym; the account's own id is not to travel again")
    service: Word = Field(description="who has done it: dispatch, points, notify")

    @property
    def subject(self) -> str:
        return self.account

    def event_id(self, key: str, at: Position) -> str:
        return f"account-forgotten:{self.service}:{key}"
