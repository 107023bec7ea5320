"""Submitting, stopping and resizing workloads."""

from __future__ import annotations

from typing import Any

import pytest
from uuid6 import uuid7

from apps.common import queues
from apps.common.audit import Actor
from apps.common.errors import Conflict, Invalid, Unavailable
from apps.common.models import AuditEvent, Event
from apps.quotas.models import Queue, Quota, ResourcePool, Workload
from apps.quotas.services.workloads import workload_resize, workload_result, workload_stop, workload_submit
from tests.support.factories.access import ProjectFactory, UserFactory
from tests.support.factories.quotas import AttemptFactory, WorkloadFactory, job_spec, serving, serving_spec
from tests.support.jobs import Sent, fresh, intervals, story

ACTOR = Actor.system("test")
GIB = 1 << 30


def submit(project: Any, **kwargs: Any) -> Workload:
    wanted = {"spec": job_spec(), "owner_kind": "run", "owner_id": uuid7(), "name": "train", "requested_by": None}
    return workload_submit(project=project, actor=ACTOR, **{**wanted, **kwargs})


def test_submit_makes_a_pending_workload_and_asks_for_admission(pool: ResourcePool, sent: Sent) -> None:
    project, user = ProjectFactory.create(), UserFactory.create()
    owner = uuid7()
    workload = fresh(
        submit(
            project,
            spec=serving_spec(2, 4),
            owner_kind="revision",
            owner_id=owner,
            requested_by=user,
            count_min=1,
            count_max=3,
            priority=5,
        )
    )
    assert (workload.state, workload.kind, workload.priority) == ("pending", "serving", 5)
    assert (workload.cpu_millis, workload.memory_bytes, workload.gpus, workload.flavor) == (2000, 4 * GIB, 0, "")
    assert (workload.count_min, workload.count_max, workload.count_granted) == (1, 3, 0)
    assert (workload.owner_kind, workload.owner_id, workload.requested_by) == ("revision", owner, user)
    assert (workload.organisation, workload.team) == (project.organisation, project.team)
    assert workload.spec_object() == serving_spec(2, 4)
    assert sent == [(queues.ADMIT, str(pool.pk))]
    assert list(Event.objects.values_list("kind", "subject")) == [("workload.submitted", f"workload.{workload.pk}")]


def test_the_first_submit_gives_the_project_a_queue(pool: ResourcePool) -> None:
    project = ProjectFactory.create()
    first, second = submit(project), submit(project)
    assert first.queue == second.queue == Queue.objects.get(project=project)
    assert dict(Quota.objects.values_list("resource", "nominal")) == {"cpu_millis": 0, "memory_bytes": 0, "gpus": 0}


@pytest.mark.django_db
def test_without_a_machine_nothing_can_be_submitted() -> None:
    with pytest.raises(Unavailable, match="No machine is known yet"):
        submit(ProjectFactory.create())
    assert Workload.objects.count() == 0


ABSURD: dict[str, tuple[dict[str, Any], set[str]]] = {
    "no core": ({"spec": job_spec(cores=0)}, {"cpu_millis"}),
    "a negative core": ({"spec": job_spec(cores=-1)}, {"cpu_millis"}),
    "more cores than there are anywhere": ({"spec": job_spec(cores=5000)}, {"cpu_millis"}),
    "no memory": ({"spec": job_spec(memory=0)}, {"memory_bytes"}),
    "negative GPUs": ({"spec": job_spec(gpus=-1)}, {"gpus"}),
    "a kind of GPU without a GPU": ({"spec": job_spec(flavor="H200")}, {"flavor"}),
    "no member": ({"count_min": 0}, {"count_min"}),
    "fewer at most than at least": ({"count_min": 3, "count_max": 2}, {"count_max"}),
    "an absurd number of members": ({"count_max": 10_001}, {"count_max"}),
    "an absurd priority": ({"priority": 1001}, {"priority"}),
    "no name": ({"name": ""}, {"name"}),
    "a name of a novel": ({"name": "x" * 121}, {"name"}),
    "no command": ({"spec": job_spec(command=())}, {"command"}),
    "an empty word": ({"spec": job_spec(command=("python", ""))}, {"command"}),
    "a negative time limit": ({"spec": job_spec(time_limit_seconds=-1)}, {"time_limit_seconds"}),
    "a NUL": ({"spec": job_spec(files={"a.py": "\x00"})}, {"spec"}),
    "a lone surrogate": ({"spec": job_spec(parameters={"x": "\ud800"})}, {"spec"}),
    "not a number": ({"spec": job_spec(parameters={"x": float("nan")})}, {"spec"}),
    "not JSON": ({"spec": job_spec(parameters={"x": object()})}, {"spec"}),
    "too long": ({"spec": job_spec(files={"a.py": "x" * (4 << 20)})}, {"spec"}),
    "several at once": ({"spec": job_spec(cores=0, memory=0), "name": ""}, {"cpu_millis", "memory_bytes", "name"}),
}


