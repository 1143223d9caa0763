"""`account-changed`: who may do what, and where. Names and addresses never travel."""

from typing import Annotated, ClassVar

from pydantic import Field

from shared.contracts.event import EventData, Position
from shared.contracts.scalars import DepartmentCode, Flag, GridCode, Id
from shared.contracts.vocabulary import AccountStatus, Role


class AccountChanged(EventData):
    """The whole account as it now is. `forgotten`: every service removes what it knows of the person."""

    TYPE: ClassVar[str] = "cn.qianshao.account.changed.v1"

    account: Id
    role: Role
    status: AccountStatus
    scopes: Annotated[tuple[Id, ...], Field(max_length=100)] = Field(
        default=(), description="where the role holds: codes of grid nodes or departments"
    )
    squad: Id | None = None
    captain: Flag | None = Field(default=None, description="true: a rider who sees his squad's activities")
    community: GridCode | None = None
    department: DepartmentCode | None = Field(default=None, description="role department: which one")
    partner: Id | None = Field(default=None, description="delivery platform that the rider rides for, opaque")

    @property
    def subject(self) -> str:
        return self.account

    def event_id(self, key: str, at: Position) -> str:
        return f"account-changed:{key}:{at.sequence}"
