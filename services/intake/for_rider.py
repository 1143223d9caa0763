"""Staff write down what a rider told them in a chat: whose rider, whose place."""

from services.intake.checking import place_of
from services.intake.domain.account import LOGS_IN
from services.intake.domain.sight import Sight
from services.intake.forms import ReportIn
from services.intake.opening import Opened
from services.intake.ports import Roll
from services.intake.taking import Sender, Taking, take_report
from shared.context import Context
from shared.errors import FieldError, Forbidden, Invalid, NotFound
from shared.scope import Scope


async def take_for_rider(
    desk: Taking, people: Roll, wish: ReportIn, rider: str, sight: Sight, scope: Scope, context: Context
) -> Opened:
    """Take it as `take_report` does, credited to `rider`; key and photos are those of staff (`scope`, `sight`).

    Raises `NotFound` for no rider in sight who takes part, `Forbidden` for a place of somebody else's, `Invalid`.
    """
    if wish.rider_id not in (None, rider):
        raise Invalid.field("rider_id", "is not the rider of the address")
    found = await people.seen(sight, [rider])
    if not any(one.role == "rider" and one.status in LOGS_IN for one in found):
        raise NotFound("you have no such rider who takes part now")
    _check_place(desk, wish, scope)
    named = wish.model_copy(update={"rider_id": rider})  # so that the same key for another rider is another wish
    return await take_report(desk, named, Sender(scope, rider, context))


def _check_place(desk: Taking, wish: ReportIn, scope: Scope) -> None:
    grid = place_of(wish.place, desk.rules).grid
    if grid is not None and not scope.sees(grid.subdistrict, grid.community):
        reason = "is in a community that is not yours"
        raise Forbidden(f"place: {reason}", FieldError("place", reason))
