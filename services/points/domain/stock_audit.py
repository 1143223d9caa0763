"""Whether a stock is what its movements say."""

from collections.abc import Sequence

from services.points.domain.audit import Fault
from services.points.domain.stock import Move, Movement, Stock

_BROUGHT = (Move.OPENING, Move.DELIVERY, Move.COUNT)


def look_at_stock(stock: Stock, movements: Sequence[Movement]) -> list[Fault]:
    """What is wrong with a stock and all its movements, in order of number; a fault names the stock as its account."""

    def pieces(*kinds: Move) -> int:
        return sum(line.pieces for line in movements if line.kind in kinds)

    found, picked_up = [], pieces(Move.PICK_UP)
    given = (pieces(*_BROUGHT), pieces(Move.RESERVE) - picked_up - pieces(Move.RETURN), picked_up)
    shown = (stock.stocked, stock.reserved, stock.picked_up)
    if shown != given:
        found.append(Fault(stock.id, "", f"shows {_say(shown)}; its movements give {_say(given)}"))
    if [line.number for line in movements] != list(range(1, stock.moves + 1)):
        found.append(Fault(stock.id, "", f"{len(movements)} movements are there, {stock.moves} were written"))
    if min(stock.left, stock.reserved, stock.picked_up) < 0:
        found.append(Fault(stock.id, "", f"more is promised than was there: {_say(shown)}"))
    return found


def _say(pieces: tuple[int, int, int]) -> str:
    return "{} stocked, {} reserved, {} picked up".format(*pieces)
