"""What there is to run on: pools of nodes, and the kinds of GPU in them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from apps.access.models import Organisation
from apps.common.models import BaseModel
from apps.quotas.models.cluster import Cluster
from workers.contracts.launch import CLUSTER_PREFIX

REMOVED = "removed"
"""In place of the backend of a pool whose cluster is known no more."""


class PoolQuerySet(models.QuerySet["ResourcePool"]):
    def visible_to(self, user: Any) -> PoolQuerySet:
        """People see the shared pools and those of their organisation."""
        if not user.is_authenticated:
            return self.none()
        if user.is_superuser:
            return self
        return self.filter(models.Q(organisation=None) | models.Q(organisation=user.organisation_id))


class InPoolQuerySet(models.QuerySet[Any]):
    """Rows of a table with a `pool` column."""

    def visible_to(self, user: Any) -> InPoolQuerySet:
        """The rows of the pools that the user sees."""
        return self.filter(pool__in=ResourcePool.objects.visible_to(user).values("pk"))


InPoolManager = models.Manager.from_queryset(InPoolQuerySet)


class ResourcePool(BaseModel):
    """Nodes behind one backend that are scheduled together; its row is the lock of admission."""

    name = models.SlugField(max_length=60, unique=True)
    backend = models.CharField(max_length=60)
    """Name of the backend that runs its jobs: `local`, `fake`, `kubernetes/<cluster>`; `removed` of a pool whose
    cluster is known no more, which keeps its history."""
    cluster = models.OneToOneField(Cluster, models.PROTECT, related_name="pool", null=True, blank=True, editable=False)
    """The cluster that its nodes are of, if they are of one."""
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", null=True, blank=True)
    """Whose it is alone; empty means shared by all."""
    half_life_seconds = models.PositiveIntegerField(default=86_400, db_default=86_400)
    """After so long, what a queue has held counts half in its share."""
    entry_penalty_seconds = models.PositiveIntegerField(default=60, db_default=60)
    """Each admission counts as if it had been held this long already."""
    ageing_seconds = models.PositiveIntegerField(default=21_600, db_default=21_600)
    ageing_points = models.PositiveSmallIntegerField(default=10, db_default=10)
    """Priority gained each time something has waited `ageing_seconds`; 0: waiting gains nothing."""
    min_run_seconds = models.PositiveIntegerField(default=300, db_default=300)
    """What has run shorter is not preempted."""
    reclaim_after_seconds = models.PositiveIntegerField(default=60, db_default=60)
    """What is guaranteed is taken back from who has borrowed it only for who has waited that long."""
    preemption = models.BooleanField(default=True, db_default=True)
    """Whether what runs may be stopped for what waits."""
    preemption_grace_seconds = models.PositiveIntegerField(default=0, db_default=0)
    """What has to make way has so long to write its checkpoint and leave; 0: `BEDPLATE_PREEMPTION_GRACE_SECONDS`."""
    backfill = models.BooleanField(default=True, db_default=True)
    """Whether later work may start while the first waits for a place, when that does not delay it."""
    changes_need_approval = models.BooleanField(default=False, db_default=False)
    """Whether changes of its quotas and of what shares it are decided by a second person."""

    objects = PoolQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(half_life_seconds__gte=1), name="pool_half_life"),
            models.CheckConstraint(condition=models.Q(ageing_seconds__gte=1), name="pool_ageing"),
            models.CheckConstraint(
                condition=models.Q(backend__startswith=CLUSTER_PREFIX, cluster__isnull=False)
                | (~models.Q(backend__startswith=CLUSTER_PREFIX) & models.Q(cluster=None)),
                name="pool_of_a_cluster",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ResourceFlavor(BaseModel):
    """A kind of GPU in a pool: whole devices, slices that the backend reports as devices, or shares of one.

    A share (`H200/4`) is not isolated: its holder sees the whole device, and only good will keeps it to its part.
    """

    pool = models.ForeignKey(ResourcePool, models.PROTECT, related_name="flavors")
    name = models.CharField(max_length=60)
    """Short, as people ask for it: `H200`."""
    gpu_model = models.CharField(max_length=120)
    """As the driver calls it: `NVIDIA H200`."""
    gpu_memory_bytes = models.BigIntegerField()
    simulated = models.BooleanField(default=False)
    share_of = models.ForeignKey("self", models.PROTECT, related_name="shares", null=True, blank=True)
    """The kind of which this is a part; empty: devices of their own."""
    share_millis = models.PositiveIntegerField(default=1000, db_default=1000)
    """Thousandths of one device."""
    isolated = models.BooleanField(default=True, db_default=True)
    """Whether the hardware keeps its holders apart from others."""

    objects: ClassVar[Any] = InPoolManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["pool", "name"], name="flavor_name_once"),
            models.CheckConstraint(condition=models.Q(gpu_memory_bytes__gte=0), name="flavor_memory"),
            models.CheckConstraint(
                condition=models.Q(share_of=None, share_millis=1000)
                | models.Q(share_of__isnull=False, share_millis__range=(1, 999), isolated=False),
                name="flavor_share",
            ),
            models.CheckConstraint(
                condition=models.Q(share_of=None) | ~models.Q(share_of=models.F("id")), name="flavor_not_its_own_share"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Node(BaseModel):
    """One machine of a pool and what it offers to jobs."""

    pool = models.ForeignKey(ResourcePool, models.PROTECT, related_name="nodes")
    name = models.CharField(max_length=253)
    cpu_millis = models.BigIntegerField()
    memory_bytes = models.BigIntegerField()
    gpus = models.JSONField(default=list)
    """`[{"index", "model", "uuid", "memory_bytes", "flavor"}]`, by index."""
    labels = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    """`{"rack": "r7", …}`: text by name, for members that must have something in common."""
    ready = models.BooleanField(default=True)
    """It may be given new members: its backend has it and says that it takes jobs, and it is not drained."""
    is_up = models.BooleanField(default=True, db_default=True, editable=False)
    """Its backend has it, and says that it takes jobs."""
    seen_at = models.DateTimeField()
    drained_at = models.DateTimeField(null=True, editable=False)
    """Since when it is given no new members, whatever its backend says; empty: it is not drained."""
    drain_reason = models.TextField(blank=True, default="", db_default="", editable=False)
    lost_at = models.DateTimeField(null=True, editable=False)
    """Since when its backend does not have it."""
    changed_at = models.DateTimeField(null=True, editable=False)
    """When what it has changed last, or it was found first; empty: before that was noted."""
    cordoned = models.JSONField(default=list, db_default=models.Value([], models.JSONField()), editable=False)
    """Indices of GPUs that are given to nobody new, by open incidents."""
    went_away = models.JSONField(default=list, db_default=models.Value([], models.JSONField()), editable=False)
    """When it ceased to be up lately, in seconds since the epoch."""
    settled = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()), editable=False)
    """What administrators have dealt with of what its devices report: `{"<uuid> <kind>": mark}`."""

    objects: ClassVar[Any] = InPoolManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["pool", "name"], name="node_name_once"),
            models.CheckConstraint(condition=models.Q(cpu_millis__gte=0, memory_bytes__gte=0), name="node_capacity"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def takes_members(self) -> bool:
        """Whether it may be given new members."""
        return self.ready and self.drained_at is None
