"""Models, their versions and logged models as clients of MLflow search for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db.models import F, Prefetch, Window
from django.db.models.functions import RowNumber

from apps.experiments.models import LoggedModel, LoggedModelMetric, ModelAlias, ModelVersion, RegisteredModel
from apps.experiments.search.grammar import METRIC, PARAM, TAG, Comparison, Name, Order, Vocabulary
from apps.experiments.selectors.said_sql import (
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

PROMPT: Final = "mlflow.prompt.is_prompt"
_MODEL: Final = RegisteredModel._meta.db_table
_VERSION: Final = ModelVersion._meta.db_table
_LOGGED: Final = LoggedModel._meta.db_table
_METRIC: Final = LoggedModelMetric._meta.db_table
METRIC_POINTS_MOST: Final = 1000
"""Points that are shown of one metric of a logged model on one dataset: the newest."""
_TIMES: Final = {word: word for word in ("creation_timestamp", "last_updated_timestamp")}
MODELS: Final = Vocabulary(
    texts={"name": "name"},
    numbers={},
    groups=frozenset({TAG}),
    only_ordered={**_TIMES, "timestamp": "last_updated_timestamp"},
)
VERSIONS: Final = Vocabulary(
    texts={"name": "name", "run_id": "run_id", "source_path": "source_path"},
    numbers={"version_number": "version_number", "version": "version_number", **_TIMES},
    groups=frozenset({TAG}),
)
LOGGED: Final = Vocabulary(
    texts={
        **{word: word for word in ("name", "model_id", "model_type", "status", "source_run_id", "experiment_id")},
        "run_id": "source_run_id",
    },
    numbers={**_TIMES, "creation_time": "creation_timestamp", "last_updated_time": "last_updated_timestamp"},
    groups=frozenset({METRIC, PARAM, TAG}),
)


def _ms(column: str) -> str:
    return f"floor(extract(epoch FROM {column}) * 1000)"


def _hex(column: str) -> str:
    return f"replace({column}::text, '-', '')"


_OF_MODEL: Final[Mapping[str, tuple[str, bool]]] = {
    "name": (f"{_MODEL}.name", False),
    "creation_timestamp": (_ms(f"{_MODEL}.created_at"), True),
    "last_updated_timestamp": (_ms(f"{_MODEL}.changed_at"), True),
}
_OF_VERSION: Final[Mapping[str, tuple[str, bool]]] = {
    "name": (f"(SELECT m.name FROM {_MODEL} m WHERE m.id = {_VERSION}.model_id)", False),  # noqa: S608
    "run_id": (f"coalesce({_hex(f'{_VERSION}.run_id')}, '')", False),
    "source_path": (f"{_VERSION}.source", False),
    "version_number": (f"{_VERSION}.number", True),
    "creation_timestamp": (_ms(f"{_VERSION}.created_at"), True),
    "last_updated_timestamp": (_ms(f"greatest({_VERSION}.changed_at, {_VERSION}.state_at)"), True),
}
_OF_LOGGED: Final[Mapping[str, tuple[str, bool]]] = {
    "name": (f"{_LOGGED}.name", False),
    "model_id": (f"('m-' || {_hex(f'{_LOGGED}.id')})", False),
    "model_type": (f"{_LOGGED}.kind", False),
    "source_run_id": (_hex(f"{_LOGGED}.run_id"), False),
    "experiment_id": (_hex(f"{_LOGGED}.experiment_id"), False),
    "creation_timestamp": (_ms(f"{_LOGGED}.created_at"), True),
    "last_updated_timestamp": (_ms(f"{_LOGGED}.state_at"), True),
}


def models_found(rows: Any, filters: Sequence[Comparison], orders: Sequence[Order]) -> Any:
    """Those of these models for which all comparisons hold, by name where no order is given, with aliases."""
    for one in filters:
        rows = rows.filter(_condition(one, _MODEL, _OF_MODEL))
    return with_aliases(rows.order_by(*_order(orders, _MODEL, _OF_MODEL), "name", "id"))


def versions_found(rows: Any, filters: Sequence[Comparison], orders: Sequence[Order]) -> Any:
    """Those of these versions for which all comparisons hold; the last changed first where no order is given."""
    for one in filters:
        rows = rows.filter(_condition(one, _VERSION, _OF_VERSION))
    by = _order(orders, _VERSION, _OF_VERSION)
    rest = ("model__name", "-number") if orders else ("-changed_at", "model__name", "-number")
    return versions_said(rows.order_by(*by, *rest, "id"))


def logged_found(
    rows: Any,
    filters: Sequence[Comparison],
    orders: Sequence[tuple[Order, str, str]],
    *,
    datasets: Sequence[tuple[str, str]],
    status_of: Mapping[str, str],
) -> Any:
    """Those of these logged models for which all comparisons hold, the newest first where no order is given.

    Args:
        orders: with the name and digest of the dataset on which a metric counts; empty: any.
        datasets: names and digests (empty: any): metrics are those on one of them.
        status_of: our state → the client's word.
    """
    for one in filters:
        rows = rows.filter(condition(_logged_condition(one, datasets, status_of)))
    if datasets and not any(one.name.group == METRIC for one in filters):
        rows = rows.filter(condition(_on_datasets("TRUE", (), datasets)))
    by: list[Any] = []
    for order, name, digest in orders:
        if order.name.group == METRIC:
            by += metric_order(_latest(order.name.key, name, digest), is_downward=order.is_downward)
        elif order.name.key == "status":
            by += text_order(Sql(f"{_LOGGED}.state"), is_downward=order.is_downward)
        else:
            by += _order([order], _LOGGED, _OF_LOGGED)
    return logged_said(rows.order_by(*by, F("created_at").desc(), F("id").desc()))


def logged_said(models: Any) -> Any:
    """Logged models with what a client is told of them. One more query."""
    return models.select_related("experiment", "run", "made_by").prefetch_related(points_shown())


def points_shown(most: int = 0) -> Prefetch[str]:
    """The points of logged models, as `metrics`: the newest of each metric and dataset, in order of arrival.

    Args:
        most: so many of each; 0: `METRIC_POINTS_MOST`.
    """
    which = [F("model"), F("key"), F("dataset_name"), F("dataset_digest")]
    nth = Window(RowNumber(), partition_by=which, order_by=F("id").desc())
    points = LoggedModelMetric.objects.annotate(nth=nth).filter(nth__lte=most or METRIC_POINTS_MOST).order_by("id")
    return Prefetch("metrics", queryset=points)


def with_aliases(models: Any) -> Any:
    """Models with their aliases and versions' numbers. One more query."""
    return models.prefetch_related(
        Prefetch("aliases", queryset=ModelAlias.objects.select_related("version").order_by("name"))
    )


