"""Budgets: how far one is used up, what that means for new work, and how it will burn down. Pure.

Amounts are Decimals in the unit of the budget: GPU-hours, or money. Times are aware.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from uuid import UUID

WARN, REQUIRE_APPROVAL, BLOCK = "warn", "require_approval", "block"
MONTH, QUARTER, FIXED = "month", "quarter", "fixed"
STRICT = {REQUIRE_APPROVAL: 1, BLOCK: 2}
"""Actions that hold work back; the higher counts where several do."""
NOTHING = Decimal(0)
PACE_DAYS = 7
"""The pace at which a budget is expected to be spent on is the mean of so many days."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """From `ratio` of the amount on, `action`."""

    ratio: Decimal
    action: str


@dataclass(frozen=True, slots=True)
class Period:
    """From `begins` until before `ends`."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Cost:
    """What one workload declares.

    Args:
        total: its limit times what it asks for; 0 without a limit.
        hourly: what an hour of it costs; nothing: the budget does not count what it uses.
    """

    total: Decimal = NOTHING
    hourly: Decimal = NOTHING


@dataclass(frozen=True, slots=True)
class Use:
    """What became of an amount.

    Args:
        spent: burnt until now by what held something.
        reserved: what that still declares, until its limits or the end of the period.
        queued: declared by what waits in the line.
    """

    spent: Decimal = NOTHING
    reserved: Decimal = NOTHING
    queued: Decimal = NOTHING

    @property
    def held(self) -> Decimal:
        return self.spent + self.reserved

    @property
    def committed(self) -> Decimal:
        return self.held + self.queued


@dataclass(frozen=True, slots=True)
class Budget:
    """A budget in its running period."""

    id: UUID
    amount: Decimal
    thresholds: tuple[Threshold, ...]
    use: Use = field(default_factory=Use)

    def limit(self, threshold: Threshold) -> Decimal:
        return self.amount * threshold.ratio


