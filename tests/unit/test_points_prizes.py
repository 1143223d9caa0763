"""Homes, prizes and redemptions as plain rules: nothing below zero, nothing over budget or limit, one table of steps."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from services.points.domain import budget as money
from services.points.domain import pickup, taking
from services.points.domain.benefit import For, NotEligible, Standing, check_eligible, check_giver
from services.points.domain.budget import Budget, HomeBudgetExhausted, period_of
from services.points.domain.redemption import HELD, TABLE, Do, Line, NotOpen, Redemption, State, step
from services.points.domain.stock import Move, Moving, OutOfStock, Stock, counted, move
from services.points.domain.taking import Guesses, MonthlyLimit, Taken, TooManyGuesses
from services.points.months import bounds, last_months
from shared.errors import Forbidden, Invalid, NotFound, Refused
from tests.support.redeeming import NOON, a_redemption

SHANGHAI = ZoneInfo("Asia/Shanghai")
EMPTY = Stock("h|p", "140302003", "140302003005", "h", "p")


@given(some.lists(some.tuples(some.sampled_from(Move), some.integers(-3, 5)), max_size=30))
def test_no_sequence_of_movements_brings_a_stock_below_zero(wishes: list[tuple[Move, int]]) -> None:
    stock, lines = EMPTY, []
    for number, (kind, pieces) in enumerate(wishes):
        wanted = abs(pieces) if kind in (Move.RESERVE, Move.PICK_UP, Move.RETURN) else pieces
        try:
            stock, line = move(stock, Moving(str(number), kind, wanted, "staff:s1"), NOON)
        except Refused:
            continue
        lines.append(line)
        assert min(stock.left, stock.reserved, stock.picked_up, stock.there) >= 0
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    if lines:
        last = lines[-1]
        assert (last.stocked, last.reserved, last.picked_up) == (stock.stocked, stock.reserved, stock.picked_up)


def test_a_counting_finds_what_is_held_as_well() -> None:
    stock = replace(EMPTY, stocked=10, reserved=2, picked_up=3)
    assert counted(stock, 7) == 0
    assert counted(stock, 5) == -2
    with pytest.raises(Invalid, match="2 are held"):
        counted(stock, 1)
    with pytest.raises(OutOfStock):
        move(stock, Moving("x", Move.DELIVERY, -6, "staff:s1"), NOON)


def test_what_a_home_cannot_cover_it_cannot_promise() -> None:
    budget = Budget("h|2026-11", "s", "c", "h", "2026-11")
    held = money.hold(budget, 100, 60)
    with pytest.raises(HomeBudgetExhausted, match="can cover 40 more"):
        money.hold(held, 100, 41)
    assert money.hold(held, 100, 40).used == 100
    assert money.release(held, 60).used == 0
    assert (money.spend(held, 60).spent, money.spend(held, 60).used) == (60, 60)
    more = money.grant(held, 100, 1)
    assert money.hold(more, 100, 41).used == 101
    with pytest.raises(Invalid, match="60 of it are used"):
        money.grant(held, 100, -41)


def test_periods_are_where_the_home_is() -> None:
    night = datetime(2026, 11, 30, 16, 30, tzinfo=UTC)  # half past midnight in Beidajie
    assert period_of(night, SHANGHAI, "month") == "2026-12"
    assert [period_of(night - timedelta(days=31 * n), SHANGHAI, "quarter") for n in (0, 2, 5)] == [
        "2026-Q4",
        "2026-Q3" if (night - timedelta(days=62)).month < 10 else "2026-Q4",
        "2026-Q2",
    ]
    assert bounds("2026-12", SHANGHAI) == (
        datetime(2026, 12, 1, tzinfo=SHANGHAI),
        datetime(2027, 1, 1, tzinfo=SHANGHAI),
    )
    found = last_months(datetime(2026, 2, 1, 3, tzinfo=UTC), SHANGHAI, 3)
    assert [since.strftime("%Y-%m") for since, _ in found] == ["2025-11", "2025-12", "2026-01"]
    for wrong in ("2026-13", "2026", "x", "2026-00", "2026-1-1"):
        with pytest.raises(NotFound):
            bounds(wrong, SHANGHAI)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("do", Do)
def test_the_table_is_all_there_is(state: State, do: Do) -> None:
    redemption = a_redemption(state=state)
    at = NOON + HELD if do is Do.EXPIRE else NOON
    if (state, do) not in TABLE:
        with pytest.raises(NotOpen, match=state):
            step(redemption, do, at, "staff:s1")
        return
    after = step(redemption, do, at, "staff:s1", "why")
    assert after.state is TABLE[state, do]
    assert (after.wake_at, after.secret, after.code, after.ended_at) == (None, None, None, at)
    assert after.lines == (*redemption.lines, Line(after.state, at, "staff:s1", "why"))


def test_it_is_held_for_72_hours_to_the_moment() -> None:
    redemption = a_redemption()
    assert timedelta(hours=72) == HELD
    just_before, then = NOON + HELD - timedelta(milliseconds=1), NOON + HELD
    with pytest.raises(NotOpen, match="not expired"):
        step(redemption, Do.EXPIRE, just_before, "system:points")
    with pytest.raises(NotOpen, match="has expired"):
        step(redemption, Do.PICK_UP, then, "staff:s1")
    assert step(redemption, Do.PICK_UP, just_before, "staff:s1").state is State.PICKED_UP
    assert step(redemption, Do.EXPIRE, then, "system:points").state is State.EXPIRED


def shown(now: datetime, held: Redemption, /, **changes: str | int) -> pickup.Shown:
    assert held.secret is not None
    return replace(pickup.read_token(pickup.token(held.id, held.secret, now)), **changes)  # type: ignore[arg-type]


def test_a_token_is_good_for_a_minute_and_for_this_redemption_alone() -> None:
    redemption, late = a_redemption(), NOON + timedelta(seconds=59)
    pickup.check_token(shown(NOON, redemption), "secret", late)
    with pytest.raises(pickup.TokenExpired):
        pickup.check_token(shown(NOON, redemption), "secret", NOON + timedelta(seconds=60))
    with pytest.raises(pickup.TokenExpired):  # a clock far ahead must not make tokens for tomorrow
        pickup.check_token(shown(NOON + timedelta(hours=1), redemption), "secret", NOON)
    for forged in ({"redemption": "another"}, {"expires": 4_000_000_000}, {"signature": "x"}, {"signature": "é"}):
        with pytest.raises(Invalid, match="not made for"):
            pickup.check_token(shown(NOON, redemption, **forged), "secret", NOON)
    with pytest.raises(Invalid, match="not made for"):
        pickup.check_token(shown(NOON, redemption), "another secret", NOON)


@pytest.mark.parametrize("text", ["", "q1", "q1.a.b.c", "q2.a.1.c", "q1.a.1.c.d", "q1.a.²3.c", "q1.a.1." + "x" * 300])
def test_what_is_no_token_is_named(text: str) -> None:
    with pytest.raises(Invalid, match="token"):
        pickup.read_token(text)


def test_codes_are_eight_digits_and_differ() -> None:
    found = pickup.codes("red", "secret")
    assert len(set(found)) == pickup.CODES
    assert all(len(code) == 8 and code.isdigit() for code in found)
    assert pickup.codes("red", "other") != found


def test_a_limit_counts_what_was_not_given_back() -> None:
    taken = taking.take(Taken("anna|2026-11", "anna", NOON, {}), "towel", 1)
    with pytest.raises(MonthlyLimit, match="at most 1"):
        taking.take(taken, "towel", 1)
    assert taking.take(taken, "towel", None).pieces == {"towel": 2}
    assert taking.take(taking.give_back(taken, "towel"), "towel", 1).pieces == {"towel": 1}


def test_ten_wrong_codes_close_a_home_for_ten_minutes() -> None:
    guesses = Guesses("h")
    for number in range(10):
        guesses = taking.wrong(guesses, NOON + timedelta(seconds=number))
    with pytest.raises(TooManyGuesses):
        taking.wrong(guesses, NOON + timedelta(seconds=11))
    assert len(taking.recent(guesses, NOON + timedelta(minutes=10)).at) == 9


@pytest.mark.parametrize(
    ("whom", "standing", "fits"),
    [
        (For(), None, True),
        (For(status=("active",)), Standing("active", None, None), True),
        (For(status=("active",)), Standing("trainee", None, None), False),
        (For(squads=("squad-1",)), Standing("active", "squad-1", None), True),
        (For(squads=("squad-1",)), Standing("active", None, None), False),
        (For(communities=("c",)), Standing("active", None, "c"), True),
        (For(communities=("c",)), Standing("active", None, "d"), False),
        (For(communities=("c",)), None, False),
    ],
)
def test_whom_a_benefit_is_for(whom: For, standing: Standing | None, fits: bool) -> None:
    if fits:
        check_eligible(whom, standing)
        return
    with pytest.raises(NotEligible, match="is for"):
        check_eligible(whom, standing)


def test_nobody_gives_to_himself() -> None:
    with pytest.raises(Forbidden, match="himself"):
        check_giver("s1", "s1")
    check_giver("s1", "anna")
