"""Quotas with limits, queues with caps, shares of GPUs, priorities and policies: set, refused, audited."""

from __future__ import annotations

from typing import Any

import pytest

from apps.common.audit import Actor
from apps.common.errors import Conflict, Invalid
from apps.common.models import AuditEvent
from apps.quotas.models import PriorityClass, Queue, Quota, ResourceFlavor, ResourcePool
from apps.quotas.services.flavors import flavor_share_create, share_name
from apps.quotas.services.policies import BOUNDS, pool_policy_change
from apps.quotas.services.priorities import priority_class_change, priority_class_create
from apps.quotas.services.queues import queue_change
from apps.quotas.services.quotas import quota_remove, quota_set
from tests.support.factories.access import UserFactory
from tests.support.factories.quotas import (
    CohortFactory,
    PriorityClassFactory,
    QueueFactory,
    QuotaFactory,
    ResourceFlavorFactory,
    WorkloadFactory,
    make_pool,
    make_queue,
)

pytestmark = pytest.mark.django_db
ACTOR = Actor.system("test")


def last_audit() -> tuple[str, Any, Any]:
    return AuditEvent.objects.order_by("-id").values_list("action", "project_id", "detail")[0]


@pytest.fixture
def pool() -> ResourcePool:
    return make_pool(H200=4)


@pytest.fixture
def queue(pool: ResourcePool) -> Queue:
    return make_queue(pool, gpus=4)


def test_a_new_quota_is_a_hard_cap(queue: Queue) -> None:
    made = quota_set(queue, "gpus", "H200", 2, actor=ACTOR)
    made.refresh_from_db()
    assert (made.nominal, made.borrowing_limit, made.lending_limit, made.weight) == (2, 0, None, None)


def test_what_is_not_named_stays(queue: Queue) -> None:
    quota_set(queue, "gpus", "", 4, borrowing_limit=None, lending_limit=1, weight=0.5, actor=ACTOR)
    quota_set(queue, "gpus", "", 3, actor=ACTOR)
    row = Quota.objects.get(queue=queue, resource="gpus")
    assert (row.nominal, row.borrowing_limit, row.lending_limit, row.weight) == (3, None, 1, 0.5)
    action, project_id, detail = last_audit()
    assert (action, project_id) == ("quota.set", queue.project_id)
    rest = {"borrowing_limit": None, "lending_limit": 1, "weight": 0.5}
    assert detail["before"] == {"nominal": 4, **rest}
    assert detail["after"] == {"nominal": 3, **rest}
    assert (detail["was"], detail["nominal"], detail["of"]) == (4, 3, str(queue))


def test_a_cohort_has_quotas_of_its_own(pool: ResourcePool, queue: Queue) -> None:
    cohort = CohortFactory.create(pool=pool)
    made = quota_set(cohort, "gpus", "", 2, borrowing_limit=1, actor=ACTOR)
    assert (made.cohort, made.queue, made.nominal, made.borrowing_limit) == (cohort, None, 2, 1)
    assert quota_set(cohort, "gpus", "", 3, actor=ACTOR).pk == made.pk
    assert last_audit()[:2] == ("quota.set", None)
    assert Quota.objects.get(queue=queue, resource="gpus").nominal == 4


def test_more_lent_than_owned_is_refused(queue: Queue) -> None:
    with pytest.raises(Invalid, match="lending_limit: 5 is more than the nominal 4 that it owns") as caught:
        quota_set(queue, "gpus", "", 4, lending_limit=5, actor=ACTOR)
    assert list(caught.value.fields) == ["lending_limit"]
    quota_set(queue, "gpus", "", 4, lending_limit=4, actor=ACTOR)
    with pytest.raises(Invalid, match="lending_limit: 4 is more than the nominal 3"):
        quota_set(queue, "gpus", "", 3, actor=ACTOR)
    assert Quota.objects.get(queue=queue, resource="gpus").nominal == 4