@dataclass(frozen=True, slots=True)
class Gate:
    """What holds a workload back, and by which numbers."""

    action: str
    budget_id: UUID
    limit: Decimal
    """Of the threshold."""
    counted: Decimal
    """Used up, reserved and, for what is new, queued before it."""
    needs: Decimal

    @property
    def left(self) -> Decimal:
        return max(self.limit - self.counted, NOTHING)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A workload that waits.

    Args:
        costs: by budget, for those that apply to it.
        in_line: it was let in before: only a block takes it out again.
        exempt: somebody approved that it may pass every budget.
    """

    id: UUID
    costs: Mapping[UUID, Cost]
    in_line: bool = False
    exempt: bool = False


def period_at(kind: str, at: datetime, starts_on: date | None = None, ends_on: date | None = None) -> Period | None:
    """The period in which a moment lies, by days of UTC; None where the budget is not valid then.

    Args:
        starts_on, ends_on: of fixed dates both days belong to it; of months and quarters they say from when and
            until when there are any, if given.
    """
    today = at.astimezone(UTC).date()
    if (starts_on and today < starts_on) or (ends_on and today > ends_on):
        return None
    if kind == FIXED:
        return Period(_midnight(starts_on), _midnight(ends_on + timedelta(days=1))) if starts_on and ends_on else None
    months = 3 if kind == QUARTER else 1
    first = date(today.year, today.month - (today.month - 1) % months, 1)
    following = date(first.year + (first.month + months > 12), (first.month + months - 1) % 12 + 1, 1)
    return Period(_midnight(first), _midnight(following))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def reached(budget: Budget) -> tuple[Threshold, ...]:
    """The thresholds that what is spent and reserved has reached, the lowest first."""
    found = [one for one in budget.thresholds if budget.use.held >= budget.limit(one)]
    return tuple(sorted(found, key=lambda one: (one.ratio, one.action)))


def gate(budgets: Iterable[Budget], costs: Mapping[UUID, Cost], *, strict: Iterable[str] = STRICT) -> Gate | None:
    """What holds back a workload that comes on top of all that is committed; None where nothing does.

    Of what a budget does not count it is never in the way. What declares no limit passes until the threshold is
    reached; what declares one passes where it ends at or below it.
    """
    found = [
        Gate(one.action, budget.id, budget.limit(one), budget.use.committed, cost.total)
        for budget in budgets
        for cost in [costs.get(budget.id, Cost())]
        if cost.hourly > 0
        for one in budget.thresholds
        if one.action in strict and _over(budget.limit(one), budget.use.committed, cost.total)
    ]
    return min(found, key=lambda one: (-STRICT[one.action], one.left, one.budget_id), default=None)


def _over(limit: Decimal, counted: Decimal, needs: Decimal) -> bool:
    return counted >= limit or counted + needs > limit


def blocked(budgets: Iterable[Budget]) -> Gate | None:
    """What keeps everything out that costs anything: a block that what is spent and reserved has reached."""
    held = [replace(budget, use=replace(budget.use, queued=NOTHING)) for budget in budgets]
    return gate(held, {budget.id: Cost(hourly=Decimal(1)) for budget in held}, strict=(BLOCK,))


def overflowing(budget: Budget) -> bool:
    """Whether more waits in the line than a block leaves room for."""
    return budget.use.queued > 0 and any(
        one.action == BLOCK and budget.use.committed > budget.limit(one) for one in budget.thresholds
    )


def settle(budgets: Sequence[Budget], candidates: Iterable[Candidate]) -> dict[UUID, Gate | None]:
    """Who of those that wait may stand in the line, and what holds the others back.

    In the given order, each on top of those before that may: what is small may pass where something large cannot.

    Args:
        budgets: without the candidates in what is queued.
    """
    now = {budget.id: budget for budget in budgets}
    found: dict[UUID, Gate | None] = {}
    for one in candidates:
        concerned = [now[key] for key in one.costs if key in now]
        strict = (BLOCK,) if one.in_line else tuple(STRICT)
        found[one.id] = None if one.exempt else gate(concerned, one.costs, strict=strict)
        if found[one.id] is None:
            for budget in concerned:
                queued = budget.use.queued + one.costs[budget.id].total
                now[budget.id] = replace(budget, use=replace(budget.use, queued=queued))
    return found


def figure(amount: Decimal, *, up: bool = False) -> str:
    """`12.5`: two digits after the point at most. What is needed is rounded up, all else down, so that what does not
    fit never looks as if it did."""
    rounded = amount.quantize(Decimal("0.01"), ROUND_CEILING if up else ROUND_FLOOR)
    return f"{rounded:f}".rstrip("0").rstrip(".")


# Burning down ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Day:
    """The end of a day of the period; all figures are sums since its beginning."""

    on: date
    spent: Decimal | None
    """None: the day has not begun."""
    reserved: Decimal
    """Spent by then, and by what runs if it uses its declared limits up."""
    projected: Decimal | None
    """If it goes on as in the last days, and at least what is reserved; None for days that are over."""


@dataclass(frozen=True, slots=True)
class BurnDown:
    """A budget over its period."""

    days: tuple[Day, ...]
    daily: Decimal
    """The pace: mean of the last days."""
    exhausted_on: date | None
    """The day by whose end the amount is used up, as projected; None: not within the period."""


def burn_down(
    period: Period, at: datetime, amount: Decimal, spent: Mapping[date, Decimal], reserved: Mapping[date, Decimal]
) -> BurnDown:
    """The series of a budget.

    Args:
        spent, reserved: per day of UTC, not summed up; what is reserved lies from `at` on.
    """
    today, daily = at.astimezone(UTC).date(), pace(period, at, spent)
    until_now = sum(spent.values(), NOTHING)
    days: list[Day] = []
    burnt = kept = NOTHING
    for on in days_of(period):
        burnt, kept = burnt + spent.get(on, NOTHING), kept + reserved.get(on, NOTHING)
        projected = None
        if on >= today:
            ahead = _midnight(on + timedelta(days=1)) - max(at, period.begins)
            projected = max(until_now + daily * _days(ahead), until_now + kept)
        days.append(Day(on, burnt if on <= today else None, burnt + kept, projected))
    over = (day.on for day in days if (day.projected if day.projected is not None else burnt_by(day)) >= amount)
    return BurnDown(tuple(days), daily, next(over, None))


def burnt_by(day: Day) -> Decimal:
    """What was spent by the end of a day that is over."""
    return day.spent if day.spent is not None else NOTHING


def pace(period: Period, at: datetime, spent: Mapping[date, Decimal]) -> Decimal:
    """What is spent a day: mean of today and the days before it in the period, a week at most; 0 before it begins."""
    today = at.astimezone(UTC).date()
    since = max(period.begins, _midnight(today - timedelta(days=PACE_DAYS - 1)))
    over = _days(at - since)
    if over <= 0:
        return NOTHING
    burnt = sum((amount for on, amount in spent.items() if since.date() <= on <= today), NOTHING)
    return burnt / max(over, Decimal(1))


def days_of(period: Period) -> list[date]:
    """Every day of it."""
    first = period.begins.date()
    return [first + timedelta(days=number) for number in range((period.ends - period.begins).days)]


def _days(span: timedelta) -> Decimal:
    return Decimal(span // timedelta(microseconds=1)) / Decimal(86_400_000_000)
