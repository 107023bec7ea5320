"""The public API of quotas: what it says, what it takes, and what it refuses."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from rest_framework.test import APIClient
from uuid6 import uuid7

from apps.access.models import Project, User
from apps.access.states import Role
from apps.common.audit import Actor
from apps.common.models import AuditEvent
from apps.quotas.models import Queue, Quota, Workload
from apps.quotas.services.workloads import workload_stop
from tests.support.factories.access import ProjectFactory, UserFactory, member
from tests.support.factories.quotas import (
    AttemptFactory,
    LogChunkFactory,
    WorkloadFactory,
    make_pool,
    make_queue,
    serving,
)
from tests.support.jobs import admit, sent

__all__ = ["sent"]
pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture
def project(settings: Any) -> Project:
    settings.BEDPLATE_BACKEND = "fake"
    made: Project = ProjectFactory.create()
    return made


@pytest.fixture
def editor(project: Project) -> User:
    return member(project, Role.EDITOR)


def client(user: User) -> APIClient:
    made = APIClient()
    made.force_authenticate(user)
    return made


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


# Pools, queues and quotas ---------------------------------------------------------------------------------------


def test_a_pool_shows_its_machines_and_kinds_of_gpu(editor: User) -> None:
    pool = make_pool(cores=4, memory=2, H200=1)
    api = client(editor)
    told = api.get(f"{API}/pools", {"name": "local"}).json()["results"][0]
    assert told == api.get(f"{API}/pools/{pool.pk}").json()
    named = {"id": str(pool.pk), "name": "local", "backend": "fake", "organisation": None, "organisation_name": None}
    assert told | named == told
    assert (told["half_life_seconds"], told["preemption"], told["changes_need_approval"]) == (86_400, True, False)
    [node] = api.get(f"{API}/nodes", {"pool": str(pool.pk)}).json()["results"]
    assert (node["name"], node["cpu_millis"], node["memory_bytes"], node["ready"]) == ("node-0", 4000, 2 << 30, True)
    assert [gpu["flavor"] for gpu in node["gpus"]] == ["H200"]
    [flavor] = api.get(f"{API}/flavors").json()["results"]
    assert (flavor["name"], flavor["gpu_model"], flavor["simulated"]) == ("H200", "NVIDIA H200", False)


def test_a_pool_of_another_organisation_is_not_there(editor: User) -> None:
    pool = make_pool()
    other = UserFactory.create().organisation
    type(pool).objects.filter(pk=pool.pk).update(organisation=other)
    api = client(editor)
    assert ids(api.get(f"{API}/pools")) == ids(api.get(f"{API}/nodes")) == []
    assert api.get(f"{API}/pools/{pool.pk}").status_code == 404


def test_a_project_gets_its_queue_when_queues_are_listed(project: Project, editor: User) -> None:
    ProjectFactory.create()
    assert ids(client(editor).get(f"{API}/queues")) == [], "there is no machine yet"
    make_pool(cores=4, memory=2)
    [queue] = client(editor).get(f"{API}/queues").json()["results"]
    assert queue["project"] == str(project.pk)
    guaranteed = {quota["resource"]: (quota["nominal"], quota["borrowing_limit"]) for quota in queue["quotas"]}
    assert guaranteed == dict.fromkeys(("cpu_millis", "memory_bytes", "gpus"), (0, None)), (
        "nothing, and all that is idle"
    )
    assert ids(client(editor).get(f"{API}/queues")) == [queue["id"]]
    assert Queue.objects.count() == 1


def test_an_administrator_sets_a_quota_and_says_it_twice(project: Project) -> None:
    queue = make_queue(make_pool(), project)
    root = UserFactory.create(is_superuser=True)
    wanted = {"queue": str(queue.pk), "resource": "gpus", "flavor": "H200", "nominal": 4}
    first, second = (client(root).put(f"{API}/quotas", wanted) for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert first.json() | wanted == first.json()
    assert Quota.objects.filter(queue=queue, flavor="H200").count() == 1
    limits = {"borrowing_limit": 0, "lending_limit": None, "weight": None}
    assert AuditEvent.objects.filter(action="quota.set", project_id=project.pk).first().detail == {
        "resource": "gpus",
        "flavor": "H200",
        "nominal": 4,
        "was": None,
        "of": str(queue),
        "before": None,
        "after": {"nominal": 4, **limits},
    }
    assert ids(client(root).get(f"{API}/quotas", {"flavor": "H200"})) == [first.json()["id"]]


@pytest.mark.parametrize(
    "wrong",
    [
        {"resource": "patience"},
        {"nominal": -1},
        {"nominal": 1 << 61},
        {"nominal": "many"},
        {"flavor": "H200"},
        {"queue": "x"},
        {"queue": None},
        {"resource": None},
    ],
)
def test_a_quota_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    queue = make_queue(make_pool())
    root = UserFactory.create(is_superuser=True)
    body = {"queue": str(queue.pk), "resource": "cpu_millis", "nominal": 1, **wrong}
    answer = client(root).put(f"{API}/quotas", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert Quota.objects.filter(nominal=1).count() == 0


def test_a_quota_of_a_queue_that_is_not_there_is_not_found() -> None:
    root = UserFactory.create(is_superuser=True)
    body = {"queue": str(uuid7()), "resource": "cpu_millis", "nominal": 1}
    assert client(root).put(f"{API}/quotas", body).status_code == 404


# Workloads ------------------------------------------------------------------------------------------------------


def test_a_workload_says_why_it_waits(project: Project, editor: User) -> None:
    queue = make_queue(make_pool(), project, cores=1)
    WorkloadFactory.create(queue=queue, state="running")
    workload = admit(WorkloadFactory.create(queue=queue, requested_by=editor))
    row = client(editor).get(f"{API}/workloads/{workload.pk}").json()
    assert (row["state"], row["state_reason"]) == ("pending", "waiting_for_quota")
    assert row["state_detail"] == (
        f"Waiting: project {project.name}'s quota of 1 core is used by 1 workload; first in queue."
    )
    assert (row["requested_by"], row["spec"]["kind"], row["cpu_millis"]) == (str(editor.pk), "job", 1000)


def test_lists_are_filtered_ordered_and_without_specs(project: Project, editor: User) -> None:
    queue = make_queue(make_pool(), project)
    one = WorkloadFactory.create(queue=queue, owner_kind="ingestion")
    two = WorkloadFactory.create(queue=queue, state="running", priority=9)
    three = serving(queue=queue)
    WorkloadFactory.create()
    api = client(editor)

    def found(**query: Any) -> list[str]:
        return ids(api.get(f"{API}/workloads", query))

    assert found() == [str(w.pk) for w in (three, two, one)]
    assert found(ordering="created_at") == [str(w.pk) for w in (one, two, three)]
    assert found(ordering="-priority")[0] == str(two.pk)
    assert found(state="running") == [str(two.pk)]
    assert found(owner_kind="ingestion", owner_id=str(one.owner_id)) == [str(one.pk)]
    assert found(kind="serving") == [str(three.pk)]
    assert found(project=str(uuid7())) == []
    assert "spec" not in api.get(f"{API}/workloads").json()["results"][0]


def test_a_workload_says_in_which_phase_it_is_and_when_that_ends(project: Project, editor: User, settings: Any) -> None:
    queue = make_queue(make_pool(), project)
    settings.BEDPLATE_QUEUE_LIMIT_SECONDS = 60

    def liveness(workload: Workload) -> Any:
        return client(editor).get(f"{API}/workloads/{workload.pk}").json()["liveness"]

    def later(workload: Workload, seconds: int) -> str:
        moment: datetime = workload.state_at + timedelta(seconds=seconds)
        return moment.isoformat().replace("+00:00", "Z")

    waits, launches, over = (
        WorkloadFactory.create(queue=queue, state=state) for state in ("pending", "launching", "succeeded")
    )
    for workload in (waits, launches):
        workload.refresh_from_db()
    assert liveness(waits) == {"phase": "queued", "since": later(waits, 0), "limit_at": later(waits, 60)}
    assert liveness(launches) == {"phase": "launching", "since": later(launches, 0), "limit_at": later(launches, 300)}
    assert liveness(over) is None
    settings.BEDPLATE_QUEUE_LIMIT_SECONDS = 0
    assert liveness(waits)["limit_at"] is None


def test_attempts_and_usage_are_read_by_workload(project: Project, editor: User) -> None:
    workload = WorkloadFactory.create(project=project, state="running")
    WorkloadFactory.create(project=project, state="running")
    [attempt] = client(editor).get(f"{API}/attempts", {"workload": str(workload.pk)}).json()["results"]
    assert (attempt["workload"], attempt["number"], attempt["outcome"]) == (str(workload.pk), 1, "")
    assert "handle" not in attempt
    [usage] = client(editor).get(f"{API}/usage-records", {"workload": str(workload.pk)}).json()["results"]
    assert (usage["members"], usage["cpu_millis"], usage["closed_at"]) == (1, 1000, None)


def test_stop_ends_what_waits_at_once_and_names_who_did_it(project: Project, editor: User) -> None:
    workload = WorkloadFactory.create(queue=make_queue(make_pool(), project))
    answer = client(editor).post(f"{API}/workloads/{workload.pk}/stop", {"detail": "wrong data"})
    assert answer.status_code == 200
    row = answer.json()
    assert (row["state"], row["state_reason"], row["state_detail"]) == ("cancelled", "cancelled_by_user", "wrong data")
    [step] = client(editor).get(f"{API}/workloads/{workload.pk}/story").json()
    assert (step["from_state"], step["to_state"], step["reason"]) == ("pending", "cancelled", "cancelled_by_user")
    assert (step["actor_kind"], step["actor_name"]) == ("user", editor.username)
    assert AuditEvent.objects.get(action="workload.stopped").subject_id == str(workload.pk)


def test_stop_may_be_said_twice(project: Project, editor: User) -> None:
    workload = WorkloadFactory.create(project=project, state="running")
    states = [client(editor).post(f"{API}/workloads/{workload.pk}/stop").json()["state"] for _ in range(2)]
    assert states == ["stopping", "stopping"]
    assert AuditEvent.objects.filter(action="workload.stopped").count() == 1


def test_the_story_of_a_workload_is_told_in_order(project: Project, editor: User) -> None:
    workload = admit(WorkloadFactory.create(queue=make_queue(make_pool(), project)))
    workload_stop(workload, reason="cancelled_by_user", actor=Actor.user(editor))
    steps = client(editor).get(f"{API}/workloads/{workload.pk}/story").json()
    assert [(step["to_state"], step["actor_name"]) for step in steps] == [
        ("admitted", "admission"),
        ("cancelled", editor.username),
    ]


# Logs -----------------------------------------------------------------------------------------------------------


def logs(user: User, workload: Workload, **query: Any) -> Any:
    answer = client(user).get(f"{API}/workloads/{workload.pk}/logs", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_logs_are_read_on_from_a_cursor(project: Project, editor: User) -> None:
    workload = WorkloadFactory.create(project=project, state="running")
    attempt = workload.current_attempt()
    other = AttemptFactory.create()
    chunks = [LogChunkFactory.create(attempt=attempt, rank=n % 2, sequence=n, text=f"line {n}\n") for n in range(5)]
    LogChunkFactory.create(attempt=other)
    page = logs(editor, workload)
    assert [(chunk["rank"], chunk["sequence"], chunk["text"]) for chunk in page["chunks"]] == [
        (n % 2, n, f"line {n}\n") for n in range(5)
    ]
    assert page["next_after"] == chunks[-1].pk
    rest = logs(editor, workload, after=page["next_after"])
    assert (rest["chunks"], rest["next_after"], rest["next_line"]) == ([], chunks[-1].pk, None)
    assert [chunk["sequence"] for chunk in logs(editor, workload, rank=1)["chunks"]] == [1, 3]
    assert [chunk["sequence"] for chunk in logs(editor, workload, after=chunks[2].pk)["chunks"]] == [3, 4]


def test_a_long_log_comes_in_pieces_and_nothing_is_lost(project: Project, editor: User) -> None:
    workload = WorkloadFactory.create(project=project, state="running")
    attempt = workload.current_attempt()
    for sequence in range(250):
        LogChunkFactory.create(attempt=attempt, sequence=sequence, text="x")
    for sequence in range(250, 260):
        LogChunkFactory.create(attempt=attempt, sequence=sequence, text="y" * 300_000)
    after, seen, sizes = 0, [], []
    while (page := logs(editor, workload, after=after))["chunks"]:
        seen += [chunk["sequence"] for chunk in page["chunks"]]
        sizes.append(len(page["chunks"]))
        after = page["next_after"]
    assert seen == list(range(260))
    assert sizes == [200, 53, 3, 3, 1]


@pytest.mark.parametrize("query", [{"after": "x"}, {"after": -1}, {"rank": "first"}])
def test_a_cursor_that_is_none_is_refused(query: dict[str, Any], project: Project, editor: User) -> None:
    workload = WorkloadFactory.create(project=project)
    answer = client(editor).get(f"{API}/workloads/{workload.pk}/logs", query)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_an_id_that_is_none_is_not_found(editor: User) -> None:
    for path in ("workloads/x", "workloads/x/logs", f"workloads/{UUID(int=0)}/story"):
        assert client(editor).get(f"{API}/{path}").status_code == 404
