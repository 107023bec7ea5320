"""A pool as a whole: its map, its line, its history; usage against quotas; workloads in numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.access.models import Project, User
from apps.access.states import Role
from apps.common import clock
from apps.quotas.models import Attempt, Queue, ResourceFlavor, ResourcePool, UsageRecord, Workload
from tests.support.factories.access import ProjectFactory, UserFactory, member
from tests.support.factories.quotas import (
    GIB,
    NodeFactory,
    QuotaFactory,
    UsageRecordFactory,
    WorkloadFactory,
    job_spec,
    make_pool,
    make_queue,
)
from tests.support.ledger import ledger_rewrite

pytestmark = pytest.mark.django_db
API = "/api/v1"
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HIDDEN = {
    "visible": False,
    "workload": None,
    "workload_name": None,
    "kind": None,
    "state": None,
    "state_reason": None,
    "state_detail": None,
    "state_message": None,
    "owner_kind": None,
    "owner_id": None,
    "project": None,
    "project_name": None,
    "queue": None,
    "requested_by": None,
    "requested_by_name": None,
}


@pytest.fixture
def project(settings: Any) -> Project:
    settings.BEDPLATE_BACKEND = "fake"
    made: Project = ProjectFactory.create(name="vision")
    return made


@pytest.fixture
def editor(project: Project) -> User:
    return member(project, Role.EDITOR, username="ann")


@pytest.fixture
def pool() -> ResourcePool:
    return make_pool(cores=8, memory=64, H200=2)


@pytest.fixture
def queue(pool: ResourcePool, project: Project) -> Queue:
    return make_queue(pool, project, cores=8, memory=64, gpus=2)


@pytest.fixture
def others(pool: ResourcePool) -> Queue:
    """The queue of a project that the editor does not see."""
    return make_queue(pool, ProjectFactory.create(name="secret-project"), gpus=2)


def read(user: User, path: str, **query: Any) -> Any:
    browser = APIClient()
    browser.force_authenticate(user)
    answer = browser.get(f"{API}/{path}", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def running(queue: Queue, *devices: int, **kwargs: Any) -> Workload:
    """A workload that runs on those GPUs of `node-0`."""
    spec = job_spec(cores=2, memory=4, gpus=len(devices), time_limit_seconds=kwargs.pop("limit", 0))
    place = [{"node": "node-0", "devices": list(devices)}]
    made: Workload = WorkloadFactory.create(
        queue=queue, project=queue.project, state="running", spec_object=spec, assignments=place, **kwargs
    )
    return made


def waiting(queue: Queue, **kwargs: Any) -> Workload:
    made: Workload = WorkloadFactory.create(queue=queue, project=queue.project, **kwargs)
    return made


# The map --------------------------------------------------------------------------------------------------------


def test_the_map_tells_who_holds_which_gpu_and_hides_who_it_may_not(
    editor: User, pool: ResourcePool, queue: Queue, others: Queue
) -> None:
    mine = running(queue, 0, name="train", requested_by=editor)
    running(others, 1, name="their-secret")
    sample = {"at": NOON.isoformat(), "gpus": [{"index": 0, "utilisation_ratio": 0.93, "memory_bytes": 5 * GIB}]}
    Attempt.objects.update(usage={"0": sample | {"gpus": [*sample["gpus"], {"index": 1, "utilisation_ratio": 1.0}]}})
    ResourceFlavor.objects.update(simulated=True)
    told = read(editor, f"pools/{pool.pk}/map")
    [node] = told["nodes"]
    assert (told["pool_name"], node["name"], node["ready"]) == ("local", "node-0", True)
    assert (node["cpu_millis"], node["cpu_millis_reserved"]) == (8000, 4000)
    assert (node["memory_bytes"], node["memory_bytes_reserved"]) == (64 * GIB, 8 * GIB)
    first, second = node["devices"]
    holder = {
        "visible": True,
        "workload": str(mine.pk),
        "workload_name": "train",
        "kind": "job",
        "state": "running",
        "state_reason": "",
        "state_detail": "",
        "state_message": [],
        "owner_kind": "run",
        "owner_id": str(mine.owner_id),
        "project": str(mine.project_id),
        "project_name": "vision",
        "queue": str(queue.pk),
        "requested_by": str(editor.pk),
        "requested_by_name": "ann",
    }
    assert first == {
        "index": 0,
        "flavor": "H200",
        "gpu_model": "NVIDIA H200",
        "memory_bytes": 141 * GIB,
        "simulated": True,
        "utilisation_ratio": 0.93,
        "memory_used_bytes": 5 * GIB,
        "sampled_at": "2026-05-04T12:00:00Z",
        "holder": holder,
        "cordoned": False,
    }
    assert (second["holder"], second["utilisation_ratio"], second["sampled_at"]) == (HIDDEN, None, None)
    assert [(share["holder"]["visible"], share["members"], share["cpu_millis"]) for share in node["shares"]] == [
        (True, 1, 2000),
        (False, 1, 2000),
    ]
    assert [share["devices"] for share in node["shares"]] == [[0], [1]]


def test_an_administrator_sees_every_holder_and_a_free_gpu_has_none(pool: ResourcePool, others: Queue) -> None:
    running(others, 1, name="their-secret")
    told = read(UserFactory.create(is_superuser=True), f"pools/{pool.pk}/map")
    free, held = told["nodes"][0]["devices"]
    assert free["holder"] is None
    assert (held["holder"]["workload_name"], held["holder"]["project_name"]) == ("their-secret", "secret-project")


def test_the_map_takes_the_same_queries_however_many_machines(editor: User, pool: ResourcePool, queue: Queue) -> None:
    running(queue, 0, requested_by=editor)
    few = _queries(editor, f"pools/{pool.pk}/map")
    NodeFactory.create_batch(8, pool=pool, gpus=pool.nodes.get().gpus)
    for _ in range(5):
        running(queue, requested_by=editor)
    assert _queries(editor, f"pools/{pool.pk}/map") == few == 5


# The line -------------------------------------------------------------------------------------------------------


def test_the_line_is_in_the_order_of_admission_and_shows_no_strangers(
    editor: User, pool: ResourcePool, queue: Queue, others: Queue
) -> None:
    run = running(queue, 0, name="train", limit=600, requested_by=editor)
    Attempt.objects.update(started_at=NOON)
    running(others, 1, name="their-secret")
    detail = "Waiting: behind earlier workloads of project vision, which wait for quota."
    waiting(queue, name="low", state_reason="waiting_for_quota", state_detail=detail)
    waiting(others, name="their-secret-too", priority=5, cpu_millis=3000)
    waiting(queue, name="high", priority=1)
    told = read(editor, f"pools/{pool.pk}/queue")
    assert (told["running_total"], told["waiting_total"]) == (2, 3)
    first, second = told["running"]
    assert (first["holder"]["workload"], first["expected_end_at"]) == (str(run.pk), "2026-05-04T12:10:00Z")
    assert (first["cpu_millis"], first["gpus"], first["count_granted"]) == (2000, 1, 1)
    assert (second["holder"], second["expected_end_at"]) == (HIDDEN, None)
    line = [(row["holder"]["workload_name"], row["position"], row["queue_position"]) for row in told["waiting"]]
    assert line == [(None, 1, 1), ("high", 2, 1), ("low", 3, 2)]
    assert told["waiting"][0]["holder"] == HIDDEN
    assert told["waiting"][0]["cpu_millis"] == 3000
    low = told["waiting"][2]["holder"]
    assert (low["state_reason"], low["state_detail"]) == ("waiting_for_quota", detail)
    assert low["state_message"] == [{"code": "wait_behind_quota", "params": {"project": "vision"}}]
    assert "secret" not in str(told)


def test_the_line_takes_the_same_queries_however_long(editor: User, pool: ResourcePool, queue: Queue) -> None:
    running(queue, 0, requested_by=editor)
    waiting(queue, requested_by=editor)
    few = _queries(editor, f"pools/{pool.pk}/queue")
    for _ in range(5):
        running(queue, requested_by=editor)
        waiting(queue, requested_by=editor)
    assert _queries(editor, f"pools/{pool.pk}/queue") == few == 5


def test_a_waiting_workload_says_where_it_stands(editor: User, pool: ResourcePool, queue: Queue, others: Queue) -> None:
    waiting(others, priority=1)
    waiting(queue)
    mine = waiting(queue)
    waiting(queue)
    assert read(editor, f"workloads/{mine.pk}")["place"] == {
        "position": 3,
        "queue_position": 2,
        "since": mine.state_at.isoformat().replace("+00:00", "Z"),
    }
    assert read(editor, f"workloads/{running(queue).pk}")["place"] is None


# History --------------------------------------------------------------------------------------------------------


def _record(queue: Queue, begin: int, use: int | None, end: int | None, **kwargs: Any) -> UsageRecord:
    """An interval by minutes after noon."""
    at = [None if minute is None else NOON + timedelta(minutes=minute) for minute in (begin, use, end)]
    workload = WorkloadFactory.create(queue=queue, project=queue.project, state="pending")
    held = {"members": 1, "cpu_millis": 1000, "memory_bytes": GIB, "gpus": 0, "flavor": "", **kwargs}
    made: UsageRecord = UsageRecordFactory.create(
        workload=workload,
        project=queue.project,
        pool=queue.pool,
        reserved_at=at[0],
        used_at=at[1],
        closed_at=at[2],
        **held,
    )
    return made


def _series(told: Any, resource: str, flavor: str = "", project_name: str | None = None) -> Any:
    [one] = [
        row
        for row in told["series"]
        if (row["resource"], row["flavor"], row["project_name"]) == (resource, flavor, project_name)
    ]
    return one


def test_history_is_the_mean_per_bucket(editor: User, pool: ResourcePool, queue: Queue, others: Queue) -> None:
    _record(queue, -30, -15, 60, gpus=1, flavor="H200")
    _record(others, 30, 45, None, cpu_millis=4000)
    _record(others, 60, None, 90, cpu_millis=2000)
    _record(queue, -300, -300, -200)
    with clock.fixed_at(NOON + timedelta(hours=2)):
        told = read(
            editor, f"pools/{pool.pk}/history", **{"from": NOON.isoformat(), "to": "2026-05-04T14:00:00Z", "buckets": 4}
        )
        assert read(editor, f"pools/{pool.pk}/history")["bucket_seconds"] == 3600
    assert told["starts"] == [f"2026-05-04T{at}:00Z" for at in ("12:00", "12:30", "13:00", "13:30")]
    assert (told["until"], told["bucket_seconds"]) == ("2026-05-04T14:00:00Z", 1800)
    cpu = _series(told, "cpu_millis")
    assert (cpu["scope"], cpu["capacity"]) == ("all", 8000)
    assert cpu["reserved"] == pytest.approx([1000, 5000, 6000, 4000])
    assert cpu["used"] == pytest.approx([1000, 3000, 4000, 4000])
    gpus = _series(told, "gpus", "H200")
    assert (gpus["capacity"], gpus["reserved"], gpus["used"]) == (2, pytest.approx([1, 1, 0, 0]), [1, 1, 0, 0])
    assert _series(told, "memory_bytes")["reserved"] == pytest.approx([GIB, 2 * GIB, 2 * GIB, GIB])


def test_history_by_project_puts_strangers_together(
    editor: User, pool: ResourcePool, project: Project, queue: Queue, others: Queue
) -> None:
    _record(queue, 0, 0, 60)
    _record(others, 0, 0, 30, cpu_millis=4000)
    _record(make_queue(pool), 30, 30, 60, cpu_millis=2000)
    span = {"from": NOON.isoformat(), "to": "2026-05-04T13:00:00Z", "buckets": 2}
    told = read(editor, f"pools/{pool.pk}/history", **span, by="project")
    mine, rest = _series(told, "cpu_millis", "", "vision"), _series(told, "cpu_millis")
    assert (mine["scope"], mine["project"], mine["reserved"]) == ("project", str(project.pk), [1000, 1000])
    assert (rest["scope"], rest["project"], rest["reserved"]) == ("others", None, [4000, 2000])
    alone = read(editor, f"pools/{pool.pk}/history", **span, project=str(project.pk))
    assert {row["project_name"] for row in alone["series"]} == {"vision"}
    assert _series(alone, "cpu_millis", "", "vision")["reserved"] == [1000, 1000]


@pytest.mark.parametrize(
    "query, status",
    [({"buckets": 0}, 400), ({"buckets": 1001}, 400), ({"from": "2126-01-01T00:00:00Z"}, 400), ({"by": "user"}, 400)],
)
def test_a_history_that_makes_no_sense_is_refused(
    editor: User, pool: ResourcePool, query: dict[str, Any], status: int
) -> None:
    browser = APIClient()
    browser.force_authenticate(editor)
    assert browser.get(f"{API}/pools/{pool.pk}/history", query).status_code == status


def test_history_of_a_project_that_one_does_not_see_is_not_there(
    editor: User, pool: ResourcePool, others: Queue
) -> None:
    browser = APIClient()
    browser.force_authenticate(editor)
    answer = browser.get(f"{API}/pools/{pool.pk}/history", {"project": str(others.project_id)})
    assert answer.status_code == 404


def test_history_takes_the_same_queries_however_much_there_was(editor: User, pool: ResourcePool, queue: Queue) -> None:
    _record(queue, 0, 0, 60)
    few = _queries(editor, f"pools/{pool.pk}/history?by=project&from=2026-05-04T12:00:00Z")
    for _ in range(5):
        _record(make_queue(pool), 0, 0, 60)
    assert _queries(editor, f"pools/{pool.pk}/history?by=project&from=2026-05-04T12:00:00Z") == few == 6


# Usage and numbers ----------------------------------------------------------------------------------------------


def test_usage_stands_beside_each_quota(editor: User, queue: Queue, others: Queue) -> None:
    QuotaFactory.create(queue=queue, resource="gpus", flavor="A100", nominal=1)
    running(queue, 0)
    ledger_rewrite(flavor="H200", used_at=NOON)
    waiting(queue)
    running(others, 1)
    [told] = read(editor, "quotas/usage")["results"]
    assert (told["queue"], told["project_name"], told["pool_name"]) == (str(queue.pk), "vision", "local")
    assert (told["running"], told["waiting"]) == (1, 1)
    assert [tuple(row.values()) for row in told["amounts"]] == [
        ("cpu_millis", "", 8000, 0, 2000, 2000),
        ("gpus", "", 2, 0, 1, 1),
        ("gpus", "A100", 1, 0, 0, 0),
        ("gpus", "H200", None, None, 1, 1),
        ("memory_bytes", "", 64 * GIB, 0, 4 * GIB, 4 * GIB),
    ]
    assert read(editor, "quotas/usage", project=str(others.project_id))["results"] == []


def test_usage_takes_the_same_queries_however_many_queues(pool: ResourcePool, queue: Queue) -> None:
    root = UserFactory.create(is_superuser=True)
    running(queue, 0)
    few = _queries(root, "quotas/usage")
    for _ in range(5):
        running(make_queue(pool))
    assert _queries(root, "quotas/usage") == few == 5


def test_the_summary_counts_what_the_caller_sees(editor: User, project: Project, queue: Queue, others: Queue) -> None:
    running(queue, 0)
    running(others, 1)
    ledger_rewrite(flavor="H200")
    for reason in ("waiting_for_quota", "waiting_for_quota", "waiting_for_capacity"):
        waiting(queue, state_reason=reason)
    waiting(others, state_reason="waiting_for_quota")
    waiting(queue, state="failed", state_reason="exit_nonzero", ended_at=clock.now() - timedelta(hours=23))
    waiting(queue, state="failed", state_reason="exit_nonzero", ended_at=clock.now() - timedelta(hours=25))
    for told in (read(editor, "workloads/summary"), read(editor, "workloads/summary", project=str(project.pk))):
        assert (told["waiting_total"], told["running_total"], told["failed_total"]) == (3, 1, 1)
        assert told["waiting"] == [
            {"reason": "waiting_for_quota", "count": 2},
            {"reason": "waiting_for_capacity", "count": 1},
        ]
        assert told["running"] == [{"owner_kind": "run", "state": "running", "count": 1}]
        assert told["failed"] == [{"reason": "exit_nonzero", "count": 1}]
        [gpus] = [row for row in told["capacity"] if row["resource"] == "gpus"]
        assert gpus == {
            "resource": "gpus",
            "flavor": "H200",
            "simulated": False,
            "capacity": 2,
            "reserved": 2,
            "used": 0,
            "own_reserved": 1,
            "own_used": 0,
        }


def test_the_summary_of_what_one_does_not_see_is_not_there(editor: User, others: Queue) -> None:
    browser = APIClient()
    browser.force_authenticate(editor)
    assert browser.get(f"{API}/workloads/summary", {"project": str(others.project_id)}).status_code == 404


def _queries(user: User, path: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        read(user, path)
    return len(queries)
