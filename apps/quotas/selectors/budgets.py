"""How far budgets are used up: summed by the database from the ledger and from what waits, in one statement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q

from apps.access.models import Project
from apps.common.errors import Conflict
from apps.quotas.models import Budget, BudgetHold
from apps.quotas.models.budget import SCOPES
from apps.quotas.scheduling import budget as pure
from apps.quotas.selectors.ledger_sql import AMOUNT, PRICE, tables


@dataclass(frozen=True, slots=True)
class Active:
    """A budget that is valid now."""

    row: Budget
    period: pure.Period
    view: pure.Budget
    """With what is spent, reserved and queued."""
    costs: dict[UUID, pure.Cost]
    """Of the workloads that were asked for, where it counts their project."""


@dataclass(frozen=True, slots=True)
class BurntDown:
    """A budget over one of its periods, as of a moment in it."""

    period: pure.Period
    at: datetime
    burnt: pure.BurnDown


_BUDGET = """
budget AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(owners)s::uuid[], %(scopes)s::text[], %(units)s::text[],
                         %(begins)s::timestamptz[], %(ends)s::timestamptz[])
        AS listed (id, owner, scope, unit, begins, ends)
)
"""
_SPENT = """
SELECT b.id AS budget, b.unit, 'spent' AS kind, NULL::uuid AS workload, u.pool_id, u.flavor,
       u.cpu_millis, u.memory_bytes, u.gpu_millis,
       GREATEST(u.reserved_at, b.begins) AS begins, LEAST(COALESCE(u.closed_at, %(at)s), %(at)s, b.ends) AS ends
FROM budget b JOIN {usage} u ON b.scope = '{scope}' AND u.{scope}_id = b.owner
WHERE u.reserved_at < b.ends AND (u.closed_at IS NULL OR u.closed_at > b.begins)
"""
_RESERVED = """
SELECT b.id, b.unit, 'reserved', NULL::uuid, u.pool_id, u.flavor, u.cpu_millis, u.memory_bytes, u.gpu_millis,
       GREATEST(%(at)s, b.begins), LEAST(b.ends, GREATEST(%(at)s,
           COALESCE(a.started_at, u.used_at, %(at)s) + make_interval(secs => w.time_limit_seconds)))
FROM budget b JOIN {usage} u ON b.scope = '{scope}' AND u.{scope}_id = b.owner AND u.closed_at IS NULL
JOIN {workload} w ON w.id = u.workload_id AND w.time_limit_seconds > 0 LEFT JOIN {attempt} a ON a.id = u.attempt_id
"""
_QUEUED = """
SELECT b.id, b.unit, CASE WHEN w.is_held THEN 'held' ELSE 'queued' END,
       CASE WHEN w.id = ANY(%(asked)s::uuid[]) THEN w.id END, w.pool_id, w.flavor,
       w.cpu_millis * w.count_max, w.memory_bytes * w.count_max, w.gpus::bigint * w.gpu_millis * w.count_max,
       %(at)s, LEAST(b.ends, %(at)s + make_interval(secs => w.time_limit_seconds))
FROM budget b JOIN {workload} w ON b.scope = '{scope}' AND w.{scope}_id = b.owner
WHERE w.state = 'pending' AND (NOT w.is_held OR w.id = ANY(%(asked)s::uuid[]))
"""
_ANY_KIND = """
UNION ALL
SELECT pool_id, 'gpus', '', max(price), '-infinity'::timestamptz, 'infinity'::timestamptz
FROM price WHERE resource = 'gpus' AND begins <= %(at)s AND %(at)s < ends GROUP BY pool_id
"""
"""What takes any kind of GPU may get the dearest."""
_HELD = "GREATEST(extract(epoch FROM LEAST({s}.ends, {p}.ends) - GREATEST({s}.begins, {p}.begins)), 0)"
_TOTALS = f"""
SELECT {{keys}}, sum(s.gpu_millis * GREATEST(extract(epoch FROM s.ends - s.begins), 0)) / 3600000 AS total,
       sum(s.gpu_millis) / 1000.0 AS hourly
FROM {{spans}} s WHERE s.unit = 'gpu_hours' GROUP BY {{keys}}
UNION ALL
SELECT {{keys}}, sum({AMOUNT} * p.price * {_HELD.format(s="s", p="p")}) / 3600,
       COALESCE(sum({AMOUNT} * p.price) FILTER (WHERE p.begins <= %(at)s AND %(at)s < p.ends), 0)
FROM {{spans}} s JOIN priced p ON p.pool_id = s.pool_id AND (p.resource <> 'gpus' OR p.flavor = s.flavor)
    AND p.begins < GREATEST(s.ends, %(at)s) AND p.ends > s.begins
