"""What there is to run on: pools of nodes, and the kinds of GPU in them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from apps.access.models import Organisation
from apps.common.models import BaseModel


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
    backend = models.CharField(max_length=20)
    """Name of the backend that runs its jobs: `local`, `kubernetes`, `fake`."""
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", null=True, blank=True)
    """Whose it is alone; empty means shared by all."""

    objects = PoolQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class ResourceFlavor(BaseModel):
    """A kind of GPU in a pool."""

    pool = models.ForeignKey(ResourcePool, models.PROTECT, related_name="flavors")
    name = models.CharField(max_length=60)
    """Short, as people ask for it: `H200`."""
    gpu_model = models.CharField(max_length=120)
    """As the driver calls it: `NVIDIA H200`."""
    gpu_memory_bytes = models.BigIntegerField()
    simulated = models.BooleanField(default=False)

    objects: ClassVar[Any] = InPoolManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["pool", "name"], name="flavor_name_once"),
            models.CheckConstraint(condition=models.Q(gpu_memory_bytes__gte=0), name="flavor_memory"),
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
    ready = models.BooleanField(default=True)
    """May be given new members."""
    seen_at = models.DateTimeField()

    objects: ClassVar[Any] = InPoolManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["pool", "name"], name="node_name_once"),
            models.CheckConstraint(condition=models.Q(cpu_millis__gte=0, memory_bytes__gte=0), name="node_capacity"),
        ]

    def __str__(self) -> str:
        return self.name
