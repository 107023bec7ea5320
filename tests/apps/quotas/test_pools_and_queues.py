"""Discovering pools, queues with their quotas, and quotas that somebody approved."""

from __future__ import annotations

import threading
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from apps.access.models import ApprovalRequest, User
from apps.access.services.approvals import approval_approve, approval_deny, approval_request
from apps.common import queues
from apps.common.audit import Actor
from apps.common.errors import Conflict, Invalid, Unavailable
from apps.common.models import AuditEvent
from apps.quotas.models import Node, Queue, Quota, ResourceFlavor, ResourcePool, Workload
from apps.quotas.services.approvals import approval_apply
from apps.quotas.services.pools import flavor_name, pool_discover
from apps.quotas.services.queues import queue_ensure
from apps.quotas.services.quotas import quota_set
from tests.support.factories.access import ProjectFactory, UserFactory
from tests.support.factories.quotas import NodeFactory, ResourcePoolFactory, WorkloadFactory, make_pool, make_queue
from tests.support.jobs import Sent
from workers.backends.base import GpuFacts, NodeFacts
from workers.backends.fake import FakeBackend

GIB = 1 << 30
MACHINE = NodeFacts("box", 4000, 8 * GIB, (GpuFacts(0, "NVIDIA H200", "GPU-a", 141 * GIB),))
ACTOR = Actor.system("test")


def quotas_of(queue: Queue) -> dict[str, int]:
    return dict(Quota.objects.filter(queue=queue, flavor="").values_list("resource", "nominal"))


@pytest.mark.django_db
def test_discovery_writes_down_what_there_is(sent: Sent) -> None:
    pool = pool_discover("local", "fake", [MACHINE])
    [node] = Node.objects.all()
    assert (node.pool, node.name, node.cpu_millis, node.memory_bytes, node.ready) == (pool, "box", 4000, 8 * GIB, True)
    assert node.gpus == [
        {"index": 0, "model": "NVIDIA H200", "uuid": "GPU-a", "memory_bytes": 141 * GIB, "flavor": "H200"}
    ]
    [flavor] = ResourceFlavor.objects.all()
    assert (flavor.name, flavor.gpu_model, flavor.gpu_memory_bytes, flavor.simulated) == (
        "H200",
        "NVIDIA H200",
        141 * GIB,
        False,
    )
    assert sent == [(queues.ADMIT, str(pool.pk))]


@pytest.mark.django_db
def test_discovery_again_brings_the_pool_up_to_date() -> None:
    first = pool_discover("local", "fake", [MACHINE, NodeFacts("old", 1000, GIB)])
    again = pool_discover("local", "fake", [replace(MACHINE, cpu_millis=8000, gpus=(), simulated=True)])
    assert first == again
    assert list(Node.objects.order_by("name").values_list("name", "cpu_millis", "gpus", "ready")) == [
        ("box", 8000, [], True),
        ("old", 1000, [], False),
    ]
    pool_discover("local", "fake", [MACHINE, NodeFacts("old", 1000, GIB)])
    assert list(Node.objects.values_list("ready", flat=True)) == [True, True]


@pytest.mark.django_db
def test_a_pool_keeps_its_backend() -> None:
    pool_discover("local", "fake", [MACHINE])
    with pytest.raises(Conflict, match="run by the backend fake, not by local"):
        pool_discover("local", "local", [MACHINE])


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("NVIDIA H200", "H200"),
        ("NVIDIA A100-SXM4-80GB", "A100-SXM4-80GB"),
        ("Tesla T4", "T4"),
        ("NVIDIA GeForce RTX 4090", "RTX-4090"),
        ("AMD Instinct MI300X", "AMD-Instinct-MI300X"),
        ("x" * 99, "x" * 60),
    ],
)
def test_kinds_of_gpu_have_short_names(model: str, name: str) -> None:
    assert flavor_name(model) == name


def test_the_command_discovers_the_backend_of_the_installation(db: None, fake: FakeBackend) -> None:
    fake.nodes = [MACHINE]
    out = StringIO()
    call_command("discover", stdout=out)
    call_command("discover", "--pool", "other", stdout=StringIO())
    assert out.getvalue() == "pool fake: box has 4 cores, 8 GiB of memory, GPU 0 NVIDIA H200\n"
    assert list(ResourcePool.objects.order_by("name").values_list("name", "backend")) == [
        ("fake", "fake"),
        ("other", "fake"),
    ]


def test_the_command_says_what_is_wrong(db: None, fake: FakeBackend, settings: Any) -> None:
    fake.fail_next("discover")
    with pytest.raises(CommandError, match="away"):
        call_command("discover")
    settings.BEDPLATE_BACKEND = "slurm"
    with pytest.raises(CommandError, match="no backend 'slurm'"):
        call_command("discover")
    assert ResourcePool.objects.count() == 0


# Queues ---------------------------------------------------------------------------------------------------------


def test_a_queue_is_made_once_guaranteed_nothing_and_free_to_use_what_is_idle(pool: ResourcePool) -> None:
    project = ProjectFactory.create()
    queue = queue_ensure(project)
    assert queue_ensure(project) == queue
    assert quotas_of(queue) == {"cpu_millis": 0, "memory_bytes": 0, "gpus": 0}
    assert set(queue.quotas.values_list("borrowing_limit", "lending_limit", "weight")) == {(None, None, None)}


