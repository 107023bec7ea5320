"""Beside a run on its page: attempts with how they ended, what they used; and the curves of several runs."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.access.models import Project
from apps.access.states import Role
from apps.common import clock
from apps.common.models import Transition
from apps.experiments.models import MetricBatch, Run
from apps.experiments.services.segments import rows_merge
from apps.experiments.services.summaries import summary_add
from apps.quotas.models import Attempt
from apps.quotas.services.member_usage import usage_keep
from apps.quotas.services.reports import environment_note
from tests.support.factories.access import ProjectFactory, member
from tests.support.factories.experiments import (
    ExperimentFactory,
    MetricBatchFactory,
    RunFactory,
    next_attempt,
    run_of,
    started,
)

pytestmark = pytest.mark.django_db
API = "/api/v1/runs"


@pytest.fixture
def project() -> Project:
    found: Project = ProjectFactory.create()
    return found


@pytest.fixture
def client(project: Project) -> APIClient:
    made = APIClient()
    made.force_authenticate(member(project, Role.VIEWER))
    return made


def curve(client: APIClient, run: Run, key: str, **asked: Any) -> dict[str, list[float]]:
    found = client.get(f"{API}/metrics", {"run": [str(run.pk)], "key": [key], **asked}).json()
    series: dict[str, list[float]] = found["runs"][0]["series"][key]
    return series


def test_curves_of_several_runs_in_two_queries(client: APIClient, project: Project) -> None:
    attempts = [started(project=project, name=f"run-{number}") for number in range(6)]
    for number, attempt in enumerate(attempts):
        MetricBatchFactory.create(attempt=attempt, key="loss", points=[(2, 0.2), (1, float(number))])
    runs = [run_of(attempt) for attempt in attempts]
    wanted = [str(run.pk) for run in reversed(runs)]
    with CaptureQueriesContext(connection) as queries:
        found = client.get(f"{API}/metrics", {"run": wanted, "key": ["loss", "none"]}).json()["runs"]
    assert len(queries) == 2
    assert [one["run"] for one in found] == wanted
    assert [one["name"] for one in found] == [f"run-{number}" for number in reversed(range(6))]
    assert found[0]["series"] == {
        "loss": {"steps": [1, 2], "values": [5.0, 0.2], "times": [1001.0, 1002.0]},
        "none": {"steps": [], "values": [], "times": []},
    }


def test_a_curve_is_thin_and_keeps_its_extremes(client: APIClient, project: Project) -> None:
    attempt = started(project=project)
    values = [0.0] * 5000
    values[1234], values[4321] = 9.0, -9.0
    MetricBatchFactory.create(attempt=attempt, points=list(enumerate(values)))
    thin = curve(client, run_of(attempt), "loss", buckets=10)
    assert len(thin["steps"]) <= 20
    assert (max(thin["values"]), min(thin["values"])) == (9.0, -9.0)
    assert (thin["steps"][0], thin["steps"][-1]) == (0, 4999)


def test_previews_stand_for_many_points_unless_some_are_superseded(client: APIClient, project: Project) -> None:
    attempt = started(project=project)
    for start in (0, 10_000):
        points = [(step, float(step)) for step in range(start, start + 10_000)]
        MetricBatchFactory.create(attempt=attempt, points=points)
    rows_merge(list(MetricBatch.objects.order_by("id").values_list("id", flat=True)))
    assert MetricBatch.objects.exclude(overview=None).count() == 1
    run = run_of(attempt)
    assert curve(client, run, "loss")["steps"][-1] == 19_999
    MetricBatchFactory.create(attempt=next_attempt(attempt), points=[(12_001, 0.5)])
    Run.objects.filter(pk=run.pk).update(attempt_starts={"1": None, "2": 12_000})
    assert curve(client, run, "loss")["steps"][-2:] == [12_000, 12_001]


def test_a_part_of_several_curves_is_read_by_step_or_time(client: APIClient, project: Project) -> None:
    attempt = started(project=project)
    MetricBatchFactory.create(attempt=attempt, points=[(step, float(step)) for step in range(10)])
    run = run_of(attempt)
    assert curve(client, run, "loss", from_step=3, to_step=5)["steps"] == [3, 4, 5]
    assert curve(client, run, "loss", from_time=1008.0)["steps"] == [8, 9]


def test_what_json_has_no_number_for_is_told_as_text(client: APIClient, project: Project) -> None:
    attempt = started(project=project)
    MetricBatchFactory.create(attempt=attempt, points=[(1, math.nan), (2, 0.5), (3, -math.inf)])
    assert curve(client, run_of(attempt), "loss")["values"] == ["NaN", 0.5, "-Infinity"]
    own = client.get(f"{API}/{run_of(attempt).pk}/metrics").json()["series"]["loss"]
    assert own["values"] == ["NaN", 0.5, "-Infinity"]


@pytest.mark.parametrize("goal, best, step", [("", 0.25, 1), ("max", 0.75, 2)])
def test_a_summary_says_the_best_by_the_goal_of_the_experiment(
    client: APIClient, project: Project, goal: str, best: float, step: int
) -> None:
    experiment = ExperimentFactory.create(project=project, goal_metric="loss", goal_mode=goal)
    run = RunFactory.create(project=project, experiment=experiment)
    summary_add(run.summary, "loss", [1, 2, 3], [0.25, 0.75, math.nan])
    run.save(update_fields=["summary"])
    for found in (client.get(f"{API}/{run.pk}").json(), client.get(API).json()["results"][0]):
        entry = found["summary"]["loss"]
        assert (entry["last"], entry["best"], entry["best_step"], entry["not_finite"]) == ("NaN", best, step, 1)


def test_a_run_that_is_not_seen_is_not_there(client: APIClient, project: Project) -> None:
    run, hidden = RunFactory.create(project=project), RunFactory.create()
    asked = {"run": [str(run.pk), str(hidden.pk)], "key": "loss"}
    assert client.get(f"{API}/metrics", asked).status_code == 404


@pytest.mark.parametrize(
    "asked",
    [{"key": "loss"}, {"run": "no"}, {"run": [str(number) for number in range(21)]}, {"buckets": 1}, {"buckets": 1001}],
    ids=str,
)
def test_what_cannot_be_asked_is_refused(client: APIClient, project: Project, asked: dict[str, Any]) -> None:
    run = RunFactory.create(project=project)
    whole = asked if "key" in asked else {"run": str(run.pk), "key": "loss", **asked}
    assert client.get(f"{API}/metrics", whole).status_code == 400


def test_attempts_say_how_they_ended(client: APIClient, project: Project) -> None:
    first = started(project=project)
    run = run_of(first)
    environment_note(first, {"python": "3.11.7", "platform": "", "hostname": "", "cpu_count": 2, "torch": None,
                             "gpus": [], "driver": "", "git_commit": "", "packages": {"numpy": "2.2"}})  # fmt: skip
    failed = {"outcome": "exit_nonzero", "exit_code": 1, "result": {"error": {"detail": "ValueError: no"}}}
    second = next_attempt(first)
    Attempt.objects.filter(pk=first.pk).update(outcome="node_lost")
    Attempt.objects.filter(pk=second.pk).update(ended_at=clock.now(), **failed)
    Run.objects.filter(pk=run.pk).update(attempt_starts={"1": None, "2": 50})
    steps = [("admitted", ""), ("launching", ""), ("running", ""), ("pending", "The node was lost."),
             ("admitted", ""), ("launching", ""), ("failed", "The script ended with status 1.")]  # fmt: skip
    states = ["pending", *(to for to, _ in steps)]
    for (to, detail), before in zip(steps, states, strict=False):
        Transition.objects.create(
            noun="workload", object_id=run.workload_id, from_state=before, to_state=to, detail=detail, actor_kind="user"
        )
    one, two = client.get(f"{API}/{run.pk}/attempts").json()
    assert (one["number"], one["outcome"], one["detail"], one["error"]) == (1, "node_lost", "The node was lost.", "")
    assert one["environment"]["packages"] == {"numpy": "2.2"}
    assert (two["number"], two["outcome"], two["exit_code"]) == (2, "exit_nonzero", 1)
    assert (two["detail"], two["error"]) == ("The script ended with status 1.", "ValueError: no")
    assert (one["continued_from_step"], two["continued_from_step"]) == (None, 50)
    assert two["environment"] is None


def test_a_run_without_attempts_has_none(client: APIClient, project: Project) -> None:
    run = RunFactory.create(project=project)
    assert client.get(f"{API}/{run.pk}/attempts").json() == []
    assert client.get(f"{API}/{run.pk}/system-metrics").json() == {"attempt": None, "number": None, "members": []}


def test_what_an_attempt_used(client: APIClient, project: Project) -> None:
    first = started(project=project)
    run = run_of(first)
    now = clock.now()
    gpu = {"index": 0, "utilisation_ratio": 0.5, "memory_bytes": 100}
    for number in range(3):
        at = now + timedelta(seconds=5 * number)
        usage_keep(first.pk, rank=0, sample={"cpu_ratio": number, "memory_bytes": 10, "gpus": [gpu]}, at=at)
    second = next_attempt(first)
    latest = client.get(f"{API}/{run.pk}/system-metrics").json()
    assert latest == {"attempt": str(second.pk), "number": 2, "members": []}
    found = client.get(f"{API}/{run.pk}/system-metrics", {"attempt": str(first.pk)}).json()
    (used,) = found["members"]
    assert (used["rank"], used["cpu_cores"], used["memory_bytes"]) == (0, [0.0, 1.0, 2.0], [10.0] * 3)
    assert used["gpus"] == [{"index": 0, "utilisation_ratio": [0.5] * 3, "memory_bytes": [100.0] * 3}]
    other = started()
    assert client.get(f"{API}/{run.pk}/system-metrics", {"attempt": str(other.pk)}).status_code == 404
