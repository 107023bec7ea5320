"""Runs and experiments as clients of MLflow search for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from django.db.models import F, OrderBy, QuerySet

from apps.access.models import User
from apps.common.api import is_uuid
from apps.experiments.models import Experiment, Run, RunInput
from apps.experiments.search.grammar import (
    ATTRIBUTE,
    DATASET,
    METRIC,
    PARAM,
    TAG,
    Comparison,
    Name,
    Order,
    Vocabulary,
)
from apps.experiments.selectors.said_sql import (
    NEVER,
    Sql,
    condition,
    metric_compared,
    metric_order,
    number_compared,
    number_order,
    param_compared,
    text_compared,
    text_order,
    words_of,
)

_RUN: Final = Run._meta.db_table
_INPUT: Final = RunInput._meta.db_table
_EXPERIMENT: Final = Experiment._meta.db_table

RUNS: Final = Vocabulary(
    texts={
        **{word: word for word in ("run_id", "run_name", "status", "artifact_uri", "user_id")},
        **dict.fromkeys(("run name", "Run name", "Run Name"), "run_name"),
        "run_uuid": "run_id",
    },
    numbers={"start_time": "start_time", "end_time": "end_time", "created": "start_time", "Created": "start_time"},
)
EXPERIMENTS: Final = Vocabulary(
    texts={"name": "name"},
    numbers={"creation_time": "creation_time", "last_update_time": "last_update_time"},
    groups=frozenset({TAG}),
    only_ordered={"experiment_id": "experiment_id"},
)
UNSHOWN: Final = (
    "script", "result", "secrets", "attempt_starts", "environment", "requirements", "retries", "resources",
    "provenance", "command",
)  # fmt: skip
"""Columns of a run that no search shows."""


def _hex(column: str) -> str:
    return f"replace({column}::text, '-', '')"


_USER: Final = f"""coalesce(nullif({_RUN}.labels ->> 'mlflow.user', ''), (
SELECT u.username FROM {User._meta.db_table} u WHERE u.id = {_RUN}.requested_by_id), '')"""  # noqa: S608
_TEXTS: Final[Mapping[str, str]] = {
    "run_id": _hex(f"{_RUN}.id"),
    "run_name": f"{_RUN}.name",
    "user_id": _USER,
    "artifact_uri": f"'mlflow-artifacts:/' || {_hex(f'{_RUN}.experiment_id')} || '/' || {_hex(f'{_RUN}.id')}"
    " || '/artifacts'",
}
_TIMES: Final[Mapping[str, str]] = {"start_time": f"{_RUN}.started_at", "end_time": f"{_RUN}.ended_at"}
_INPUTS: Final[Mapping[str, str]] = {
    "name": "i.name",
    "digest": "(i.document ->> 'digest')",
    "context": "(i.document -> 'tags' ->> 'mlflow.data.context')",
}


LAST_BEGUN_FIRST: Final = (
    OrderBy(F("started_at"), descending=True, nulls_last=True),
    OrderBy(F("id"), descending=True),
)
"""As the index `run_experiment_started` has them."""


def runs_found(
    rows: QuerySet[Any], filters: Sequence[Comparison], orders: Sequence[Order], status_of: Mapping[str, str]
) -> QuerySet[Run]:
    """Those of these runs for which all comparisons hold; without an order the last begun first.

    Args:
        status_of: our state → the client's word for it.
    """
    rows = runs_filtered(rows, filters, status_of)
    by = [each for order in orders for each in _run_order(order, status_of)]
    return rows.order_by(*by, *LAST_BEGUN_FIRST).defer(*UNSHOWN)


def latest(rows: QuerySet[Run], count: int) -> QuerySet[Run] | None:
    """The last begun of runs of one experiment, about so many; None where there are no more than those. One query.

    The time from which on they began is asked for beforehand: then PostgreSQL knows that they are few, and takes the
    index that has them in order. How many of them a filter on their documents will let through it cannot know.
    """
    begun = rows.order_by(*LAST_BEGUN_FIRST).values_list("started_at", flat=True)[count - 1 : count].first()
    return None if begun is None else rows.filter(started_at__gte=begun)


def is_last_begun_first(orders: Sequence[Order]) -> bool:
    """Whether they say what holds without any; clients with a table of runs mostly ask so."""
    return all(each.name.key == "start_time" and each.name.group == ATTRIBUTE for each in orders) and (
        not orders or orders[0].is_downward
    )


def inputs_of(runs: Sequence[Run]) -> dict[UUID, list[RunInput]]:
    """Run → its inputs, those that have some. One query."""
    found: dict[UUID, list[RunInput]] = {}
    for each in RunInput.objects.filter(run__in=[run.pk for run in runs]).order_by("id"):
        found.setdefault(each.run_id, []).append(each)
    return found


def with_people(runs: Sequence[Run]) -> None:
    """Give those whose code does not say who it is the person who asked for them, by at most one query."""
    silent = [run for run in runs if not run.labels.get("mlflow.user") and run.requested_by_id is not None]
    people = User.objects.only("username").in_bulk({run.requested_by_id for run in silent}) if silent else {}
    for run in silent:
        run.requested_by = people[run.requested_by_id]


def runs_filtered(rows: Any, filters: Sequence[Comparison], status_of: Mapping[str, str]) -> Any:
    """Those of these runs for which all comparisons hold."""
    for one in filters:
        rows = rows.filter(condition(_run_condition(one, status_of)))
    return rows


def experiments_found(
    rows: QuerySet[Any], filters: Sequence[Comparison], orders: Sequence[Order]
) -> QuerySet[Experiment]:
    """Those of these experiments for which all comparisons hold; without an order the newest first."""
    for one in filters:
        of, is_number = _of_experiment(one.name)
        rows = rows.filter(condition((number_compared if is_number else text_compared)(of, one)))
    by: list[OrderBy] = []
    for order in orders:
        of, is_number = _of_experiment(order.name)
        by += (number_order if is_number else text_order)(of, is_downward=order.is_downward)
    return rows.order_by(*by, "-created_at", "-id")


def _run_condition(one: Comparison, status_of: Mapping[str, str]) -> Sql:
    key = one.name.key
    if one.name.group == METRIC:
        return metric_compared(_metric(key), one)
    if one.name.group == PARAM:
        return param_compared(f"{_RUN}.parameters", one)
    if one.name.group == TAG:
        return text_compared(_tag(key), one)
    if one.name.group == DATASET:
        inner = text_compared(Sql(_INPUTS[key]), one)
        return Sql(f"EXISTS (SELECT 1 FROM {_INPUT} i WHERE i.run_id = {_RUN}.id AND {inner.text})", inner.values)  # noqa: S608
    if key in _TIMES:
        return number_compared(_ms(_TIMES[key]), one)
    if key == "status":
        return Sql(f"{_RUN}.state = ANY(%s::text[])", (list(words_of(status_of, one)),))
    if key == "run_id" and one.operator in ("=", "IN"):
        return _by_ids(one)
    return text_compared(Sql(f"({_TEXTS[key]})"), one)


def _by_ids(one: Comparison) -> Sql:
    """By the primary key."""
    wanted = one.value if isinstance(one.value, tuple) else (str(one.value),)
    ids = [text for text in wanted if is_uuid(text)]
    return Sql(f"{_RUN}.id = ANY(%s::uuid[])", (ids,)) if ids else NEVER


def _run_order(order: Order, status_of: Mapping[str, str]) -> list[OrderBy]:
    key, down = order.name.key, order.is_downward
    if order.name.group == METRIC:
        return metric_order(_metric(key), is_downward=down)
    if order.name.group == PARAM:
        return text_order(Sql(f"{_RUN}.parameters ->> %s::text", (key,)), is_downward=down)
    if order.name.group == TAG:
        return text_order(_tag(key), is_downward=down)
    if key == "start_time":
        return [OrderBy(F("started_at"), descending=down, nulls_last=True)]
    if key == "end_time":
        return [OrderBy(F("ended_at"), descending=down, nulls_last=True)]
    if key == "status":
        whens = " ".join("WHEN %s THEN %s" for _ in status_of)
        values = tuple(each for pair in status_of.items() for each in pair)
        return text_order(Sql(f"CASE {_RUN}.state {whens} END", values), is_downward=down)
    return text_order(Sql(_TEXTS[key]), is_downward=down)


def _metric(key: str) -> Sql:
    """Its latest value as text."""
    return Sql(f"({_RUN}.summary -> %s::text ->> 'last')", (key,))


def _tag(key: str) -> Sql:
    if key == "mlflow.runName":
        return Sql(f"{_RUN}.name")
    if key == "mlflow.note.content":
        return Sql(f"nullif({_RUN}.notes, '')")
    return Sql(f"({_RUN}.labels ->> %s::text)", (key,))


def _ms(column: str) -> Sql:
    """A time in milliseconds since 1970."""
    return Sql(f"floor(extract(epoch FROM {column}) * 1000)")


_EXPERIMENT_COLUMNS: Final[Mapping[str, Callable[[], tuple[Sql, bool]]]] = {
    "name": lambda: (Sql(f"{_EXPERIMENT}.name"), False),
    "experiment_id": lambda: (Sql(_hex(f"{_EXPERIMENT}.id")), False),
    "creation_time": lambda: (_ms(f"{_EXPERIMENT}.created_at"), True),
    "last_update_time": lambda: (_ms(f"coalesce({_EXPERIMENT}.deleted_at, {_EXPERIMENT}.created_at)"), True),
}


def _of_experiment(name: Name) -> tuple[Sql, bool]:
    """What it means, and whether that is a number."""
    if name.group == TAG:
        return Sql(f"({_EXPERIMENT}.labels ->> %s::text)", (name.key,)), False
    return _EXPERIMENT_COLUMNS[name.key]()