def test_a_quota_that_is_set_first_is_all_that_may_be_held(pool: ResourcePool) -> None:
    queue = queue_ensure(ProjectFactory.create())
    assert quota_set(queue, "cpu_millis", "", 1000, actor=ACTOR).borrowing_limit == 0
    assert quota_set(queue, "gpus", "", 0, actor=ACTOR, borrowing_limit=None).borrowing_limit is None


@pytest.mark.django_db(transaction=True)
def test_two_who_need_the_queue_at_once_get_the_same(settings: Any) -> None:
    settings.BEDPLATE_BACKEND = "fake"
    make_pool()
    project = ProjectFactory.create()
    start, got = threading.Barrier(3), []

    def run() -> None:
        start.wait()
        got.append(queue_ensure(project).pk)
        connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 3
    assert len(set(got)) == 1
    assert Quota.objects.count() == 3


def test_the_pool_of_ones_own_organisation_comes_first(pool: ResourcePool) -> None:
    project = ProjectFactory.create()
    own = ResourcePoolFactory.create(name="zz", organisation=project.organisation)
    assert queue_ensure(project).pool == pool, "a pool without machines is none"
    other = ProjectFactory.create(organisation=project.organisation, team=project.team)
    NodeFactory.create(pool=own)
    assert queue_ensure(other).pool == own
    assert queue_ensure(ProjectFactory.create()).pool == pool


def test_a_pool_of_another_backend_or_organisation_is_not_taken(pool: ResourcePool, settings: Any) -> None:
    settings.BEDPLATE_BACKEND = "local"
    with pytest.raises(Unavailable):
        queue_ensure(ProjectFactory.create())
    settings.BEDPLATE_BACKEND = "fake"
    ResourcePool.objects.update(organisation=UserFactory.create().organisation)
    with pytest.raises(Unavailable):
        queue_ensure(ProjectFactory.create())


def test_a_lowered_quota_stops_nobody_and_admits_nobody(queue: Queue, sent: Sent) -> None:
    running = WorkloadFactory.create(queue=queue, state="running")
    quota_set(queue, "cpu_millis", "", 500, actor=ACTOR)
    assert sent == [(queues.ADMIT, str(queue.pool_id))]
    running.refresh_from_db()
    assert running.state == "running"
    limits = {"borrowing_limit": 0, "lending_limit": None, "weight": None}
    assert AuditEvent.objects.get(action="quota.set").detail == {
        "resource": "cpu_millis",
        "flavor": "",
        "nominal": 500,
        "was": 8000,
        "of": str(queue),
        "before": {"nominal": 8000, **limits},
        "after": {"nominal": 500, **limits},
    }


# Approval -------------------------------------------------------------------------------------------------------


@pytest.fixture
def root(db: None) -> User:
    made: User = UserFactory.create(is_superuser=True, username="root")
    return made


def asked(place: Queue, **arguments: Any) -> ApprovalRequest:
    wanted = {"queue": str(place.pk), "resource": "cpu_millis", "flavor": "", "nominal": 16_000, **arguments}
    user = UserFactory.create()
    return approval_request(
        project=place.project, command="quota.set", arguments=wanted, requested_by=user, actor=Actor.user(user)
    )


def fresh(approval: ApprovalRequest) -> ApprovalRequest:
    found: ApprovalRequest = ApprovalRequest.objects.get(pk=approval.pk)
    return found


def test_an_approved_quota_is_set_once(queue: Queue, root: User) -> None:
    approval = asked(queue)
    approval_apply(approval.pk)
    assert quotas_of(queue)["cpu_millis"] == 8000, "nobody has approved it yet"
    approval_approve(approval=fresh(approval), decided_by=root, actor=Actor.user(root))
    approval_apply(approval.pk)
    assert quotas_of(queue)["cpu_millis"] == 16_000
    assert fresh(approval).outcome == "cpu_millis is 16000 now."
    quota_set(queue, "cpu_millis", "", 1, actor=ACTOR)
    approval_apply(approval.pk)
    assert quotas_of(queue)["cpu_millis"] == 1
    assert AuditEvent.objects.filter(action="quota.set", actor_name="root").count() == 1


def test_a_denied_quota_is_not_set(queue: Queue, root: User) -> None:
    approval = asked(queue)
    approval_deny(approval=approval, decided_by=root, actor=Actor.user(root))
    approval_apply(approval.pk)
    assert (quotas_of(queue)["cpu_millis"], fresh(approval).applied_at) == (8000, None)


def test_the_rules_hold_when_it_is_applied(queue: Queue, root: User) -> None:
    """What was asked for a queue of another project, or of none any more, is refused however it was approved."""
    other = make_queue(ResourcePoolFactory.create())
    approval = asked(queue, queue=str(other.pk))
    approval_approve(approval=approval, decided_by=root, actor=Actor.user(root))
    approval_apply(approval.pk)
    assert fresh(approval).outcome == "Refused: The project has no such queue."
    assert quotas_of(other)["cpu_millis"] == 8000


@pytest.mark.parametrize(
    "wrong",
    [
        {"queue": "x"},
        {"queue": None},
        {"resource": "patience"},
        {"nominal": "many"},
        {"nominal": -1},
        {"flavor": "H200"},
    ],
)
def test_a_quota_that_makes_no_sense_cannot_be_asked_for(wrong: dict[str, Any], queue: Queue) -> None:
    with pytest.raises(Invalid):
        asked(queue, **wrong)
    assert Workload.objects.count() == ApprovalRequest.objects.count() == 0
