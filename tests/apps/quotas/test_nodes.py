"""Machines that are drained, lost, come and go, or have broken devices: no new work, and what runs there moves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from apps.common import clock, queues
from apps.common.audit import Actor
from apps.common.errors import Conflict, Invalid
from apps.common.models import AuditEvent, Event
from apps.quotas.models import Node, NodeIncident, Queue, ResourcePool, UsageRecord, Workload
from apps.quotas.services.attempts import attempt_observed
from apps.quotas.services.faults import faults_take
from apps.quotas.services.nodes import drains_enforce, node_drain, node_undrain
from apps.quotas.services.pools import pool_discover
from tests.apps.quotas.driving import FAILED, LOST, running
from tests.support.factories.quotas import NodeFactory, ResourcePoolFactory, WorkloadFactory, job_spec, make_queue
from tests.support.jobs import Sent, admit, fresh, intervals
from workers.backends.base import DeviceFault, GpuFacts, NodeFacts

GIB = 1 << 30
ACTOR = Actor.system("test")
GPUS = tuple(GpuFacts(index, "NVIDIA H200", f"GPU-{index}", 141 * GIB) for index in range(2))
BOX = NodeFacts("box", 8000, 64 * GIB, GPUS)
OTHER = NodeFacts("other", 8000, 64 * GIB, tuple(replace(gpu, uuid=f"GPU-x{gpu.index}") for gpu in GPUS))


@pytest.fixture
def found(db: None, settings: Any) -> ResourcePool:
    """A pool of `box` and `other`, with two GPUs each."""
    settings.BEDPLATE_BACKEND = "fake"
    return pool_discover("local", "fake", [BOX, OTHER])


@pytest.fixture
def place(found: ResourcePool) -> Queue:
    return make_queue(found, cores=99, memory=999, gpus=99)


def node(name: str = "box") -> Node:
    found: Node = Node.objects.select_related("pool").get(name=name)
    return found


def on_box(place: Queue, gpus: int = 1, **kwargs: Any) -> tuple[Workload, Any]:
    """Runs on `box`, which is the first by name of two alike."""
    workload, attempt = running(place, spec_object=job_spec(gpus=gpus), **kwargs)
    assert {one["node"] for one in workload.assignments} == {"box"}
    return workload, attempt


def incidents() -> list[tuple[str, list[int], bool]]:
    return [(one.kind, one.devices, one.closed_at is None) for one in NodeIncident.objects.order_by("pk")]


# Draining -------------------------------------------------------------------------------------------------------


def test_a_drained_node_is_given_nothing_and_its_work_lands_elsewhere(place: Queue, sent: Sent) -> None:
    workload, attempt = on_box(place)
    node_drain(node(), reason="The power supply is replaced.", actor=ACTOR)
    drained = node()
    assert (drained.ready, drained.is_up, drained.drain_reason) == (False, True, "The power supply is replaced.")
    assert drained.drained_at is not None
    leaving = fresh(workload)
    assert (leaving.state, leaving.state_reason) == ("stopping", "evicted")
    assert leaving.state_detail == "Taken off node box: The power supply is replaced."
    assert (queues.STOP, str(workload.pk)) in sent
    assert intervals(workload) == [(1, True, False)], "it holds what it holds until it is gone"
    assert attempt_observed(attempt.pk, FAILED)
    again = admit(workload)
    assert (again.state, [one["node"] for one in again.assignments]) == ("admitted", ["other"])


def test_what_is_admitted_and_not_launched_waits_again_at_once(place: Queue) -> None:
    workload = admit(WorkloadFactory.create(queue=place))
    assert workload.assignments[0]["node"] == "box"
    node_drain(node(), reason="Dust.", actor=ACTOR)
    again = fresh(workload)
    assert (again.state, again.state_reason, again.assignments) == ("pending", "evicted", [])
    assert [row.closed_at is None for row in UsageRecord.objects.filter(workload=workload)] == [False]


def test_a_gang_with_one_member_there_goes_as_a_whole(place: Queue) -> None:
    gang = admit(WorkloadFactory.create(queue=place, spec_object=job_spec(gpus=1), count_min=3, count_max=3))
    assert sorted({one["node"] for one in gang.assignments}) == ["box", "other"]
    node_drain(node("other"), reason="Dust.", actor=ACTOR)
    assert fresh(gang).state == "pending"


def test_what_runs_elsewhere_or_leaves_already_is_left_alone(place: Queue) -> None:
    leaving, _ = on_box(place, gpus=2)
    Workload.objects.filter(pk=leaving.pk).update(state="stopping", state_reason="cancelled_by_user")
    elsewhere, _ = running(place, spec_object=job_spec(gpus=1))
    node_drain(node(), reason="Dust.", actor=ACTOR)
    assert fresh(leaving).state_reason == "cancelled_by_user"
    assert fresh(elsewhere).state == "running"


def test_undrained_it_takes_work_again(place: Queue, sent: Sent) -> None:
    node_drain(node(), reason="Dust.", actor=ACTOR)
    sent.take()
    assert node_undrain(node(), reason="Cleaned.", actor=Actor("user", "1", "root")) == 1
    back = node()
    assert (back.ready, back.drained_at, back.drain_reason) == (True, None, "")
    [incident] = NodeIncident.objects.all()
    assert (incident.closed_by, incident.close_reason) == ("root", "Cleaned.")
    assert (queues.ADMIT, str(back.pool_id)) in sent
    assert on_box(place)
    audit = AuditEvent.objects.filter(action__startswith="node.").order_by("id")
    assert [row.action for row in audit] == ["node.incident_opened", "node.incident_closed"]
    assert list(Event.objects.filter(kind__startswith="node.").values_list("subject", flat=True)) == [
        f"pool.{back.pool_id}",
        f"pool.{back.pool_id}",
    ]


def test_discovery_does_not_undrain(found: ResourcePool) -> None:
    node_drain(node(), reason="Dust.", actor=ACTOR)
    pool_discover("local", "fake", [OTHER])
    pool_discover("local", "fake", [BOX, OTHER])
    assert (node().ready, node().is_up, node().lost_at) == (False, True, None)


@pytest.mark.parametrize("wrong", [{"reason": " "}, {"reason": "x" * 501}, {"reason": "Dust.", "devices": [0, 7]}])
def test_a_drain_says_why_and_what(found: ResourcePool, wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        node_drain(node(), actor=ACTOR, **wrong)
    assert incidents() == []


def test_twice_is_a_conflict(found: ResourcePool) -> None:
    with pytest.raises(Conflict, match="Nothing of box is withheld"):
        node_undrain(node(), reason="Cleaned.", actor=ACTOR)
    node_drain(node(), reason="Dust.", devices=[1], actor=ACTOR)
    with pytest.raises(Conflict, match="drained already"):
        node_drain(node(), reason="Dust.", devices=[1], actor=ACTOR)
    assert [one.devices for one in node_drain(node(), reason="Dust.", devices=[0, 1], actor=ACTOR)] == [[0]]
    node_drain(node(), reason="Dust.", actor=ACTOR)
    with pytest.raises(Conflict, match="drained already"):
        node_drain(node(), reason="Dust.", actor=ACTOR)


def test_what_came_there_all_the_same_is_taken_off_by_the_next_look(place: Queue) -> None:
    node_drain(node(), reason="Dust.", actor=ACTOR)
    workload = WorkloadFactory.create(
        queue=place, state="running", assignments=[{"node": "box", "devices": []}], spec_object=job_spec()
    )
    assert drains_enforce() == 1
    assert fresh(workload).state_reason == "evicted"
    assert drains_enforce() == 0


# Devices --------------------------------------------------------------------------------------------------------


def test_a_cordoned_device_moves_its_work_and_leaves_the_rest(place: Queue) -> None:
    first, _ = on_box(place)
    second, _ = on_box(place)
    assert [fresh(one).assignments[0]["devices"] for one in (first, second)] == [[0], [1]]
    node_drain(node(), reason="It is hot.", devices=[1], actor=ACTOR)
    assert (node().ready, node().cordoned, node().drained_at) == (True, [1], None)
    assert fresh(first).state == "running"
    assert fresh(second).state_detail == "Taken off node box: It is hot."


def test_nothing_is_placed_on_a_cordoned_device_and_nothing_is_refused_for_it(place: Queue) -> None:
    node_drain(node(), reason="It is hot.", devices=[0, 1], actor=ACTOR)
    node_drain(node("other"), reason="It is hot.", devices=[0], actor=ACTOR)
    two = admit(WorkloadFactory.create(queue=place, spec_object=job_spec(gpus=2)))
    assert (two.state, two.state_reason) == ("pending", "waiting_for_capacity")
    Workload.objects.filter(pk=two.pk).update(state="cancelled")
    one = admit(WorkloadFactory.create(queue=place, spec_object=job_spec(gpus=1)))
    assert [(each["node"], each["devices"]) for each in one.assignments] == [("other", [1])]
    more = admit(WorkloadFactory.create(queue=place, spec_object=job_spec(gpus=1)))
    assert more.state == "pending"
    node_undrain(node(), reason="Cooled.", devices=[1], actor=ACTOR)
    assert [(each["node"], each["devices"]) for each in admit(more).assignments] == [("box", [1])]


def test_what_still_runs_on_a_cordoned_device_gives_it_to_nobody_when_it_has_left(place: Queue) -> None:
    leaving, attempt = on_box(place)
    node_drain(node(), reason="It is hot.", devices=[0], actor=ACTOR)
    waits = [WorkloadFactory.create(queue=place, spec_object=job_spec(gpus=1)) for _ in range(4)]
    admit(waits[0])
    taken = [each for one in waits for each in fresh(one).assignments]
    assert sorted((each["node"], each["devices"]) for each in taken) == [("box", [1]), ("other", [0]), ("other", [1])]
    assert attempt_observed(attempt.pk, FAILED)
    admit(leaving)
    assert sorted(fresh(one).state for one in waits) == ["admitted"] * 3 + ["pending"]


def fault(device: int = 0, kind: str = "xid", mark: float = 1000.0, codes: tuple[int, ...] = (79,)) -> DeviceFault:
    return DeviceFault("box", device, kind, mark, codes if kind == "xid" else ())


def test_an_xid_cordons_its_device_and_shows_why(place: Queue) -> None:
    workload, attempt = on_box(place)
    assert faults_take(place.pool_id, [fault()]) == 1
    assert incidents() == [("xid", [0], True)]
    [incident] = NodeIncident.objects.all()
    assert incident.detail == "GPU 0 of node box reported XID 79."
    assert (incident.evidence, incident.opened_by) == ({"uuid": "GPU-0", "mark": 1000.0, "codes": [79]}, "health")
    assert node().cordoned == [0]
    assert fresh(workload).state_detail == "Taken off node box: GPU 0 of node box reported XID 79."
    assert attempt_observed(attempt.pk, FAILED)
    assert fresh(workload).losses == 0
    assert faults_take(place.pool_id, [fault()]) == 0, "the same again is no news"


@pytest.mark.parametrize(
    ("kind", "mark", "said"),
    [
        ("ecc", 4, "GPU 1 of node box counted 4 errors of its memory that it could not correct."),
        ("rows", 1, "GPU 1 of node box needs a reset to replace rows of its memory."),
        ("rows", 2, "GPU 1 of node box could not replace rows of its memory."),
        ("reset", 1, "GPU 1 of node box must be reset, its driver says."),
        ("gone", 1, "GPU 1 of node box does not answer its driver any more."),
    ],
)
def test_each_fault_has_its_sentence(found: ResourcePool, kind: str, mark: float, said: str) -> None:
    assert faults_take(found.pk, [fault(1, kind, mark)]) == 1
    assert NodeIncident.objects.get().detail == said


def test_what_gets_worse_is_written_into_the_same_incident(found: ResourcePool) -> None:
    faults_take(found.pk, [fault(kind="ecc", mark=1)])
    assert faults_take(found.pk, [fault(kind="ecc", mark=3), fault(1, "ecc", 1)]) == 1
    assert [one.evidence["mark"] for one in NodeIncident.objects.order_by("pk")] == [3, 1]
    assert node().cordoned == [0, 1]


def test_what_was_dealt_with_is_news_only_when_there_is_more(found: ResourcePool) -> None:
    """A counter that stays where it was opens nothing; one that was reset and counts again does."""
    counted = [fault(kind="ecc", mark=3), fault(kind="xid", mark=1000.0)]
    assert faults_take(found.pk, counted) == 2
    assert node_undrain(node(), reason="Watched for a day.", devices=[0], actor=ACTOR) == 2
    assert faults_take(found.pk, counted) == 0
    assert node().cordoned == []
    assert faults_take(found.pk, [fault(kind="ecc", mark=4), fault(kind="xid", mark=1000.0)]) == 1
    node_undrain(node(), reason="Reset.", actor=ACTOR)
    assert faults_take(found.pk, []) == 0
    assert faults_take(found.pk, [fault(kind="ecc", mark=1)]) == 1, "after a reset it counts from nothing"
    assert faults_take(found.pk, [fault(kind="xid", mark=1000.0)]) == 0, "seen by another process, long ago"
    assert faults_take(found.pk, [fault(kind="xid", mark=2000.0)]) == 1


def test_faults_of_what_is_not_known_wait(found: ResourcePool) -> None:
    assert faults_take(found.pk, [fault(9), DeviceFault("elsewhere", 0, "gone")]) == 0
    assert incidents() == []


def test_a_device_stays_withheld_until_its_last_incident_is_closed(found: ResourcePool) -> None:
    faults_take(found.pk, [fault(kind="ecc", mark=3)])
    node_drain(node(), reason="It is hot.", actor=ACTOR)
    assert node_undrain(node(), reason="Reset.", devices=[0], actor=ACTOR) == 1
    assert (node().cordoned, node().drain_reason) == ([], "It is hot.")
    assert incidents() == [("ecc", [0], False), ("drained", [], True)]


# Lost nodes -----------------------------------------------------------------------------------------------------


def test_a_lost_node_keeps_what_it_holds_until_that_is_proven_gone(place: Queue, sent: Sent) -> None:
    workload, attempt = on_box(place)
    pool_discover("local", "fake", [OTHER])
    lost = node()
    assert (lost.ready, lost.is_up, lost.cordoned) == (False, False, [])
    assert lost.lost_at is not None
    assert incidents() == [("lost", [], True)]
    assert NodeIncident.objects.get().detail == "The backend does not have node box any more."
    assert fresh(workload).state == "running", "nobody has proven it gone"
    assert intervals(workload) == [(1, True, False)]
    assert admit(WorkloadFactory.create(queue=place)).assignments[0]["node"] == "other"
    assert attempt_observed(attempt.pk, LOST)
    assert intervals(workload) == [(1, True, True)]
    Workload.objects.filter(pk=workload.pk).update(not_before=None)
    assert admit(workload).assignments[0]["node"] == "other"


def test_it_returns_when_it_is_back(place: Queue, sent: Sent) -> None:
    pool_discover("local", "fake", [OTHER])
    pool_discover("local", "fake", [OTHER])
    assert incidents() == [("lost", [], True)], "it is lost once"
    sent.take()
    pool_discover("local", "fake", [BOX, OTHER])
    assert (node().ready, node().is_up, node().lost_at) == (True, True, None)
    [incident] = NodeIncident.objects.all()
    assert (incident.closed_by, incident.close_reason) == ("discovery", "The backend has node box again.")
    assert (queues.ADMIT, str(place.pool_id)) in sent
    on_box(place)


def test_a_node_that_takes_no_jobs_is_not_ready_and_not_lost(found: ResourcePool) -> None:
    pool_discover("local", "fake", [replace(BOX, ready=False), OTHER])
    assert (node().ready, node().is_up, node().lost_at) == (False, False, None)
    assert incidents() == []


def test_a_look_that_finds_nothing_new_is_news_to_nobody(
    found: ResourcePool, sent: Sent, django_assert_max_num_queries: Any
) -> None:
    events = Event.objects.count()
    Node.objects.update(seen_at=clock.db_now() - timedelta(hours=1))
    changed = node().changed_at
    with django_assert_max_num_queries(9):
        pool_discover("local", "fake", [BOX, OTHER])
    assert node().seen_at > clock.db_now() - timedelta(minutes=1)
    assert (node().changed_at, Event.objects.count(), sent) == (changed, events, [])


def test_what_a_node_has_may_change(found: ResourcePool, sent: Sent) -> None:
    before = node("other").changed_at
    pool_discover("local", "fake", [replace(BOX, cpu_millis=4000), OTHER])
    assert (node().cpu_millis, node("other").changed_at) == (4000, before)
    assert node().changed_at != before
    assert sent[-1] == (queues.ADMIT, str(found.pk))


# Flapping -------------------------------------------------------------------------------------------------------


def away_and_back(times: int) -> None:
    for _ in range(times):
        pool_discover("local", "fake", [OTHER])
        pool_discover("local", "fake", [BOX, OTHER])


def test_a_node_that_comes_and_goes_is_drained(place: Queue, settings: Any) -> None:
    settings.BEDPLATE_FLAPS_MOST = 2
    workload, _ = on_box(place)
    away_and_back(2)
    assert (node().ready, fresh(workload).state) == (True, "running")
    pool_discover("local", "fake", [replace(BOX, ready=False), OTHER])
    pool_discover("local", "fake", [BOX, OTHER])
    assert (node().ready, node().is_up) == (False, True)
    assert node().drain_reason == "Node box went away 3 times within 3600 s."
    assert fresh(workload).state_reason == "evicted"
    [incident] = NodeIncident.objects.filter(kind="flapping")
    assert len(incident.evidence["times"]) == 3
    away_and_back(1)
    assert NodeIncident.objects.filter(kind="flapping").count() == 1
    node_undrain(node(), reason="The cable was loose.", actor=ACTOR)
    away_and_back(2)
    assert node().ready, "it begins anew"


def test_only_the_last_times_count(found: ResourcePool, settings: Any) -> None:
    settings.BEDPLATE_FLAPS_MOST = 2
    away_and_back(2)
    Node.objects.filter(name="box").update(went_away=[at - 3601 for at in node().went_away])
    away_and_back(1)
    assert node().ready
    assert len(node().went_away) == 1


def test_a_pool_of_many_nodes_is_looked_at_in_few_statements(
    found: ResourcePool, django_assert_max_num_queries: Any
) -> None:
    many = [replace(BOX, name=f"n{place}") for place in range(300)]
    with django_assert_max_num_queries(20):
        pool_discover("local", "fake", [BOX, OTHER, *many])
    with django_assert_max_num_queries(9):
        pool_discover("local", "fake", [BOX, OTHER, *many])


def test_a_node_of_another_pool_has_the_same_name(found: ResourcePool) -> None:
    NodeFactory.create(name="box", pool=ResourcePoolFactory.create())
    faults_take(found.pk, [fault()])
    assert [one.cordoned for one in Node.objects.filter(name="box").order_by("pk")] == [[0], []]
