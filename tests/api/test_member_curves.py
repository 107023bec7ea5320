"""Curves of several runs, member by member, and parts of them by the clock of each run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.access.models import Project
from apps.access.states import Role
from apps.experiments.models import MetricBatch, Run
from apps.experiments.selectors import many_curves
from apps.experiments.services.segments import rows_merge
from apps.quotas.models import Attempt
from tests.support.factories.access import ProjectFactory, member
from tests.support.factories.experiments import MetricBatchFactory, next_attempt, run_of, started

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


def members(client: APIClient, *attempts: Attempt, **asked: Any) -> list[dict[str, Any]]:
    runs = [str(run_of(attempt).pk) for attempt in attempts]
    answer = client.get(f"{API}/member-metrics", {"run": runs, "key": ["loss"], **asked})
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["runs"]
    return found


def values(found: dict[str, Any], key: str = "loss") -> dict[int, list[float]]:
    return {one["member"]: one["series"][key]["values"] for one in found["members"] if key in one["series"]}


def test_each_member_has_a_curve_of_its_own(client: APIClient, project: Project) -> None:
    gang, alone = started(project=project, name="gang"), started(project=project, name="alone")
    for rank in (1, 0):
        for first in (1, 3):
            points = [(step, step + rank / 10) for step in (first, first + 1)]
            MetricBatchFactory.create(attempt=gang, rank=rank, points=points)
    MetricBatchFactory.create(attempt=gang, rank=2, key="other", points=[(1, 9.0)])
    MetricBatchFactory.create(attempt=alone)
    runs = [run_of(gang).pk, run_of(alone).pk]
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(f"{API}/member-metrics", {"run": runs, "key": ["loss"]})
    first, second = answer.json()["runs"]
    assert len(queries) == 3
    assert (first["name"], first["member_count"]) == ("gang", 2)
    assert values(first) == {0: [1.0, 2.0, 3.0, 4.0], 1: [1.1, 2.1, 3.1, 4.1]}
    assert first["members"][0]["series"]["loss"]["steps"] == [1, 2, 3, 4]
    assert (second["name"], second["member_count"], values(second)) == ("alone", 1, {0: [0.5, 0.25]})


def test_what_a_later_attempt_replaced_is_left_out_of_each(client: APIClient, project: Project) -> None:
    attempt = started(project=project)
    for rank in (0, 1):
        MetricBatchFactory.create(attempt=attempt, rank=rank, points=[(1, 1.0), (2, 2.0), (3, 3.0)])
    MetricBatchFactory.create(attempt=next_attempt(attempt), rank=1, points=[(3, 0.5)])
    Run.objects.filter(pk=run_of(attempt).pk).update(attempt_starts={"1": None, "2": 2})
    (found,) = members(client, attempt)
    assert values(found) == {0: [1.0, 2.0], 1: [1.0, 2.0, 0.5]}


def test_the_first_members_stand_for_more_than_anybody_tells_apart(
    client: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many_curves, "MEMBERS_MOST", 2)
    attempt, other = started(project=project), started(project=project)
    for rank in (5, 1, 3):
        MetricBatchFactory.create(attempt=attempt, rank=rank, points=[(1, float(rank))])
    MetricBatchFactory.create(attempt=other, rank=7, points=[(1, 7.0)])
    first, second = members(client, attempt, other)
    assert (first["member_count"], values(first)) == (3, {1: [1.0], 3: [3.0]})
    assert (second["member_count"], values(second)) == (1, {7: [7.0]})


def test_full_rows_of_each_member_are_read_as_finely_as_asked(client: APIClient, project: Project) -> None:
    attempt = started(project=project)
    for rank in (0, 1):
        for start in (0, 10_000):
            points = [(step, float(step + rank)) for step in range(start, start + 10_000)]
            MetricBatchFactory.create(attempt=attempt, rank=rank, points=points)
        rows_merge(list(MetricBatch.objects.filter(rank=rank).order_by("id").values_list("id", flat=True)))
    assert MetricBatch.objects.exclude(overview=None).count() == 2
    (found,) = members(client, attempt, buckets=5)
    for rank, each in values(found).items():
        assert len(each) <= 10
        assert (each[0], each[-1]) == (rank, 19_999.0 + rank)


@pytest.mark.parametrize("path", ["metrics", "member-metrics"])
def test_a_part_is_read_by_the_seconds_since_each_run_began(client: APIClient, project: Project, path: str) -> None:
    attempts = [started(project=project) for _ in range(2)]
    for attempt, zero in zip(attempts, (1000, 1005), strict=True):
        MetricBatchFactory.create(attempt=attempt, points=[(step, float(step)) for step in range(10)])
        Run.objects.filter(pk=run_of(attempt).pk).update(started_at=datetime.fromtimestamp(zero, UTC))
    asked = {"run": [run_of(attempt).pk for attempt in attempts], "key": "loss", "from_second": 2, "to_second": 3.5}
    found = client.get(f"{API}/{path}", asked).json()["runs"]
    series = [(run["members"][0] if "members" in run else run)["series"]["loss"]["steps"] for run in found]
    assert series == [[2, 3], [7, 8]]
    both = client.get(f"{API}/{path}", {**asked, "from_time": 1})
    assert both.status_code == 400


def test_a_run_that_is_not_seen_is_not_there(client: APIClient, project: Project) -> None:
    mine, other = started(project=project), started()
    asked = {"run": [run_of(mine).pk, run_of(other).pk], "key": "loss"}
    assert client.get(f"{API}/member-metrics", asked).status_code == 404
