"""The grammar of MLflow's searches: what is written is read back, and PostgreSQL finds what plain Python finds."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.experiments.api.mlflow.shapes import STATUS_OF, tags_of, user_of
from apps.experiments.api.mlflow.wire import ms_of
from apps.experiments.models import Run
from apps.experiments.search.grammar import (
    ATTRIBUTE,
    DATASET,
    LISTS,
    METRIC,
    NULLS,
    NUMERIC,
    PARAM,
    PATTERNS,
    TAG,
    TEXTUAL,
    Comparison,
    Name,
    Order,
    filter_of,
    filter_text,
    order_of,
    order_text,
)
from apps.experiments.search.words import BadSearch
from apps.experiments.selectors.run_search import RUNS, runs_found
from apps.experiments.selectors.said_sql import is_like
from apps.experiments.services.run_facts import text_of
from apps.experiments.states import RunKind, RunState
from tests.support.factories.experiments import ExperimentFactory, RunFactory

QUIETLY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""However busy the machine is."""
TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
KEY = TEXT.filter(bool)
NUMBERS = sorted(set(RUNS.numbers.values()))
TEXTS = sorted(set(RUNS.texts.values()))


def comparison(name: st.SearchStrategy[Name], operators: tuple[str, ...], text: Any) -> st.SearchStrategy[Comparison]:
    def of(pair: tuple[Name, str]) -> st.SearchStrategy[Comparison]:
        one, sign = pair
        if sign in NULLS:
            return st.just(Comparison(one, sign, None))
        if sign in LISTS:
            return st.lists(text, min_size=1, max_size=3).map(lambda each: Comparison(one, sign, tuple(each)))
        return text.map(lambda each: Comparison(one, sign, each))

    return st.tuples(name, st.sampled_from(operators)).flatmap(of)


def any_comparison(keys: Any = KEY, texts: Any = TEXT, numbers: Any = FINITE) -> st.SearchStrategy[Comparison]:
    metrics = st.builds(Name, st.just(METRIC), keys) | st.builds(Name, st.just(ATTRIBUTE), st.sampled_from(NUMBERS))
    said = (
        st.builds(Name, st.sampled_from([PARAM, TAG]), keys)
        | st.builds(Name, st.just(ATTRIBUTE), st.sampled_from(TEXTS))
        | st.builds(Name, st.just(DATASET), st.sampled_from(RUNS.dataset_keys))
    )
    return comparison(metrics, NUMERIC, numbers) | comparison(said, TEXTUAL, texts)


@QUIETLY
@given(st.lists(any_comparison(), max_size=5))
def test_what_is_written_is_read_back(asked: list[Comparison]) -> None:
    assert filter_of(filter_text(asked), RUNS) == asked


@QUIETLY
@given(st.builds(Order, st.builds(Name, st.sampled_from([METRIC, PARAM, TAG]), KEY), st.booleans()))
def test_an_order_is_read_back(order: Order) -> None:
    assert order_of(order_text(order), RUNS) == order


@QUIETLY
@given(st.text(max_size=40))
def test_nothing_else_than_a_refusal_comes_of_any_text(text: str) -> None:
    for read in (filter_of, order_of):
        with contextlib.suppress(BadSearch):
            read(text, RUNS)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("metrics.auc>=1e-3", "metric.`auc` >= 0.001"),
        ("metric.`a b` = 1 and tag.x != 'y'", "metric.`a b` = 1.0 AND tag.`x` != 'y'"),
        ('params."my lr" like "%\'%"', "parameter.`my lr` LIKE '%''%'"),
        ("status = 'RUNNING'", "attribute.`status` = 'RUNNING'"),
        ("run name ILIKE 'a'", "attribute.`run_name` ILIKE 'a'"),
        ("attr.Created > 3", "attribute.`start_time` > 3.0"),
        ("run.run_id IN ('a','b')", "attribute.`run_id` IN ('a', 'b')"),
        ("tags.`mlflow.user` IS NOT NULL", "tag.`mlflow.user` IS NOT NULL"),
        ("", ""),
    ],
)  # fmt: skip
def test_the_forms_that_clients_write(text: str, same: str) -> None:
    assert filter_text(filter_of(text, RUNS)) == same


@pytest.mark.parametrize(
    "text",
    [
        "metrics.a",
        "metrics.a > 'x'",
        "metrics.a LIKE 'x'",
        "params.a > 3",
        "params.a = 3",
        "params.a = 'x",
        "params.a = 'x' OR params.b = 'y'",
        "params.a = 'x' AND",
        "params. = 'x'",
        "nothing.a = 'x'",
        "nothing = 'x'",
        "dataset.schema = 'x'",
        "run_id IN ()",
        "run_id IN ('a' 'b')",
        "params.a = 'a\x00'",
        " AND ".join(["params.a = 'x'"] * 101),
        "params.a = '" + "x" * 20_001 + "'",
    ],
)
def test_what_is_no_search_is_refused(text: str) -> None:
    with pytest.raises(BadSearch):
        filter_of(text, RUNS)


FLOATS: dict[str, Any] = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "=": operator.eq, "!=": operator.ne,
}  # fmt: skip


