"""Why work waits and until when, what changes would take back, and what-ifs from question to answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.access.models import User
from apps.access.states import Role
from apps.common import clock, queues
from apps.quotas.models import Node, Queue, StartEstimate, WhatIf, Workload
from apps.quotas.services.admission import pool_admit
from apps.quotas.services.estimates import estimates_refresh
from apps.quotas.services.what_ifs import STUCK, what_if_answer, what_ifs_due, what_ifs_forget
from tests.support.factories.access import UserFactory, member
from tests.support.factories.quotas import (
    StartEstimateFactory,
    WhatIfFactory,
    WorkloadFactory,
    job_spec,
    make_pool,
    make_queue,
)
from tests.support.jobs import Sent, sent

__all__ = ["sent"]

pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture
def vision(sent: Sent) -> Queue:
    """Two devices, guaranteed to vision, which holds both."""
    queue = make_queue(make_pool(cores=64, memory=512, H200=2), cores=64, memory=512, gpus=2)
    for _ in range(2):
        wants(queue)
    pool_admit(queue.pool_id)
    sent.take()
    return queue


@pytest.fixture
def speech(vision: Queue) -> Queue:
    """Of the same pool, guaranteed nothing: it may use what is idle."""
    queue = make_queue(vision.pool, cores=0, memory=0, gpus=0)
    queue.quotas.update(borrowing_limit=None)
    return queue


@pytest.fixture
def superuser() -> User:
    made: User = UserFactory.create(is_superuser=True, is_staff=True)
    return made


def client_of(user: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def wants(queue: Queue, **kwargs: Any) -> Workload:
    spec = job_spec(gpus=1, flavor="H200", time_limit_seconds=600)
    made: Workload = WorkloadFactory.create(queue=queue, spec_object=spec, time_limit_seconds=600, **kwargs)
    return made


def test_why_says_what_is_in_the_way_until_when_and_how_good_that_is(vision: Queue, speech: Queue) -> None:
    waiting = wants(speech)
    pool_admit(vision.pool_id)
    estimates_refresh(vision.pool_id)
    found = client_of(member(speech.project, Role.VIEWER)).get(f"{API}/workloads/{waiting.pk}/why").json()
    assert (found["state"], found["reason"]) == ("pending", Workload.objects.get(pk=waiting.pk).state_reason)
    assert found["detail"].startswith("Waiting: ")
    assert (found["place"]["position"], found["place"]["queue_position"]) == (1, 1)
    assert found["kind"] in ("quota", "machines")
    if found["bound"] is not None:
        assert (found["bound"]["resource"], found["bound"]["left"]) == ("gpus", 0)
        assert found["bound"]["needed"] == 1
    assert found["free"] == [{"flavor": "H200", "devices": 0, "members": 0}]
    assert found["estimate"]["low_at"] <= found["estimate"]["start_at"] <= found["estimate"]["high_at"]
    assert len(found["history"]) == 1
    assert found["history"][0]["is_first"] is True
    assert found["accuracy"]["count"] == 0
    assert found["accuracy"]["median_error_seconds"] is None


def test_the_limit_of_its_own_queue_is_named_with_its_numbers(vision: Queue) -> None:
    waiting = wants(vision)
    found = client_of(member(vision.project, Role.VIEWER)).get(f"{API}/workloads/{waiting.pk}/why").json()
    assert found["kind"] == "quota"
    assert found["bound"] == {
        "kind": "queue",
        "id": str(vision.pk),
        "name": vision.project.name,
        "resource": "gpus",
        "flavor": "",
        "nominal": 2.0,
        "limit": 2.0,
        "held": 2.0,
        "left": 0.0,
        "needed": 1.0,
    }
    assert found["borrowers"] == []
    assert found["possible_at"] is not None


def test_who_borrows_what_it_waits_for_is_named_in_devices(vision: Queue, speech: Queue) -> None:
    vision.quotas.filter(resource="gpus").update(nominal=1, borrowing_limit=None)
    waiting = wants(speech)
    found = client_of(member(speech.project, Role.VIEWER)).get(f"{API}/workloads/{waiting.pk}/why").json()
    assert found["borrowers"] == [
        {"kind": "queue", "id": str(vision.pk), "name": vision.project.name, "amount": 1.0},
    ]


def test_what_could_never_start_is_told_the_largest_that_could(vision: Queue) -> None:
    spec = job_spec(gpus=4, flavor="H200", time_limit_seconds=600)
    waiting = WorkloadFactory.create(queue=vision, spec_object=spec, is_held=True, state_reason="quality_blocked")
    found = client_of(member(vision.project, Role.VIEWER)).get(f"{API}/workloads/{waiting.pk}/why").json()
    assert (found["place"], found["estimate"]) == (None, None)
    assert found["never"]["reason"] == "exceeds_quota"
    (said,) = found["never"]["message"]
    assert said["code"] == "refused_too_large"
    assert {name: amounts[0]["value"] for name, amounts in said["params"].items()} == {"needs": 4, "most": 2}
    fits = client_of(member(vision.project, Role.VIEWER)).get(f"{API}/workloads/{wants(vision).pk}/why").json()
    assert fits["never"] is None


def test_what_does_not_wait_has_its_past_estimates_and_nothing_in_its_way(vision: Queue) -> None:
    running = Workload.objects.filter(queue=vision).earliest("created_at")
    at = clock.db_now()
    made = StartEstimateFactory.create(workload=running)
    StartEstimate.objects.filter(pk=made.pk).update(started_at=at, error_seconds=-90.0, inside=True)
    found = client_of(member(vision.project, Role.VIEWER)).get(f"{API}/workloads/{running.pk}/why").json()
    assert [found[name] for name in ("place", "kind", "bound", "borrowers", "free", "estimate")] == [
        None,
        None,
        None,
        [],
        [],
        None,
    ]
    assert (found["history"][0]["error_seconds"], found["history"][0]["inside"]) == (-90.0, True)
    accuracy = found["accuracy"]
    assert (accuracy["count"], accuracy["median_error_seconds"], accuracy["median_lateness_seconds"]) == (1, 90, -90)
    assert accuracy["coverage_ratio"] == 1.0


def test_why_takes_as_many_queries_whatever_waits(vision: Queue) -> None:
    waiting, client = wants(vision), client_of(member(vision.project, Role.VIEWER))
    with CaptureQueriesContext(connection) as few:
        client.get(f"{API}/workloads/{waiting.pk}/why")
    for _ in range(10):
        wants(vision)
    with CaptureQueriesContext(connection) as many:
        client.get(f"{API}/workloads/{waiting.pk}/why")
    assert len(many) == len(few) <= 24


def test_the_line_shows_when_each_is_expected_to_start(vision: Queue) -> None:
    first, second = wants(vision), wants(vision)
    StartEstimateFactory.create(workload=first)
    found = client_of(member(vision.project, Role.VIEWER)).get(f"{API}/pools/{vision.pool_id}/queue").json()
    rows = {row["holder"]["workload"]: row["estimate"] for row in found["waiting"]}
    assert set(rows[str(first.pk)]) == {"made_at", "start_at", "low_at", "high_at"}
    assert rows[str(second.pk)] is None


def swap(vision: Queue, speech: Queue) -> list[dict[str, Any]]:
    """One device of vision's two is guaranteed to speech."""
    one = {"kind": "quota", "resource": "gpus", "nominal": 1, "borrowing_limit": None}
    return [{**one, "queue": str(vision.pk)}, {**one, "queue": str(speech.pk)}]