@pytest.mark.parametrize("name", ABSURD)
def test_an_absurd_request_is_refused_by_the_name_of_its_field(name: str, pool: ResourcePool, sent: Sent) -> None:
    wanted, fields = ABSURD[name]
    with pytest.raises(Invalid) as refused:
        submit(ProjectFactory.create(), **wanted)
    assert set(refused.value.fields) == fields
    assert Workload.objects.count() == 0
    assert sent == []


def test_a_script_may_speak_of_a_nul(pool: ResourcePool) -> None:
    text = 'print("\\u0000")'
    assert fresh(submit(ProjectFactory.create(), spec=job_spec(files={"a.py": text}))).spec["files"] == {"a.py": text}


STOPS = {
    ("pending", "cancelled_by_user"): ("cancelled", "cancelled_by_user"),
    ("pending", "approval_denied"): ("cancelled", "approval_denied"),
    ("pending", "preempted"): ("pending", ""),
    ("admitted", "cancelled_by_user"): ("cancelled", "cancelled_by_user"),
    ("admitted", "evicted"): ("pending", "evicted"),
    ("launching", "cancelled_by_user"): ("stopping", "cancelled_by_user"),
    ("launching", "start_timeout"): ("stopping", "start_timeout"),
    ("running", "scaled_down"): ("stopping", "scaled_down"),
    ("running", "preempted"): ("stopping", "preempted"),
    ("succeeded", "cancelled_by_user"): ("succeeded", ""),
    ("failed", "cancelled_by_user"): ("failed", ""),
    ("cancelled", "preempted"): ("cancelled", ""),
}


@pytest.mark.parametrize(("state", "reason"), STOPS)
def test_stop(state: str, reason: str, queue: Queue, sent: Sent) -> None:
    workload = WorkloadFactory.create(queue=queue, state=state)
    workload_stop(workload, reason=reason, detail="because", actor=ACTOR)
    to, said = STOPS[state, reason]
    now = fresh(workload)
    assert (now.state, now.state_reason, now.state_detail) == (to, said, "because" if said else "")
    expected = [(to, said)] if to != state or said else []
    assert story(workload) == expected
    tells_backend = [(queues.STOP, str(workload.pk))] if to == "stopping" else []
    admits = [(queues.ADMIT, str(workload.pool_id))] if expected and to != "stopping" else []
    changed = [(queues.WORKLOAD_CHANGED, str(workload.pk))] if expected else []
    assert sent == admits + changed + tells_backend


def test_stopping_what_was_admitted_gives_its_quota_back(queue: Queue) -> None:
    workload = WorkloadFactory.create(queue=queue, state="admitted")
    workload_stop(workload, reason="cancelled_by_user", actor=ACTOR)
    assert intervals(workload) == [(1, False, True)]
    assert fresh(workload).ended_at is not None


def test_stopping_what_runs_keeps_its_quota(queue: Queue) -> None:
    workload = WorkloadFactory.create(queue=queue, state="running")
    workload_stop(workload, reason="cancelled_by_user", actor=ACTOR)
    assert intervals(workload) == [(1, False, False)]
    assert fresh(workload).count_granted == 1


def test_a_wish_to_end_overrides_a_stop_that_would_requeue_but_not_the_other_way_round(queue: Queue) -> None:
    workload = WorkloadFactory.create(queue=queue, state="running")
    workload_stop(workload, reason="preempted", actor=ACTOR)
    workload_stop(workload, reason="cancelled_by_user", detail="enough", actor=ACTOR)
    workload_stop(workload, reason="evicted", actor=ACTOR)
    workload_stop(workload, reason="idle", actor=ACTOR)
    now = fresh(workload)
    assert (now.state, now.state_reason, now.state_detail) == ("stopping", "cancelled_by_user", "enough")
    assert story(workload) == [("stopping", "preempted")]