def found_plainly(run: Run, one: Comparison) -> bool:
    """What the comparison means, of one run."""
    if one.name.group == DATASET:
        return any(_holds(_of_dataset(each, one.name.key), one) for each in run.inputs.all())
    return _holds(_value(run, one.name), one)


def _value(run: Run, name: Name) -> Any:
    if name.group == METRIC:
        entry = run.summary.get(name.key)
        return None if entry is None else FLOATS.get(entry["last"], entry["last"])
    if name.group == PARAM:
        return text_of(run.parameters[name.key]) if name.key in run.parameters else None
    if name.group == TAG:
        return tags_of(run).get(name.key)
    return {
        "run_id": run.pk.hex,
        "run_name": run.name,
        "status": STATUS_OF[run.state],
        "user_id": user_of(run),
        "artifact_uri": f"mlflow-artifacts:/{run.experiment_id.hex}/{run.pk.hex}/artifacts",
        "start_time": ms_of(run.started_at),
        "end_time": ms_of(run.ended_at),
    }[name.key]


def _of_dataset(said: Any, key: str) -> Any:
    if key == "name":
        return said.name
    if key == "digest":
        return said.document.get("digest")
    return said.document.get("tags", {}).get("mlflow.data.context")


def _holds(value: Any, one: Comparison) -> bool:
    if one.operator in NULLS:
        return (value is None) == (one.operator == "IS NULL")
    if value is None:
        return False
    if one.operator in LISTS and isinstance(one.value, tuple):
        return (value in one.value) == (one.operator == "IN")
    if one.operator in PATTERNS:
        return is_like(value, str(one.value), is_exact=one.operator == "LIKE")
    return SIGNS[one.operator](value, one.value)


def _entry(value: Any) -> dict[str, Any]:
    return {"last": value, "last_step": 1, "last_time": 0.0}


@pytest.fixture
def runs(db: None) -> list[Run]:
    experiment = ExperimentFactory.create()
    at = datetime(2026, 1, 1, tzinfo=UTC)
    rows: list[dict[str, Any]] = [
        {"summary": {"a": _entry(0.5), "b c": _entry(-1)}, "parameters": {"a": "1"}, "labels": {"a": "x%y"}},
        {"summary": {"a": _entry("NaN")}, "parameters": {"a": 1, "b c": True}, "notes": "why"},
        {"summary": {"a": _entry("Infinity"), "b c": _entry("-Infinity")}, "labels": {"mlflow.user": "ada"}},
        {"summary": {"a": _entry(1)}, "parameters": {"a": "A_'b", "b c": ""}, "labels": {"a": "x", "b c": "Ü"}},
        {},
    ]
    states = (RunState.RUNNING, RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED, RunState.RUNNING)
    made: list[Run] = []
    for number, (row, state) in enumerate(zip(rows, states, strict=True)):
        ended = None if state == RunState.RUNNING else at + timedelta(hours=number)
        times = {"started_at": at + timedelta(minutes=number), "ended_at": ended}
        values = {"kind": RunKind.TRACKED, "name": f"x{number}", "state": state, **times, **row}
        made.append(
            RunFactory.create(project=experiment.project, experiment=experiment, dataset_version=None, **values)
        )
    for run in made[:2]:
        document = {"digest": f"d{run.name}", "tags": {"mlflow.data.context": "training"}}
        scope = {"project": run.project, "organisation": run.organisation, "team": run.team}
        run.inputs.create(name="loans", document=document, **scope)
    return made


KEYS_THERE = st.sampled_from(["a", "b c", "none", "mlflow.user", "mlflow.runName", "mlflow.note.content"])
TEXTS_THERE = st.sampled_from(
    ["1", "x", "x%y", "x%", "%y", "_", "", "true", "Ü", "ü", "A_'b", "FINISHED", "%I%", "loans", "x1"]
)
NUMBERS_THERE = st.sampled_from([0.5, 1.0, -1.0, 0.0, 1767225600000.0, 1767225660000.0])


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(asked=st.lists(any_comparison(KEYS_THERE, TEXTS_THERE, NUMBERS_THERE), min_size=1, max_size=2))
def test_postgresql_finds_what_plain_python_finds(runs: list[Run], asked: list[Comparison]) -> None:
    rows = Run.objects.filter(experiment=runs[0].experiment_id)
    found = {run.name for run in runs_found(rows, asked, [], STATUS_OF)}
    assert found == {run.name for run in runs if all(found_plainly(run, one) for one in asked)}


def test_numbers_are_ordered_with_nan_and_nothing_last(runs: list[Run]) -> None:
    def names(text: str) -> list[str]:
        rows = Run.objects.filter(experiment=runs[0].experiment_id)
        return [run.name for run in runs_found(rows, [], [order_of(text, RUNS)], STATUS_OF)]

    assert names("metrics.a") == ["x0", "x3", "x2", "x1", "x4"]
    assert names("metrics.a DESC") == ["x2", "x3", "x0", "x1", "x4"]
    assert names("params.`b c` DESC") == ["x1", "x3", "x4", "x2", "x0"]
    assert names("attribute.start_time ASC") == ["x0", "x1", "x2", "x3", "x4"]
    assert names("status ASC") == ["x2", "x1", "x3", "x4", "x0"]