def test_what_a_quota_below_usage_would_take_back_is_shown_first(vision: Queue, speech: Queue, superuser: User) -> None:
    Workload.objects.filter(queue=vision).update(admitted_at=clock.db_now() - timedelta(hours=1))
    client, path = client_of(superuser), f"{API}/pools/{vision.pool_id}/reclaims"
    idle = client.post(path, {"changes": swap(vision, speech)}, format="json").json()["reclaims"]
    assert [(one["project_name"], one["members"], one["now"]) for one in idle] == [(vision.project.name, 1, False)]
    wants(speech)
    wanted = client.post(path, {"changes": swap(vision, speech)}, format="json").json()["reclaims"]
    assert [(one["queue"], one["members"], one["now"]) for one in wanted] == [(str(vision.pk), 1, True)]
    assert set(Workload.objects.filter(queue=vision).values_list("state", flat=True)) == {"admitted"}
    assert vision.quotas.get(resource="gpus").nominal == 2


def test_a_what_if_is_answered_in_the_background_and_changes_nothing(
    vision: Queue, speech: Queue, superuser: User, sent: Sent
) -> None:
    Workload.objects.filter(queue=vision).update(admitted_at=clock.db_now() - timedelta(minutes=6))
    waiting = wants(speech)
    Workload.objects.filter(pk=waiting.pk).update(created_at=clock.db_now() - timedelta(minutes=2))
    client = client_of(superuser)
    body = {"changes": swap(vision, speech), "hours": 0}
    asked = client.post(f"{API}/pools/{vision.pool_id}/what-if", body, format="json")
    assert asked.status_code == 202, asked.content
    row = WhatIf.objects.get()
    assert (asked.json()["id"], asked.json()["state"], asked.json()["result"]) == (str(row.pk), "queued", None)
    assert sent.take() == [(queues.WHAT_IF, str(row.pk))]
    assert what_ifs_due() == [row.pk]
    what_if_answer(row.pk)
    what_if_answer(row.pk)
    answer = client.get(f"{API}/what-ifs/{row.pk}").json()
    assert (answer["state"], answer["changes"]) == ("succeeded", swap(vision, speech))
    result = answer["result"]
    assert (result["before"]["preemptions"], result["after"]["preemptions"]) == (0, 1)
    (moved,) = result["workloads"]
    assert (moved["workload"], moved["workload_name"]) == (str(waiting.pk), waiting.name)
    assert moved["start_after_at"] < moved["start_before_at"]
    mine = next(one for one in result["queues"] if one["queue"] == str(speech.pk))
    assert mine["after"]["mean_wait_seconds"] < mine["before"]["mean_wait_seconds"]
    for of in (result["before"], mine["after"]):
        assert 0 <= of["p50_wait_seconds"] <= of["p90_wait_seconds"] <= of["p99_wait_seconds"]
    assert [one["now"] for one in result["reclaims"]] == [True]
    assert (result["is_cut"], result["waiting_now"], result["arrivals"]) == (False, 1, 0)
    assert set(Workload.objects.filter(queue=vision).values_list("state", flat=True)) == {"admitted"}