@pytest.mark.parametrize("limits", [{"borrowing_limit": -1}, {"lending_limit": -1}, {"borrowing_limit": 1 << 61}])
def test_absurd_limits_are_refused(queue: Queue, limits: Any) -> None:
    with pytest.raises(Invalid, match="is not between 0 and"):
        quota_set(queue, "gpus", "", 4, **limits, actor=ACTOR)


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_what_is_no_weight_is_refused(queue: Queue, weight: float) -> None:
    with pytest.raises(Invalid, match="weight"):
        quota_set(queue, "gpus", "", 4, weight=weight, actor=ACTOR)


def test_a_weight_of_zero_is_one(queue: Queue) -> None:
    assert quota_set(queue, "gpus", "", 4, weight=0.0, actor=ACTOR).weight == 0


def test_a_quota_below_what_is_held_is_accepted(queue: Queue) -> None:
    held = WorkloadFactory.create(queue=queue, state="running")
    assert quota_set(queue, "cpu_millis", "", 1, actor=ACTOR).nominal == 1
    held.refresh_from_db()
    assert held.state == "running"


def test_a_share_has_no_quota_of_its_own(pool: ResourcePool, queue: Queue) -> None:
    flavor_share_create(share_of=ResourceFlavor.objects.get(name="H200"), share_millis=250, actor=ACTOR)
    with pytest.raises(Invalid, match="H200/4 is a share of H200: its use counts for the quota of that"):
        quota_set(queue, "gpus", "H200/4", 4, actor=ACTOR)


def test_a_quota_is_removed_once(queue: Queue) -> None:
    quota = Quota.objects.get(queue=queue, resource="gpus")
    quota_remove(quota=quota, actor=ACTOR)
    quota_remove(quota=quota, actor=ACTOR)
    assert set(Quota.objects.filter(queue=queue).values_list("resource", flat=True)) == {"cpu_millis", "memory_bytes"}
    assert AuditEvent.objects.filter(action="quota.removed").count() == 1
    action, project_id, detail = last_audit()
    assert (action, project_id, detail["after"]) == ("quota.removed", queue.project_id, None)
    assert detail["before"]["nominal"] == 4


def test_a_queue_gets_a_cohort_a_weight_and_caps(pool: ResourcePool, queue: Queue) -> None:
    cohort = CohortFactory.create(pool=pool, name="vision")
    queue_change(queue=queue, cohort=cohort, weight=0.0, running_most=3, gpus_per_run_most=8, actor=ACTOR)
    row = Queue.objects.get(pk=queue.pk)
    caps = (row.running_most, row.gpus_per_run_most, row.run_seconds_most)
    assert (row.cohort, row.weight, caps) == (cohort, 0.0, (3, 8, None))
    action, project_id, detail = last_audit()
    assert (action, project_id) == ("queue.changed", queue.project_id)
    assert detail["before"] == {"cohort": None, "weight": 1.0, "running_most": None, "gpus_per_run_most": None}
    assert detail["after"]["cohort"] == {"id": str(cohort.pk), "name": "vision"}
    queue_change(queue=row, cohort=None, running_most=None, actor=ACTOR)
    assert Queue.objects.get(pk=queue.pk).cohort is None


def test_a_cohort_of_another_pool_is_refused(queue: Queue) -> None:
    other = CohortFactory.create(name="theirs")
    with pytest.raises(Invalid, match="theirs is no cohort of local"):
        queue_change(queue=queue, cohort=other, actor=ACTOR)
    assert Queue.objects.get(pk=queue.pk).cohort is None


@pytest.mark.parametrize("caps", [{"running_most": 0}, {"gpus_per_run_most": -1}, {"run_seconds_most": 1 << 31}])
def test_a_cap_that_no_workload_keeps_is_refused(queue: Queue, caps: Any) -> None:
    with pytest.raises(Invalid, match="is not between 1 and 2147483647"):
        queue_change(queue=queue, **caps, actor=ACTOR)


@pytest.mark.parametrize(
    ("millis", "name"), [(250, "H200/4"), (500, "H200/2"), (125, "H200/8"), (300, "H200 30%"), (999, "H200 99.9%")]
)
def test_a_share_is_named_by_its_size(millis: int, name: str) -> None:
    assert share_name("H200", millis) == name


