"""What budgets mean for work, by tables of cases and by property: no database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.quotas.scheduling.budget import (
    BLOCK,
    FIXED,
    MONTH,
    QUARTER,
    REQUIRE_APPROVAL,
    WARN,
    Budget,
    Candidate,
    Cost,
    Period,
    Threshold,
    Use,
    blocked,
    burn_down,
    gate,
    overflowing,
    period_at,
    reached,
    settle,
)
from apps.quotas.states import BudgetAction, BudgetPeriod

ONE, OTHER = UUID(int=1), UUID(int=2)
USUAL = ((0.8, WARN), (1, BLOCK))


def budget(amount: float = 100, *thresholds: Any, key: UUID = ONE, **use: float) -> Budget:
    levels = tuple(Threshold(Decimal(str(ratio)), action) for ratio, action in thresholds or USUAL)
    return Budget(key, Decimal(str(amount)), levels, Use(**{name: Decimal(str(value)) for name, value in use.items()}))


def cost(total: float, hourly: float = 1) -> Cost:
    return Cost(Decimal(str(total)), Decimal(str(hourly)))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_words_are_those_of_the_states() -> None:
    assert [*BudgetAction.values] == [WARN, REQUIRE_APPROVAL, BLOCK]
    assert [*BudgetPeriod.values] == [MONTH, QUARTER, FIXED]


PERIODS = {
    "a month": (MONTH, "2026-11-26T12:00", None, None, ("2026-11-01", "2026-12-01")),
    "December ends the year": (MONTH, "2026-12-31T23:59:59", None, None, ("2026-12-01", "2027-01-01")),
    "a quarter": (QUARTER, "2026-11-26T12:00", None, None, ("2026-10-01", "2027-01-01")),
    "the first quarter, in a leap year": (QUARTER, "2028-02-29T00:00", None, None, ("2028-01-01", "2028-04-01")),
    "fixed, the last day": (FIXED, "2026-11-30T23:59", "2026-11-10", "2026-11-30", ("2026-11-10", "2026-12-01")),
    "fixed, the day after": (FIXED, "2026-12-01T00:00", "2026-11-10", "2026-11-30", None),
    "fixed, the day before": (FIXED, "2026-11-09T23:59", "2026-11-10", "2026-11-30", None),
    "months from next month on": (MONTH, "2026-11-26T12:00", "2026-12-01", None, None),
    "months until the last one": (MONTH, "2026-11-26T12:00", None, "2026-10-31", None),
}  # fmt: skip


@pytest.mark.parametrize("case", PERIODS)
def test_the_period_of_a_moment(case: str) -> None:
    kind, at, starts, ends, expected = PERIODS[case]
    days = [date.fromisoformat(day) if day else None for day in (starts, ends)]
    found = period_at(kind, moment(at), *days)
    assert found == (Period(*(moment(day) for day in expected)) if expected else None)


@given(st.integers(0, 20 * 366 * 86_400), st.sampled_from([MONTH, QUARTER]))
def test_periods_follow_each_other_without_a_gap(second: int, kind: str) -> None:
    at = moment("2020-01-01") + timedelta(seconds=second)
    period = period_at(kind, at)
    assert period is not None
    assert period.begins <= at < period.ends
    assert period_at(kind, period.ends).begins == period.ends  # type: ignore[union-attr]
    assert period_at(kind, period.ends - timedelta(microseconds=1)) == period


GATES: dict[str, tuple[Budget, Cost, str | None]] = {
    # budget, what the new one declares, what holds it back
    "there is room": (budget(spent=50), cost(20), None),
    "it fits exactly": (budget(spent=50), cost(50), None),
    "a hair too much": (budget(spent=50), cost(50.000001), BLOCK),
    "reservations count": (budget(spent=50, reserved=40), cost(20), BLOCK),
    "what waits in the line counts": (budget(spent=50, reserved=20, queued=20), cost(20), BLOCK),
    "no limit declared, and something is left": (budget(spent=99.9), cost(0), None),
    "no limit declared, and nothing is left": (budget(spent=100), cost(0), BLOCK),
    "what the budget does not count": (budget(spent=200), cost(0, hourly=0), None),
    "a budget of nothing": (budget(0), cost(0), BLOCK),
    "a warning holds nothing back": (budget(100, (0.5, WARN), spent=90), cost(500), None),
    "approval": (budget(100, (0.5, REQUIRE_APPROVAL), (1, BLOCK), spent=40), cost(20), REQUIRE_APPROVAL),
    "a block counts more than approval": (budget(100, (0.5, REQUIRE_APPROVAL), (1, BLOCK), spent=90), cost(20), BLOCK),
    "a block below a hundred percent": (budget(100, (0.5, BLOCK), spent=40), cost(20), BLOCK),
    "approval above a hundred percent": (budget(100, (1.5, REQUIRE_APPROVAL), spent=120), cost(20), None),
}


@pytest.mark.parametrize("case", GATES)
def test_what_holds_new_work_back(case: str) -> None:
    one, wanted, action = GATES[case]
    found = gate([one], {ONE: wanted})
    assert (found.action if found else None) == action


def test_the_numbers_of_a_gate() -> None:
    found = gate([budget(spent=50, reserved=20, queued=10)], {ONE: cost(30)})
    assert found is not None
    assert (found.limit, found.counted, found.left, found.needs) == (100, 80, 20, 30)


def test_of_several_budgets_the_one_with_the_least_left_is_named() -> None:
    found = gate([budget(spent=60), budget(1000, key=OTHER, spent=990)], {ONE: cost(50), OTHER: cost(50)})
    assert found is not None
    assert (found.budget_id, found.left) == (OTHER, 10)


def test_reached_counts_reservations_and_not_what_waits() -> None:
    assert reached(budget(spent=50, reserved=29, queued=500)) == ()
    assert [one.action for one in reached(budget(spent=50, reserved=30))] == [WARN]
    assert [one.action for one in reached(budget(spent=100))] == [WARN, BLOCK]


def test_blocked_is_what_is_held_already() -> None:
    assert blocked([budget(spent=60, reserved=39, queued=500)]) is None
    found = blocked([budget(spent=60, reserved=40), budget(key=OTHER)])
    assert found is not None
    assert found.budget_id == ONE
    assert blocked([budget(100, (0.5, REQUIRE_APPROVAL), spent=100)]) is None, "approval is for what is new"


def test_overflowing_is_more_in_the_line_than_a_block_leaves() -> None:
    assert not overflowing(budget(spent=60, queued=40))
    assert overflowing(budget(spent=60, queued=41))
    assert not overflowing(budget(spent=160)), "nothing waits"
    assert not overflowing(budget(100, (1, REQUIRE_APPROVAL), spent=160, queued=5))


def waits(number: int, total: float, **kwargs: Any) -> Candidate:
    return Candidate(UUID(int=number), {ONE: cost(total)}, **kwargs)


def test_settling_lets_in_as_much_as_there_is_room_for() -> None:
    found = settle([budget(spent=30, queued=10)], [waits(1, 40), waits(2, 30), waits(3, 20), waits(4, 1)])
    assert [key.int for key, held in found.items() if held is None] == [1, 3]
    assert found[UUID(int=2)].left == 20  # type: ignore[union-attr]


def test_settling_leaves_what_stands_in_the_line_unless_a_block_is_over() -> None:
    levels = ((0.5, REQUIRE_APPROVAL), (1, BLOCK))
    assert settle([budget(100, *levels, spent=60)], [waits(1, 20, in_line=True)]) == {UUID(int=1): None}
    held = settle([budget(100, *levels, spent=60)], [waits(1, 20)])[UUID(int=1)]
    assert held is not None
    assert held.action == REQUIRE_APPROVAL


def test_what_is_exempt_passes_and_counts() -> None:
    found = settle([budget(spent=90)], [waits(1, 50, exempt=True), waits(2, 5)])
    assert found[UUID(int=1)] is None
    assert found[UUID(int=2)] is not None


amounts = st.integers(0, 200).map(Decimal)


@given(amounts, amounts, st.lists(amounts, max_size=20))
def test_settling_never_lets_in_more_than_a_block_leaves(amount: Decimal, spent: Decimal, asked: list[Decimal]) -> None:
    one = Budget(ONE, amount, (Threshold(Decimal(1), BLOCK),), Use(spent=spent))
    found = settle([one], [Candidate(UUID(int=n), {ONE: Cost(each, Decimal(1))}) for n, each in enumerate(asked)])
    let_in = sum((each for n, each in enumerate(asked) if found[UUID(int=n)] is None), Decimal(0))
    assert spent + let_in <= max(amount, spent)
    for n, each in enumerate(asked):  # work-conserving: whoever is left out has no room after all
        if found[UUID(int=n)] is not None:
            assert spent + let_in + each > amount or spent + let_in >= amount


NOVEMBER = Period(moment("2026-11-01"), moment("2026-12-01"))


def test_burning_down() -> None:
    at = moment("2026-11-10T12:00")
    spent = {date(2026, 11, 1): Decimal(10), date(2026, 11, 9): Decimal(26), date(2026, 11, 10): Decimal(13)}
    reserved = {date(2026, 11, 10): Decimal(6), date(2026, 11, 11): Decimal(4)}
    found = burn_down(NOVEMBER, at, Decimal(100), spent, reserved)
    by_day = {day.on.day: day for day in found.days}
    assert len(found.days) == 30
    assert found.daily == 6, "39 in the six and a half days since the fourth"
    assert (by_day[8].spent, by_day[8].reserved, by_day[8].projected) == (10, 10, None)
    assert (by_day[9].spent, by_day[10].spent, by_day[11].spent) == (36, 49, None)
    assert (by_day[10].reserved, by_day[11].reserved, by_day[30].reserved) == (55, 59, 59)
    assert (by_day[10].projected, by_day[11].projected) == (55, 59), "at least what is reserved"
    assert by_day[20].projected == 49 + 6 * Decimal("10.5")
    assert found.exhausted_on == date(2026, 11, 18), "49 + 6 · 8.5 = 100"


def test_a_budget_used_up_says_when_and_a_new_one_has_no_pace() -> None:
    spent = {date(2026, 11, 3): Decimal(120)}
    assert burn_down(NOVEMBER, moment("2026-11-20"), Decimal(100), spent, {}).exhausted_on == date(2026, 11, 3)
    fresh = burn_down(NOVEMBER, moment("2026-11-01T00:00"), Decimal(100), {}, {})
    assert (fresh.daily, fresh.exhausted_on) == (0, None)


@given(
    st.lists(st.tuples(st.integers(1, 30), amounts), max_size=12),
    st.integers(0, 30 * 24 - 1),
)
def test_the_series_of_a_budget_only_rise(burnt: list[tuple[int, Decimal]], hour: int) -> None:
    at = NOVEMBER.begins + timedelta(hours=hour)
    spent = {date(2026, 11, day): amount for day, amount in burnt if day <= at.day}
    found = burn_down(NOVEMBER, at, Decimal(100), spent, {})
    for figures in zip(*((day.spent, day.reserved, day.projected) for day in found.days), strict=True):
        known = [figure for figure in figures if figure is not None]
        assert known == sorted(known)
