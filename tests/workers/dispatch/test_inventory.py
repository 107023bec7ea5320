"""The backend is asked again and again what it has and what is broken: whatever it answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from apps.common import clock
from apps.common.audit import Actor
from apps.quotas.models import Attempt, MemberUsage, Node, NodeIncident, Queue, ResourcePool, Workload
from apps.quotas.models.member_usage import packed
from apps.quotas.services import faults as services_faults
from apps.quotas.services.nodes import node_undrain
from apps.quotas.services.pools import pool_discover
from apps.quotas.services.reports import heartbeat
from tests.support.factories.quotas import IdlePolicyFactory, WorkloadFactory, job_spec, make_queue
from tests.support.jobs import admit, fresh, story
from tests.workers.dispatch.driving import attempt_of_workload, launched
from workers.backends.base import UNSEEN, Backend, DeviceFault, GpuFacts, GpuUse, MemberUse, NodeFacts, Unsupported
from workers.backends.fake import FakeBackend
from workers.backends.local.backend import LocalBackend
from workers.dispatch import registry
from workers.dispatch.idle import idle_watch
from workers.dispatch.inventory import inventory_refresh
from workers.dispatch.observe import observe_due
from workers.dispatch.stop import stop_due

GIB = 1 << 30
GPUS = tuple(GpuFacts(index, "NVIDIA H200", f"GPU-{index}", 141 * GIB) for index in range(2))
BOX = NodeFacts("box", 8000, 64 * GIB, GPUS)
OTHER = NodeFacts("other", 8000, 64 * GIB, tuple(replace(gpu, uuid=f"GPU-x{gpu.index}") for gpu in GPUS))


@pytest.fixture
def found(db: None, fake: FakeBackend) -> ResourcePool:
    fake.nodes = [BOX, OTHER]
    return pool_discover("fake", "fake", fake.nodes)


@pytest.fixture
def place(found: ResourcePool) -> Queue:
    return make_queue(found, cores=99, memory=999, gpus=99)


def test_a_broken_gpu_is_found_and_its_work_starts_elsewhere(place: Queue, fake: FakeBackend) -> None:
    workload = launched(place, spec_object=job_spec(gpus=2))
    assert {one["node"] for one in workload.assignments} == {"box"}
    observe_due()
    fake.broken = [DeviceFault("box", 1, "ecc", 2)]
    inventory_refresh()
    assert (fresh(workload).state, fresh(workload).state_reason) == ("stopping", "evicted")
    stop_due()
    again = admit(workload)
    assert [(one["node"], one["devices"]) for one in again.assignments] == [("other", [0, 1])]
    assert [step for step in story(workload) if step[0] in ("stopping", "pending")] == [
        ("stopping", "evicted"),
        ("pending", "evicted"),
    ]
    inventory_refresh()
    assert NodeIncident.objects.count() == 1


def test_a_node_that_its_backend_does_not_have_any_more_is_lost_and_comes_back(place: Queue, fake: FakeBackend) -> None:
    workload = launched(place)
    observe_due()
    fake.nodes = [OTHER]
    inventory_refresh()
    assert Node.objects.get(name="box").lost_at is not None
    assert fresh(workload).state == "running"
    assert admit(WorkloadFactory.create(queue=place)).assignments[0]["node"] == "other"
    fake.nodes = [BOX, OTHER]
    inventory_refresh()
    assert (Node.objects.get(name="box").ready, NodeIncident.objects.get().closed_by) == (True, "discovery")


@pytest.mark.parametrize("verb", ["discover", "faults"])
def test_a_backend_that_is_away_says_nothing(found: ResourcePool, fake: FakeBackend, verb: str) -> None:
    fake.nodes, fake.broken = [], [DeviceFault("box", 0, "gone")]
    fake.fail_next(verb)
    inventory_refresh()
    lost = set(Node.objects.exclude(lost_at=None).values_list("name", flat=True))
    assert lost == (set() if verb == "discover" else {"box", "other"})
    assert NodeIncident.objects.filter(kind="gone").exists() is (verb == "discover")


def test_this_machine_is_looked_at_and_nothing_is_wrong_with_it(
    db: None, fake: FakeBackend, settings: Any, tmp_path: Path
) -> None:
    settings.BEDPLATE_BACKEND = "local"
    local = LocalBackend(tmp_path)
    registry.backend_use(local)
    pool_discover("local", "local", local.discover())
    Node.objects.update(seen_at=clock.db_now() - timedelta(hours=1))
    changed = Node.objects.get().changed_at
    inventory_refresh()
    [node] = Node.objects.all()
    assert node.seen_at > clock.db_now() - timedelta(minutes=1)
    assert (node.ready, node.lost_at, node.changed_at) == (True, None, changed)
    assert NodeIncident.objects.count() == 0


def test_pools_of_other_backends_are_left_alone(found: ResourcePool, fake: FakeBackend) -> None:
    ResourcePool.objects.filter(pk=found.pk).update(backend="local")
    fake.nodes = []
    inventory_refresh()
    assert fake.calls["discover"] == fake.calls["faults"] == 0
    assert Node.objects.filter(lost_at=None).count() == 2


def test_what_a_backend_cannot_tell_is_not_asked(
    found: ResourcePool, fake: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mute:
        name = "fake"

    def absent(name: str) -> Backend:
        raise Unsupported("There is no such backend.")

    monkeypatch.setattr(registry, "backend_named", lambda name: Mute())
    inventory_refresh()
    monkeypatch.setattr(registry, "backend_named", absent)
    inventory_refresh()
    assert Node.objects.filter(ready=True).count() == 2


def test_what_idles_is_warned_and_stopped_from_what_heartbeats_said(place: Queue, fake: FakeBackend) -> None:
    IdlePolicyFactory.create(pool=place.pool)
    workload = launched(place, spec_object=job_spec(gpus=1))
    observe_due()
    attempt = attempt_of_workload(workload)
    now = clock.db_now()
    older = [[(now - timedelta(seconds=ago)).timestamp(), 0.1, 5.0, 0.0, 7.0] for ago in range(130, 0, -5)]
    gpu = {"index": 0, "utilisation_ratio": 0.0, "memory_bytes": 7}
    Attempt.objects.filter(pk=attempt.pk).update(started_at=now - timedelta(hours=1))
    heartbeat(attempt_of_workload(workload), rank=0, sample={"cpu_ratio": 0.1, "memory_bytes": 5, "gpus": [gpu]})
    usage = MemberUsage.objects.get(attempt=attempt)
    MemberUsage.objects.filter(pk=usage.pk).update(recent=packed([*older, *usage.samples()]))
    assert idle_watch() == 1
    told = fresh(workload)
    assert (told.state, told.idle_warned_at is not None) == ("running", True)
    assert told.idle_warned_at is not None
    Workload.objects.filter(pk=told.pk).update(idle_warned_at=told.idle_warned_at - timedelta(seconds=61))
    assert idle_watch() == 1
    assert (fresh(workload).state, fresh(workload).state_reason) == ("stopping", "idle")
    stop_due()
    assert (fresh(workload).state, fresh(workload).state_reason) == ("cancelled", "idle")


def test_what_has_ended_meanwhile_ends_as_it_did(place: Queue, fake: FakeBackend) -> None:
    IdlePolicyFactory.create(pool=place.pool)
    workload = launched(place, spec_object=job_spec(gpus=1))
    observe_due()
    Workload.objects.filter(pk=workload.pk).update(
        idle_since=clock.db_now() - timedelta(hours=1), idle_warned_at=clock.db_now() - timedelta(minutes=30)
    )
    fake.finish(str(attempt_of_workload(workload).pk))
    assert idle_watch() == 1
    assert (fresh(workload).state, fresh(workload).state_reason) == ("succeeded", "completed")


def test_what_idles_is_warned_from_what_its_backend_sees_where_it_cannot_tell_itself(
    place: Queue, fake: FakeBackend
) -> None:
    IdlePolicyFactory.create(pool=place.pool)
    workload = launched(place, spec_object=job_spec(gpus=1))
    observe_due()
    attempt = attempt_of_workload(workload)
    Attempt.objects.filter(pk=attempt.pk).update(started_at=clock.db_now() - timedelta(hours=1))
    fake.used = [MemberUse(str(attempt.pk), 0, (GpuUse(0.0, 7),))]
    silent = {"cpu_ratio": 0.1, "memory_bytes": 5, "gpus": []}
    heartbeat(attempt_of_workload(workload), rank=0, sample=silent)
    assert idle_watch() == 0, "seen for the first time"
    now = clock.db_now()
    older = [[(now - timedelta(seconds=ago)).timestamp(), 0.1, 5.0, 0.0, 7.0] for ago in range(130, 0, -5)]
    heartbeat(attempt_of_workload(workload), rank=0, sample=silent)
    usage = MemberUsage.objects.get(attempt=attempt)
    assert usage.samples()[-1][1:] == [0.1, 5.0, 0.0, 7.0]
    MemberUsage.objects.filter(pk=usage.pk).update(recent=packed([*older, usage.samples()[-1]]))
    assert idle_watch() == 1
    assert fresh(workload).idle_warned_at is not None


def test_a_backend_that_does_not_see_what_gpus_do_keeps_nobody_from_being_judged(
    place: Queue, fake: FakeBackend
) -> None:
    IdlePolicyFactory.create(pool=place.pool)
    workload = launched(place, spec_object=job_spec(gpus=1))
    observe_due()
    Workload.objects.filter(pk=workload.pk).update(
        idle_since=clock.db_now() - timedelta(hours=1), idle_warned_at=clock.db_now() - timedelta(minutes=30)
    )
    fake.fail_next("use")
    assert idle_watch() == 1
    assert fresh(workload).idle_warned_at is None, "nobody can tell any more"


def test_of_a_node_that_nobody_saw_nothing_is_mended(
    found: ResourcePool, fake: FakeBackend, caplog: pytest.LogCaptureFixture
) -> None:
    """What an administrator has dealt with is no news when the node is seen again."""
    fake.broken = [DeviceFault("box", 1, "ecc", 2)]
    inventory_refresh()
    node_undrain(Node.objects.get(name="box"), reason="replaced its memory", devices=[1], actor=Actor.system("test"))
    fake.broken = [DeviceFault("box", 0, UNSEEN)]
    inventory_refresh()
    fake.broken = [DeviceFault("box", 1, "ecc", 2)]
    inventory_refresh()
    assert NodeIncident.objects.filter(closed_at=None).count() == 0
    fake.broken = []
    inventory_refresh()
    fake.broken = [DeviceFault("box", 1, "ecc", 2)]
    inventory_refresh()
    assert NodeIncident.objects.filter(closed_at=None).count() == 1
    assert services_faults.UNSEEN == UNSEEN
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []
