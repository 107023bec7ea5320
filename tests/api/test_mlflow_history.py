"""Histories of metrics over MLflow's protocol."""

from __future__ import annotations

import math
from typing import Any

import pytest

from apps.access.states import Role
from apps.experiments.models import Run
from tests.api.test_mlflow_tracking import Caller
from tests.support.factories.experiments import MetricBatchFactory, next_attempt, run_of, started

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller() -> Caller:
    return Caller()


def keep(run: Run, *points: tuple[int, float], key: str = "loss") -> None:
    """Points that no attempt sent; the time of each is 1000 s and its step."""
    MetricBatchFactory.create(run=run, attempt=None, key=key, points=list(points))


def tracked(caller: Caller) -> Run:
    found: Run = Run.objects.get(pk=caller.run(caller.experiment(f"e{Run.objects.count()}")))
    return found


def history(caller: Caller, run: Run, **more: Any) -> Any:
    return caller.get("metrics/get-history", {"run_id": run.pk.hex, "metric_key": "loss", **more})


def test_a_history_is_in_order_of_time_each_point_once(caller: Caller) -> None:
    run = tracked(caller)
    keep(run, (3, 0.25), (1, math.nan))
    keep(run, (2, -math.inf), (3, 0.25))
    keep(run, (9, 1.0), key="auc")
    assert history(caller, run).json() == {
        "metrics": [
            {"key": "loss", "value": "NaN", "timestamp": 1_001_000, "step": 1},
            {"key": "loss", "value": "-Infinity", "timestamp": 1_002_000, "step": 2},
            {"key": "loss", "value": 0.25, "timestamp": 1_003_000, "step": 3},
        ]
    }
    assert history(caller, run, metric_key="none").json() == {"metrics": []}


def test_a_history_is_read_in_pages(caller: Caller) -> None:
    run = tracked(caller)
    keep(run, *((step, float(step)) for step in range(7)))
    seen: list[int] = []
    token = ""
    for _ in range(3):
        page = history(caller, run, max_results=3, **({"page_token": token} if token else {})).json()
        seen += [point["step"] for point in page["metrics"]]
        token = page.get("next_page_token", "")
    assert (seen, token) == (list(range(7)), "")
    for bad in ({"max_results": 0}, {"max_results": -1}, {"page_token": "?"}, {"metric_key": ""}):
        answer = history(caller, run, **bad)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), bad


def test_points_that_an_attempt_superseded_are_not_in_it(caller: Caller) -> None:
    attempt = started(project=caller.project)
    MetricBatchFactory.create(attempt=attempt, points=[(1, 1.0), (2, 2.0), (3, 3.0)])
    run = run_of(attempt)
    MetricBatchFactory.create(attempt=next_attempt(attempt), points=[(3, 0.5)])
    Run.objects.filter(pk=run.pk).update(attempt_starts={"1": None, "2": 2})
    found = [(point["step"], point["value"]) for point in history(caller, run).json()["metrics"]]
    assert found == [(1, 1.0), (2, 2.0), (3, 0.5)]


def test_who_does_not_see_the_run_finds_none(caller: Caller) -> None:
    hidden = tracked(Caller())
    for path in ("get-history", "get-history-bulk", "get-history-bulk-interval"):
        name = "run_ids" if path.endswith("interval") else "run_id"
        answer = caller.get(f"metrics/{path}", {name: hidden.pk.hex, "metric_key": "loss"})
        assert (answer.status_code, answer.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST"), path
    reader = Caller(Role.VIEWER, caller.project)
    run = tracked(caller)
    keep(run, (1, 1.0))
    assert len(history(reader, run).json()["metrics"]) == 1


def test_several_runs_are_sampled_at_the_same_steps(caller: Caller) -> None:
    long, short = tracked(caller), tracked(caller)
    keep(long, *((step, float(step)) for step in range(100)))
    keep(short, *((step, -float(step)) for step in range(0, 50, 7)))
    asked = {"run_ids": [long.pk.hex, short.pk.hex], "metric_key": "loss", "max_results": 10}
    points = caller.get("metrics/get-history-bulk-interval", asked).json()["metrics"]
    steps = {run: [point["step"] for point in points if point["run_id"] == run.pk.hex] for run in (long, short)}
    assert (steps[long][0], steps[long][-1], len(steps[long]) <= 14) == (0, 99, True)
    assert (steps[short][0], steps[short][-1]) == (0, 49)
    assert set(steps[short]) <= set(steps[long])
    part = caller.get("metrics/get-history-bulk-interval", {**asked, "start_step": 10, "end_step": 15}).json()
    assert [point["step"] for point in part["metrics"]] == [10, 11, 12, 13, 14, 15, 14]
    whole = caller.get("metrics/get-history-bulk", {"run_id": asked["run_ids"], "metric_key": "loss"}).json()
    assert len(whole["metrics"]) == 108


@pytest.mark.parametrize(
    "more",
    [
        {"max_results": 0},
        {"max_results": 2501},
        {"start_step": 1},
        {"start_step": 5, "end_step": 4},
        {"run_ids": []},
        {"run_ids": ["0" * 32] * 2 + [f"{number:032x}" for number in range(1, 101)]},
        {"metric_key": ""},
    ],
)
def test_what_cannot_be_sampled_is_refused(caller: Caller, more: dict[str, Any]) -> None:
    asked = {"run_ids": [tracked(caller).pk.hex], "metric_key": "loss", **more}
    answer = caller.get("metrics/get-history-bulk-interval", asked)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