WHERE s.unit = 'money' GROUP BY {{keys}}
"""  # noqa: S608 - our own words
"""Sums over spans: each time of each price counts once."""
_BY_DAY = """
, cut AS (
    SELECT s.budget, s.unit, s.kind, s.workload, s.pool_id, s.flavor, s.cpu_millis, s.memory_bytes, s.gpu_millis,
           GREATEST(s.begins, day) AS begins, LEAST(s.ends, day + interval '24 hours') AS ends,
           (day AT TIME ZONE 'UTC')::date AS on_day
    FROM span s CROSS JOIN LATERAL
        generate_series(date_trunc('day', s.begins, 'UTC'), s.ends, interval '24 hours') AS day
    WHERE s.ends > s.begins
)
"""


def budgets_of(projects: Iterable[UUID]) -> Any:
    """The budgets that count the work of some projects, valid now or not. One query, when it is read."""
    named = Project.objects.filter(pk__in=list(projects))
    return Budget.objects.filter(
        Q(project__in=named.values("pk"))
        | Q(project=None, team__in=named.values("team"))
        | Q(project=None, team=None, organisation__in=named.values("organisation"))
    ).order_by("pk")


def budgets_active(
    budgets: Iterable[Budget], at: datetime, asked: Collection[UUID] = (), *, queued: bool = True
) -> list[Active]:
    """Those that are valid at a moment, with what has become of them until then. One query, none without a budget.

    Args:
        asked: workloads that wait, held back or not, whose own costs are wanted too.
        queued: also what waits in the line; without it no time is spent on a long one.
    """
    found = [(row, period) for row in budgets if (period := period_of(row, at)) is not None]
    if not found:
        return []
    uses: dict[UUID, defaultdict[str, Decimal]] = {row.pk: defaultdict(Decimal) for row, _ in found}
    costs: dict[UUID, dict[UUID, pure.Cost]] = {row.pk: {} for row, _ in found}
    for row in _sums(found, at, asked, *((_QUEUED,) if queued else ())):
        uses[row["budget"]][row["kind"]] += row["total"]
        if row["workload"] is not None:
            costs[row["budget"]][row["workload"]] = pure.Cost(row["total"], row["hourly"])
    return [Active(row, period, _view(row, uses[row.pk]), costs[row.pk]) for row, period in found]


def period_of(budget: Budget, at: datetime) -> pure.Period | None:
    """The period of a budget at a moment."""
    return pure.period_at(budget.period, at, budget.starts_on, budget.ends_on)


def budget_burn_down(budget: Budget, now: datetime, on: date | None = None) -> BurntDown:
    """One period of a budget by day. One query.

    Args:
        on: a day of the period; by default today, or the last day of a budget that is over.

    Raises:
        Conflict: the budget is not valid on that day, or not yet.
    """
    today = now.astimezone(UTC).date()
    day = on or (min(today, budget.ends_on) if budget.ends_on else today)
    period = period_of(budget, datetime(day.year, day.month, day.day, tzinfo=UTC))
    if period is None or period.begins > now:
        raise Conflict(f"The budget {budget.name} is not valid on {day}, or not yet.")
    at = min(now, period.ends - timedelta(microseconds=1))
    series: defaultdict[str, dict[date, Decimal]] = defaultdict(dict)
    for row in _days([(budget, period)], at):
        series[row["kind"]][row["on_day"]] = row["total"]
    return BurntDown(period, at, pure.burn_down(period, at, budget.amount, series["spent"], series["reserved"]))


def exempt_among(projects: Collection[UUID]) -> set[UUID]:
    """Workloads of some projects that somebody let pass every budget, and that may still hold something. One query."""
    rows = BudgetHold.objects.filter(is_exempt=True, project__in=projects, workload__ended_at=None)
    return set(rows.values_list("workload", flat=True))


def _view(row: Budget, use: dict[str, Decimal]) -> pure.Budget:
    levels = tuple(pure.Threshold(Decimal(one["ratio"]), one["action"]) for one in row.thresholds)
    return pure.Budget(row.pk, row.amount, levels, pure.Use(use["spent"], use["reserved"], use["queued"]))


def _sums(
    found: Sequence[tuple[Budget, pure.Period]], at: datetime, asked: Collection[UUID], *waiting: str
) -> list[dict[str, Any]]:
    """Totals per budget and kind; those of workloads that were asked for apart from the others."""
    spans = _spans(found, _SPENT, _RESERVED, *waiting)
    sql = f"{spans} {_TOTALS.format(keys='s.budget, s.kind, s.workload', spans='span')}"
    return _rows(sql, {**_values(found), "at": at, "asked": list(asked)})


def _days(found: Sequence[tuple[Budget, pure.Period]], at: datetime) -> list[dict[str, Any]]:
    """Totals per kind and day of UTC."""
    sql = f"{_spans(found, _SPENT, _RESERVED)} {_BY_DAY} {_TOTALS.format(keys='s.kind, s.on_day', spans='cut')}"
    return _rows(sql, {**_values(found), "at": at})


def _spans(found: Sequence[tuple[Budget, pure.Period]], *kinds: str) -> str:
    """`WITH …, span AS (…)`: only over the scopes that occur, so that each is found by its own index."""
    scopes = {row.scope for row, _ in found}
    parts = [kind.format(scope=scope, **tables()) for scope in SCOPES if scope in scopes for kind in kinds]
    price = PRICE.format(**tables())
    priced = f"priced AS (SELECT * FROM price {_ANY_KIND})"  # noqa: S608 - our own words
    return f"WITH {_BUDGET}, {price}, {priced}, span AS ({' UNION ALL '.join(parts)})"


def _values(found: Sequence[tuple[Budget, pure.Period]]) -> dict[str, Any]:
    return {
        "ids": [row.pk for row, _ in found],
        "owners": [row.owner_id for row, _ in found],
        "scopes": [row.scope for row, _ in found],
        "units": [row.unit for row, _ in found],
        "begins": [period.begins for _, period in found],
        "ends": [period.ends for _, period in found],
    }


def _rows(sql: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
