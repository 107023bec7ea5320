"""Pools, queues, workloads in any state, attempts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import factory
from factory.django import DjangoModelFactory
from uuid6 import uuid7

from apps.common import clock
from apps.quotas.models import (
    Attempt,
    Budget,
    BudgetHold,
    Cluster,
    Cohort,
    IdlePolicy,
    LogChunk,
    Node,
    NodeIncident,
    PriorityClass,
    Queue,
    QueueHistory,
    Quota,
    Rate,
    ResourceFlavor,
    ResourcePool,
    StartEstimate,
    UsageRecord,
    WhatIf,
    Workload,
)
from apps.quotas.services.requests import shape_of
from apps.quotas.states import LAUNCHED, OCCUPYING, Resource, WhatIfBasis, WorkloadKind
from tests.support.factories.access import ProjectFactory, UserFactory
from workers.contracts.specs import JobSpec, Resources, ServingSpec, Spec, spec_to_json

GIB = 1 << 30
SHAPED = (
    ("cpu_millis", 0),
    ("memory_bytes", 0),
    ("gpus", 0),
    ("gpu_millis", 1000),
    ("flavor", ""),
    ("topology", ""),
    ("count_min", 1),
    ("count_max", 1),
)
"""Of what the shape of a workload is made, and what a row has that says nothing of it."""


def job_spec(cores: float = 1, memory: float = 1, gpus: int = 0, flavor: str = "", **kwargs: Any) -> JobSpec:
    """A job; cores and GiB of one member."""
    asked = Resources(int(cores * 1000), int(memory * GIB), gpus, flavor)
    return JobSpec(**{"command": ("python", "-c", "pass"), "resources": asked, **kwargs})


def serving_spec(cores: float = 1, memory: float = 1, **kwargs: Any) -> ServingSpec:
    asked = Resources(int(cores * 1000), int(memory * GIB))
    return ServingSpec(**{"command": ("python", "-m", "http.server"), "resources": asked, **kwargs})


class ResourcePoolFactory(DjangoModelFactory[ResourcePool]):
    """A pool without nodes, run by the fake backend."""

    class Meta:
        model = ResourcePool

    name = factory.Sequence(lambda n: f"pool-{n}")
    backend = "fake"


class ClusterFactory(DjangoModelFactory[Cluster]):
    """A cluster that the control plane is in itself, never checked, with its pool."""

    class Meta:
        model = Cluster
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"cluster-{n}")
    kind = "in_cluster"

    @factory.post_generation
    def with_pool(self: Any, create: bool, extracted: Any, **kwargs: Any) -> None:
        if create and extracted is not False:
            ResourcePool.objects.create(name=self.name, backend=self.backend, cluster=self)


class ResourceFlavorFactory(DjangoModelFactory[ResourceFlavor]):
    class Meta:
        model = ResourceFlavor

    pool = factory.SubFactory(ResourcePoolFactory)
    name = "H200"
    gpu_model = "NVIDIA H200"
    gpu_memory_bytes = 141 * GIB


class NodeFactory(DjangoModelFactory[Node]):
    """8 cores, 64 GiB, no GPU."""

    class Meta:
        model = Node

    pool = factory.SubFactory(ResourcePoolFactory)
    name = factory.Sequence(lambda n: f"node-{n}")
    cpu_millis = 8000
    memory_bytes = 64 * GIB
    gpus = factory.LazyFunction(list)
    seen_at = factory.LazyFunction(clock.now)


class NodeIncidentFactory(DjangoModelFactory[NodeIncident]):
    """One that is over, of a whole node; what follows from an open one is written by the services only."""

    class Meta:
        model = NodeIncident

    node = factory.SubFactory(NodeFactory)
    kind = "drained"
    detail = "The power supply is replaced."
    opened_at = factory.LazyFunction(clock.now)
    opened_by = "root"
    closed_at = factory.SelfAttribute("opened_at")
    closed_by = "root"
    close_reason = "It is new."


class PriorityClassFactory(DjangoModelFactory[PriorityClass]):
    class Meta:
        model = PriorityClass

    name = factory.Sequence(lambda n: f"priority-{n}")
    value = 10


class CohortFactory(DjangoModelFactory[Cohort]):
    """A cohort directly below its pool, without quotas: it guarantees and limits nothing."""

    class Meta:
        model = Cohort

    pool = factory.SubFactory(ResourcePoolFactory)
    name = factory.Sequence(lambda n: f"cohort-{n}")


class QueueFactory(DjangoModelFactory[Queue]):
    """A queue without quotas: see `make_queue`."""

    class Meta:
        model = Queue

    project = factory.SubFactory(ProjectFactory)
    pool = factory.SubFactory(ResourcePoolFactory)


class IdlePolicyFactory(DjangoModelFactory[IdlePolicy]):
    """Of a whole pool: warned after a minute, stopped after another, without any grace."""

    class Meta:
        model = IdlePolicy

    pool = factory.SubFactory(ResourcePoolFactory)
    action = "stop"
    threshold_ratio = 0.1
    warn_seconds = 60
    stop_seconds = 60
    grace_seconds = 0
    kinds = factory.LazyFunction(lambda: ["job"])


class QuotaFactory(DjangoModelFactory[Quota]):
    """A hard cap of a queue; of a cohort with `queue=None`."""

    class Meta:
        model = Quota

    queue = factory.SubFactory(QueueFactory)
    resource = Resource.CPU_MILLIS
    nominal = 8000
    borrowing_limit = 0


class QueueHistoryFactory(DjangoModelFactory[QueueHistory]):
    class Meta:
        model = QueueHistory

    queue = factory.SubFactory(QueueFactory)
    resource = Resource.CPU_MILLIS
    amount = 1000.0
    at = factory.LazyFunction(clock.db_now)


class _OfProject(DjangoModelFactory[Any]):
    """Takes the project, or what `above` names and the row belongs to; the other follows."""

    class Meta:
        abstract = True

    _above = ""

    @classmethod
    def _generate(cls, strategy: Any, params: dict[str, Any]) -> Any:
        if cls._above in params:
            params.setdefault("project", params[cls._above].project)
        return super()._generate(strategy, params)


class WorkloadFactory(_OfProject):
    """A workload of one core and one GiB, in whatever state is named, past every service.

    What occupies has been granted `count_max` members on `node-0`; what was launched has an open attempt.
    """

    class Meta:
        model = Workload
        skip_postgeneration_save = True

    class Params:
        spec_object = factory.LazyFunction(job_spec)

    _above = "queue"
    project = factory.SubFactory(ProjectFactory)
    queue = factory.SubFactory(QueueFactory, project=factory.SelfAttribute("..project"))
    pool = factory.SelfAttribute("queue.pool")
    name = factory.Sequence(lambda n: f"workload-{n}")
    owner_kind = "run"
    owner_id = factory.LazyFunction(uuid7)
    kind = factory.LazyAttribute(lambda o: o.spec_object.kind)
    spec = factory.LazyAttribute(lambda o: spec_to_json(o.spec_object))
    cpu_millis = factory.LazyAttribute(lambda o: o.spec_object.resources.cpu_millis)
    memory_bytes = factory.LazyAttribute(lambda o: o.spec_object.resources.memory_bytes)
    gpus = factory.LazyAttribute(lambda o: o.spec_object.resources.gpus)
    flavor = factory.LazyAttribute(lambda o: o.spec_object.resources.flavor)
    time_limit_seconds = factory.LazyAttribute(lambda o: getattr(o.spec_object, "time_limit_seconds", 0))
    shape = factory.LazyAttribute(lambda o: shape_of(**{name: getattr(o, name, least) for name, least in SHAPED}))
    state = "pending"
    count_granted = factory.LazyAttribute(lambda o: getattr(o, "count_max", 1) if o.state in OCCUPYING else 0)
    assignments = factory.LazyAttribute(lambda o: [{"node": "node-0", "devices": []}] * o.count_granted)
    admitted_at = factory.LazyAttribute(lambda o: clock.now() if o.state in OCCUPYING else None)
    attempts_made = factory.LazyAttribute(lambda o: int(o.state in LAUNCHED))

    @classmethod
    def _create(cls, model_class: type[Workload], *args: Any, **kwargs: Any) -> Workload:
        workload: Workload = super()._create(model_class, *args, **kwargs)
        if workload.state in OCCUPYING:
            UsageRecordFactory.create(workload=workload)
        if workload.state in LAUNCHED:
            AttemptFactory.create(workload=workload)
        return workload


class AttemptFactory(_OfProject):
    """An open attempt that the backend `fake` has acknowledged."""

    class Meta:
        model = Attempt

    id = factory.LazyFunction(uuid7)
    _above = "workload"
    project = factory.SubFactory(ProjectFactory)
    workload = factory.SubFactory(WorkloadFactory, project=factory.SelfAttribute("..project"))
    number = 1
    handle = factory.LazyAttribute(lambda o: {"backend": "fake", "data": {"attempt_id": str(o.id)}})
    submitted_at = factory.LazyFunction(clock.db_now)
    told_at = factory.LazyFunction(clock.db_now)
    count_told = factory.SelfAttribute("workload.count_granted")


class UsageRecordFactory(_OfProject):
    """The open interval of what a workload holds."""

    class Meta:
        model = UsageRecord

    _above = "workload"
    project = factory.SubFactory(ProjectFactory)
    workload = factory.SubFactory(WorkloadFactory, project=factory.SelfAttribute("..project"))
    pool = factory.SelfAttribute("workload.pool")
    members = factory.SelfAttribute("workload.count_granted")
    cpu_millis = factory.LazyAttribute(lambda o: o.workload.cpu_millis * o.members)
    memory_bytes = factory.LazyAttribute(lambda o: o.workload.memory_bytes * o.members)
    gpus = factory.LazyAttribute(lambda o: o.workload.gpus * o.members)
    gpu_millis = factory.LazyAttribute(lambda o: o.gpus * o.workload.gpu_millis)
    flavor = factory.SelfAttribute("workload.flavor_granted")
    reserved_at = factory.LazyFunction(clock.db_now)


class StartEstimateFactory(_OfProject):
    """A waiting workload, expected to start in an hour."""

    class Meta:
        model = StartEstimate

    _above = "workload"
    project = factory.SubFactory(ProjectFactory)
    workload = factory.SubFactory(WorkloadFactory, project=factory.SelfAttribute("..project"))
    pool = factory.SelfAttribute("workload.pool")
    queue = factory.SelfAttribute("workload.queue")
    made_at = factory.LazyFunction(clock.db_now)
    start_at = factory.LazyAttribute(lambda o: o.made_at + timedelta(hours=1))
    low_at = factory.LazyAttribute(lambda o: o.made_at + timedelta(minutes=30))
    high_at = factory.LazyAttribute(lambda o: o.made_at + timedelta(hours=3))
    bucket = "2s"
    forecast_seconds = 3000.0
    is_first = True


class WhatIfFactory(DjangoModelFactory[WhatIf]):
    """A question that waits for its answer: the weight of a queue."""

    class Meta:
        model = WhatIf

    pool = factory.SubFactory(ResourcePoolFactory)
    requested_by = factory.SubFactory(UserFactory)
    basis = WhatIfBasis.NOW
    changes = factory.LazyAttribute(
        lambda o: [{"kind": "weight", "queue": str(QueueFactory.create(pool=o.pool).pk), "weight": 2.0}]
    )
    expires_at = factory.LazyFunction(lambda: clock.db_now() + timedelta(days=1))


class RateFactory(DjangoModelFactory[Rate]):
    """An hour of an H200 in a pool of its own, from long ago on."""

    class Meta:
        model = Rate

    pool = factory.SubFactory(ResourcePoolFactory)
    resource = Resource.GPUS
    flavor = "H200"
    price = Decimal("2.5")
    valid_from = datetime(2020, 1, 1, tzinfo=UTC)


class BudgetFactory(DjangoModelFactory[Budget]):
    """A hundred GPU-hours a month of one project: a warning at 80 of them, a block at all."""

    class Meta:
        model = Budget

    project = factory.SubFactory(ProjectFactory)
    team = factory.SelfAttribute("project.team")
    organisation = factory.SelfAttribute("project.organisation")
    name = factory.Sequence(lambda n: f"budget-{n}")
    unit = "gpu_hours"
    amount = Decimal(100)
    period = "month"
    thresholds = factory.LazyFunction(lambda: [{"ratio": "0.8", "action": "warn"}, {"ratio": "1", "action": "block"}])


class BudgetHoldFactory(_OfProject):
    """A workload that waits for a budget."""

    class Meta:
        model = BudgetHold

    _above = "workload"
    project = factory.SubFactory(ProjectFactory)
    workload = factory.SubFactory(
        WorkloadFactory, project=factory.SelfAttribute("..project"), is_held=True, state_reason="budget_exhausted"
    )


class LogChunkFactory(DjangoModelFactory[LogChunk]):
    class Meta:
        model = LogChunk

    attempt = factory.SubFactory(AttemptFactory)
    rank = 0
    sequence = factory.Sequence(lambda n: n)
    first_line = 1
    text = "hello\n"


def make_pool(cores: float = 8, memory: float = 64, backend: str = "fake", **kinds: int) -> ResourcePool:
    """A pool `local` with one node `node-0`: cores, GiB, GPUs by kind (`H200=4`)."""
    pool = ResourcePoolFactory.create(name="local", backend=backend)
    names = [kind for kind, count in kinds.items() for _ in range(count)]
    gpus = [
        {"index": n, "model": f"NVIDIA {kind}", "uuid": f"GPU-{n}", "memory_bytes": 141 * GIB, "flavor": kind}
        for n, kind in enumerate(names)
    ]
    has = {"cpu_millis": int(cores * 1000), "memory_bytes": int(memory * GIB), "gpus": gpus}
    NodeFactory.create(pool=pool, name="node-0", **has)
    for kind in kinds:
        ResourceFlavorFactory.create(pool=pool, name=kind)
    return pool


def make_queue(
    pool: ResourcePool, project: Any = None, *, cores: float = 8, memory: float = 64, gpus: int = 0
) -> Queue:
    """A queue of the project in the pool with these quotas."""
    queue = QueueFactory.create(pool=pool, project=project or ProjectFactory.create())
    for resource, nominal in (("cpu_millis", cores * 1000), ("memory_bytes", memory * GIB), ("gpus", gpus)):
        QuotaFactory.create(queue=queue, resource=resource, nominal=int(nominal))
    return queue


def serving(**kwargs: Any) -> Workload:
    """A workload that serves."""
    workload: Workload = WorkloadFactory.create(spec_object=serving_spec(), **kwargs)
    assert workload.kind == WorkloadKind.SERVING
    return workload


def spec_of(workload: Workload) -> Spec:
    return workload.spec_object()
