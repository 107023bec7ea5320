"""A window of the table of runs: any parameter and metric as a column, sorted and filtered by any of them.

Three queries whatever the table holds: which runs, and how many in all; what is shown of them; their small curves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, F, Window

from apps.experiments.search.grammar import Comparison
from apps.experiments.selectors.run_counts import visible_runs
from apps.experiments.selectors.run_fields import Condition, Field
from apps.experiments.selectors.run_rows import rows_of, with_reason
from apps.experiments.selectors.run_search import runs_filtered
from apps.experiments.selectors.run_sql import condition_q, is_value, order_by
from apps.experiments.selectors.sparks import sparks_of


@dataclass(frozen=True, slots=True)
class Asked:
    """Which runs, how sorted, what of them."""

    project: UUID | None = None
    experiment: UUID | None = None
    states: Sequence[str] = ()
    search: str = ""
    """In the name."""
    tags: Sequence[str] = ()
    """All of them."""
    where: Sequence[Condition] = ()
    filter: Sequence[Comparison] = ()
    """In MLflow's words."""
    status_of: Mapping[str, str] = field(default_factory=dict)
    """State → its word in `filter`."""
    sort: tuple[Field, bool] | None = None
    """Field, and whether downward; None: the newest first."""
    columns: Sequence[Field] = ()
    offset: int = 0
    limit: int = 100
    spark: bool = False
    deleted: bool = False
    """Those that are out of sight, and no others."""


def run_table(user: Any, asked: Asked) -> tuple[list[dict[str, Any]], int]:
    """The rows of the window that the user sees, and how many there are without it."""
    found = runs_found(user, asked)
    by_value = asked.sort is not None and is_value(asked.sort[0])
    window = (_by_value if by_value else _by_column)(found, asked)
    total = window[0][1] if window else found.count() if asked.offset else 0
    ordered = rows_of([pk for pk, _ in window], asked.columns)
    if asked.spark:
        keys = {row["id"]: row["goal"]["key"] for row in ordered if row["goal"]}
        sparks = sparks_of(keys)
        ordered = [{**row, "spark": sparks.get(row["id"])} for row in ordered]
    return ordered, total


def _by_column(found: Any, asked: Asked) -> list[tuple[UUID, int]]:
    """The window, each run with how many there are in all."""
    counted = found.annotate(total=Window(Count("*"))).order_by(*_order(asked)).values_list("pk", "total")
    return list(counted[asked.offset : asked.offset + asked.limit])


def _by_value(found: Any, asked: Asked) -> list[tuple[UUID, int]]:
    """The same, ordered by something out of a document: of each run that alone is kept while they are counted and
    sorted, not the document, which of many runs would not fit into the memory that a query may use."""
    order = order_by(asked.sort[0], downward=asked.sort[1])[0] if asked.sort else F("id").desc()
    inner, params = found.order_by().annotate(value=order.expression).values_list("pk", "value").query.sql_with_params()
    way = "DESC" if order.descending else "ASC"
    sql = f"""WITH found(id, value) AS MATERIALIZED ({inner}) SELECT id, (SELECT count(*) FROM found) FROM found
ORDER BY value {way} NULLS LAST, id {way} OFFSET %s LIMIT %s"""  # noqa: S608 - as the ORM wrote it
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, asked.offset, asked.limit])
        window: list[tuple[UUID, int]] = cursor.fetchall()
    return window


def run_ids(user: Any, asked: Asked, most: int) -> list[UUID]:
    """The first runs that are meant, in their order, whatever the window. One query."""
    return list(runs_found(user, asked).order_by(*_order(asked)).values_list("pk", flat=True)[:most])


def _order(asked: Asked) -> Sequence[Any]:
    return order_by(asked.sort[0], downward=asked.sort[1]) if asked.sort else [F("id").desc()]


def runs_found(user: Any, asked: Asked) -> Any:
    """The runs that are meant, among those that the user sees."""
    runs = visible_runs(user, asked.project, asked.experiment, deleted=asked.deleted)
    if any(field.key == "reason" for field in [*(one.field for one in asked.where), *(asked.sort or ())[:1]]):
        runs = with_reason(runs)
    if asked.states:
        runs = runs.filter(state__in=asked.states)
    for word in asked.search.split():
        runs = runs.filter(name__icontains=word)
    for tag in asked.tags:
        runs = runs.filter(tags__contains=[tag])
    for condition in asked.where:
        runs = runs.filter(condition_q(condition))
    return runs_filtered(runs, asked.filter, asked.status_of)