def versions_said(versions: Any) -> Any:
    """Versions with what a client is told of them. One more query."""
    rows = versions.select_related("model", "run", "registered_by", "logged_model", "project")
    rows = rows.defer("evaluation", "run__script", "run__result", "run__summary", "inspection")
    return rows.prefetch_related(Prefetch("aliases", queryset=ModelAlias.objects.order_by("name")))


def _condition(one: Comparison, table: str, columns: Mapping[str, tuple[str, bool]]) -> Any:
    if one.name.group == TAG:
        said = f"({table}.labels ->> %s::text)"
        # Clients put this into every search of theirs: what says nothing of it is no prompt.
        text = f"coalesce({said}, 'false')" if one.name.key == PROMPT else said
        return condition(text_compared(Sql(text, (one.name.key,)), one))
    text, is_number = columns[one.name.key]
    return condition((number_compared if is_number else text_compared)(Sql(text), one))


def _order(orders: Sequence[Order], table: str, columns: Mapping[str, tuple[str, bool]]) -> list[Any]:
    by: list[Any] = []
    for order in orders:
        of, is_number = _of(order.name, table, columns)
        by += (number_order if is_number else text_order)(of, is_downward=order.is_downward)
    return by


def _of(name: Name, table: str, columns: Mapping[str, tuple[str, bool]]) -> tuple[Sql, bool]:
    if name.group == TAG:
        return Sql(f"({table}.labels ->> %s::text)", (name.key,)), False
    if name.group == PARAM:
        return Sql(f"({table}.parameters ->> %s::text)", (name.key,)), False
    text, is_number = columns[name.key]
    return Sql(text), is_number


def _logged_condition(one: Comparison, datasets: Sequence[tuple[str, str]], status_of: Mapping[str, str]) -> Sql:
    if one.name.group == METRIC:
        inner = metric_compared(Sql("m.value"), one)
        return _on_datasets(f"m.key = %s AND {inner.text}", (one.name.key, *inner.values), datasets)
    if one.name.group == PARAM:
        return param_compared(f"{_LOGGED}.parameters", one)
    if one.name.group == TAG:
        return text_compared(Sql(f"({_LOGGED}.labels ->> %s::text)", (one.name.key,)), one)
    if one.name.key == "status":
        return Sql(f"{_LOGGED}.state = ANY(%s::text[])", (list(words_of(status_of, one)),))
    text, is_number = _OF_LOGGED[one.name.key]
    return (number_compared if is_number else text_compared)(Sql(text), one)


def _on_datasets(inner: str, values: tuple[Any, ...], datasets: Sequence[tuple[str, str]]) -> Sql:
    """Whether a metric of the model is so, on one of the datasets where any are named."""
    on, more = [], []
    for name, digest in datasets:
        on.append("(m.dataset_name = %s AND (%s = '' OR m.dataset_digest = %s))")
        more += [name, digest, digest]
    which = f" AND ({' OR '.join(on)})" if on else ""
    text = f"EXISTS (SELECT 1 FROM {_METRIC} m WHERE m.model_id = {_LOGGED}.id AND {inner}{which})"  # noqa: S608
    return Sql(text, (*values, *more))


def _latest(key: str, name: str, digest: str) -> Sql:
    """The latest value of a metric of the model."""
    return Sql(
        f"(SELECT m.value FROM {_METRIC} m WHERE m.model_id = {_LOGGED}.id AND m.key = %s"  # noqa: S608
        " AND (%s = '' OR m.dataset_name = %s) AND (%s = '' OR m.dataset_digest = %s)"
        " ORDER BY m.time_ms DESC, m.step DESC, m.id DESC LIMIT 1)",
        (key, name, name, digest, digest),
    )