def test_stop_takes_the_state_that_is_stored_not_the_one_in_hand(queue: Queue) -> None:
    workload = WorkloadFactory.create(queue=queue, state="running")
    Workload.objects.filter(pk=workload.pk).update(state="succeeded")
    workload_stop(workload, reason="cancelled_by_user", actor=ACTOR)
    assert fresh(workload).state == "succeeded"


@pytest.mark.parametrize("reason", ["", "completed", "lost", "waiting_for_quota", "bored"])
def test_not_every_reason_stops(reason: str, queue: Queue) -> None:
    workload = WorkloadFactory.create(queue=queue, state="running")
    with pytest.raises(Invalid):
        workload_stop(workload, reason=reason, actor=ACTOR)
    assert fresh(workload).state == "running"


def test_a_person_who_stops_is_audited_a_part_of_the_system_is_not(queue: Queue) -> None:
    user = UserFactory.create()
    one, other = WorkloadFactory.create(queue=queue), WorkloadFactory.create(queue=queue)
    workload_stop(one, reason="cancelled_by_user", actor=Actor.user(user))
    workload_stop(other, reason="cancelled_by_user", actor=ACTOR)
    assert list(AuditEvent.objects.values_list("action", "subject_id", "actor_id", "project_id")) == [
        ("workload.stopped", str(one.pk), str(user.pk), queue.project_id)
    ]


def test_more_members_are_asked_of_admission(queue: Queue, sent: Sent) -> None:
    workload = serving(queue=queue, state="running", count_max=2)
    workload_resize(workload, count=4, actor=ACTOR)
    now = fresh(workload)
    assert (now.count_min, now.count_max, now.count_granted) == (1, 4, 2)
    assert sent == [(queues.ADMIT, str(workload.pool_id)), (queues.RESIZE, str(workload.pk))]
    assert intervals(workload) == [(2, False, False)]


def test_fewer_members_keep_their_quota_until_they_are_gone(queue: Queue) -> None:
    workload = serving(queue=queue, state="running", count_min=2, count_max=3)
    workload_resize(workload, count=1, actor=ACTOR)
    now = fresh(workload)
    assert (now.count_min, now.count_max, now.count_granted, len(now.assignments)) == (1, 1, 3, 3)
    assert intervals(workload) == [(3, False, False)]


def test_fewer_members_of_what_was_never_launched_are_given_back_at_once(queue: Queue) -> None:
    workload = serving(queue=queue, state="admitted", count_max=3)
    workload_resize(workload, count=1, actor=ACTOR)
    now = fresh(workload)
    assert (now.count_granted, len(now.assignments)) == (1, 1)
    assert intervals(workload) == [(3, False, True), (1, False, False)]


@pytest.mark.parametrize("state", ["stopping", "succeeded", "failed", "cancelled"])
def test_what_ends_is_not_resized(state: str, queue: Queue) -> None:
    workload = serving(queue=queue, state=state)
    with pytest.raises(Conflict):
        workload_resize(workload, count=2, actor=ACTOR)
    assert fresh(workload).count_max == 1


def test_a_gang_is_not_resized(queue: Queue) -> None:
    workload = WorkloadFactory.create(queue=queue, state="running")
    with pytest.raises(Conflict, match="is a job"):
        workload_resize(workload, count=2, actor=ACTOR)


@pytest.mark.parametrize("count", [0, -1, 10_001])
def test_an_absurd_size_is_refused(count: int, queue: Queue) -> None:
    with pytest.raises(Invalid):
        workload_resize(serving(queue=queue), count=count, actor=ACTOR)


def test_the_result_is_that_of_the_last_attempt(queue: Queue) -> None:
    workload = WorkloadFactory.create(queue=queue, state="succeeded")
    assert workload_result(workload) is None
    for number, result in ((1, {"auc": 0.5}), (2, {"auc": 0.9})):
        AttemptFactory.create(workload=workload, number=number, result=result, ended_at=workload.created_at)
    assert workload_result(workload) == {"auc": 0.9}