def test_the_work_of_the_past_hours_comes_again_or_is_all_there_is(vision: Queue, superuser: User) -> None:
    node = Node.objects.get(pool=vision.pool_id)
    change = {"kind": "add_nodes", "like": str(node.pk), "count": 1}
    for basis in ("now", "ledger"):
        body = {"changes": [change], "hours": 2, "basis": basis}
        asked = client_of(superuser).post(f"{API}/pools/{vision.pool_id}/what-if", body, format="json")
        what_if_answer(asked.json()["id"])
        row = WhatIf.objects.get(pk=asked.json()["id"])
        assert (row.state, row.state_reason) == ("succeeded", "")
        assert row.result["arrivals"] == 2
        assert row.result["queues"][0]["after"]["started"] == 2


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "weight", "weight": 1.0},
        {"kind": "weight", "queue": "0198c0de-0000-7000-8000-000000000000", "weight": 1.0},
        {"kind": "quota", "queue": "mine"},
        {"kind": "quota", "queue": "mine", "resource": "gpus", "nominal": 1, "lending_limit": 2},
        {"kind": "priority", "workload": "0198c0de-0000-7000-8000-000000000000", "priority": 1},
        {"kind": "remove_nodes", "nodes": []},
        {"kind": "magic"},
    ],
)
def test_changes_that_cannot_be_made_are_refused(vision: Queue, superuser: User, change: dict[str, Any]) -> None:
    mine = {**change, "queue": str(vision.pk)} if change.get("queue") == "mine" else change
    for verb in ("what-if", "reclaims"):
        path = f"{API}/pools/{vision.pool_id}/{verb}"
        assert client_of(superuser).post(path, {"changes": [mine]}, format="json").status_code == 400
    assert not WhatIf.objects.exists()


def test_a_what_if_about_something_that_is_gone_fails_and_says_why(db: None) -> None:
    row = WhatIfFactory.create()
    Queue.objects.filter(pool=row.pool).delete()
    what_if_answer(row.pk)
    row.refresh_from_db()
    assert (row.state, row.state_reason) == ("failed", "changed_meanwhile")


def test_what_a_worker_left_half_done_is_given_up_and_old_answers_go(db: None) -> None:
    now = clock.db_now()
    stuck, old, fresh = (WhatIfFactory.create() for _ in range(3))
    WhatIf.objects.filter(pk=stuck.pk).update(state="running", began_at=now - 2 * STUCK)
    WhatIf.objects.filter(pk=old.pk).update(expires_at=now - timedelta(seconds=1))
    what_ifs_forget()
    found = dict(WhatIf.objects.values_list("pk", "state"))
    assert found == {stuck.pk: "failed", fresh.pk: "queued"}


def test_so_many_questions_at_a_time(vision: Queue, superuser: User) -> None:
    for _ in range(10):
        WhatIfFactory.create(pool=vision.pool)
    body = {"changes": [{"kind": "weight", "queue": str(vision.pk), "weight": 2.0}]}
    asked = client_of(superuser).post(f"{API}/pools/{vision.pool_id}/what-if", body, format="json")
    assert asked.status_code == 400


def test_a_long_list_of_changes_is_refused_before_anything_is_looked_up(vision: Queue, superuser: User) -> None:
    client = client_of(superuser)
    body = {"changes": [{"kind": "nonsense"}] * 101}
    for verb in ("what-if", "reclaims"):
        with CaptureQueriesContext(connection) as asked:
            answer = client.post(f"{API}/pools/{vision.pool_id}/{verb}", body, format="json")
        assert answer.status_code == 400
        assert "100" in str(answer.json())
        assert "nonsense" not in str(answer.json()), "the rows of the list are not gone through"
        assert not [one for one in asked.captured_queries if "quotas_node" in one["sql"]]