def test_a_share_is_not_isolated_and_has_its_part_of_the_memory(pool: ResourcePool) -> None:
    whole = ResourceFlavor.objects.get(name="H200")
    made = flavor_share_create(share_of=whole, share_millis=250, actor=ACTOR)
    made.refresh_from_db()
    assert (made.name, made.pool, made.share_of, made.share_millis, made.isolated) == (
        "H200/4",
        pool,
        whole,
        250,
        False,
    )
    assert made.gpu_memory_bytes == whole.gpu_memory_bytes // 4
    assert last_audit()[0] == "resource_flavor.created"
    with pytest.raises(Conflict, match="local has a kind of GPU named H200/4 already"):
        flavor_share_create(share_of=whole, share_millis=250, actor=ACTOR)
    with pytest.raises(Invalid, match="H200/4 is a share already; name the kind of the whole device"):
        flavor_share_create(share_of=made, share_millis=500, actor=ACTOR)


@pytest.mark.parametrize("millis", [0, 1000, -5])
def test_a_share_is_less_than_a_device(pool: ResourcePool, millis: int) -> None:
    with pytest.raises(Invalid, match="share_millis"):
        flavor_share_create(share_of=ResourceFlavor.objects.get(name="H200"), share_millis=millis, actor=ACTOR)


def test_a_priority_has_a_policy() -> None:
    made = priority_class_create(name="urgent", value=50, preemption="lower_priority", actor=ACTOR)
    priority_class_change(priority_class=made, preemption="never", actor=ACTOR)
    row = PriorityClass.objects.get(pk=made.pk)
    assert (row.value, row.preemption) == (50, "never")
    assert last_audit()[2] == {"before": {"preemption": "lower_priority"}, "after": {"preemption": "never"}}
    with pytest.raises(Invalid, match="preemption"):
        priority_class_change(priority_class=made, preemption="always", actor=ACTOR)
    with pytest.raises(Conflict):
        priority_class_change(priority_class=PriorityClassFactory.create(), name="urgent", actor=ACTOR)


def test_a_policy_is_changed_and_audited(pool: ResourcePool) -> None:
    UserFactory.create_batch(2, is_superuser=True)
    pool_policy_change(pool=pool, half_life_seconds=3600, preemption=False, changes_need_approval=True, actor=ACTOR)
    row = ResourcePool.objects.get(pk=pool.pk)
    assert (row.half_life_seconds, row.preemption, row.changes_need_approval) == (3600, False, True)
    before = {"half_life_seconds": 86_400, "preemption": True, "changes_need_approval": False}
    after = {"half_life_seconds": 3600, "preemption": False, "changes_need_approval": True}
    assert last_audit() == ("resource_pool.changed", None, {"before": before, "after": after})


def test_approval_is_not_wanted_where_nobody_could_give_it(pool: ResourcePool) -> None:
    UserFactory.create(is_superuser=True)
    UserFactory.create(is_superuser=True, is_active=False)
    with pytest.raises(Invalid, match="there is no second administrator of the installation who could decide"):
        pool_policy_change(pool=pool, changes_need_approval=True, actor=ACTOR)
    assert not ResourcePool.objects.get(pk=pool.pk).changes_need_approval


@pytest.mark.parametrize(("name", "end"), [(name, end) for name in BOUNDS for end in (0, 1)])
def test_a_policy_has_bounds(pool: ResourcePool, name: str, end: int) -> None:
    beyond = BOUNDS[name][0] - 1 if end == 0 else BOUNDS[name][1] + 1
    with pytest.raises(Invalid, match=name):
        pool_policy_change(pool=pool, **{name: beyond}, actor=ACTOR)  # type: ignore[arg-type]
    pool_policy_change(pool=pool, **{name: BOUNDS[name][end]}, actor=ACTOR)  # type: ignore[arg-type]


def test_factories_make_what_there_is() -> None:
    assert QueueFactory.create().cohort is None
    assert QuotaFactory.create(queue=None, cohort=CohortFactory.create()).queue is None
    assert ResourceFlavorFactory.create().isolated
