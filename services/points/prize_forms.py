"""What clients send about stock, budgets, redemptions and benefits, checked field by field before anything else happens."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.points.domain.benefit import Sort
from services.points.domain.pickup import DIGITS
from services.points.forms import Line
from shared.contracts.scalars import Id, Instant

ClientKey = Annotated[str, Field(min_length=8, max_length=64, pattern="^[A-Za-z0-9._-]+$")]
"""Made by the client and kept while it repeats the request."""

Code = Annotated[str, Field(min_length=1, max_length=41, pattern="^[a-z][a-z0-9-]*$")]
"""Of a home or a prize."""

Note = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class MovementIn(BaseModel):
    """`delivery`: so many pieces came (fewer than 0: they were taken away). `count`: so many were found, held ones too."""

    model_config = ConfigDict(extra="forbid")

    client_key: ClientKey
    prize: Code
    kind: Literal["delivery", "count"]
    pieces: int = Field(ge=-10_000, le=100_000)
    note: Note = ""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.kind == "count" and self.pieces < 0:
            raise ValueError("pieces: nobody can count fewer than none")
        if self.kind == "delivery" and self.pieces == 0:
            raise ValueError("pieces: a delivery of nothing is none")
        return self


class BudgetLineIn(BaseModel):
    """Points more (or fewer) for a period, `2026-11` or `2026-Q4` as the home's budget is counted."""

    model_config = ConfigDict(extra="forbid")

    client_key: ClientKey
    period: str = Field(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2]|Q[1-4])$")
    points: int = Field(ge=-1_000_000, le=1_000_000)
    sponsor: Note = ""
    reason: Line


class RedemptionIn(BaseModel):
    """A prize of a home, to be held for the rider."""

    model_config = ConfigDict(extra="forbid")

    client_key: ClientKey
    home: Code
    prize: Code


class CancelIn(BaseModel):
    """Staff must say why; a rider need not."""

    model_config = ConfigDict(extra="forbid")

    reason: Note = ""


class PickUpIn(BaseModel):
    """What the QR code on the rider's page says, or the 8 digits with the home at whose desk they are typed."""

    model_config = ConfigDict(extra="forbid")

    token: str | None = Field(default=None, max_length=200)
    code: str | None = Field(default=None, pattern=rf"^[0-9]{{{DIGITS}}}$")
    home: Code | None = None

    @model_validator(mode="after")
    def _one_proof(self) -> Self:
        if (self.token is None) == (self.code is None):
            raise ValueError("token: either the token or the code")
        if self.code is not None and self.home is None:
            raise ValueError("home: a code is good at one home only; say at which")
        return self


class ForIn(BaseModel):
    """Whom a benefit is for; what is empty is for everybody."""

    model_config = ConfigDict(extra="forbid")

    status: list[Literal["trainee", "active", "left"]] = Field(default=[], max_length=3)
    squads: list[Id] = Field(default=[], max_length=50)
    communities: list[Id] = Field(default=[], max_length=50)


class BenefitIn(BaseModel):
    """The same given to one rider or to many at once."""

    model_config = ConfigDict(extra="forbid")

    client_key: ClientKey
    home: Code
    riders: list[Id] = Field(min_length=1, max_length=100)
    sort: Sort
    name_zh: Line
    name_en: Line
    given_at: Instant
    whom: ForIn = ForIn()


class RevokeIn(BaseModel):
    """Why a line of the register is wrong."""

    model_config = ConfigDict(extra="forbid")

    reason: Line
