"""A project's place in a pool and how much of it the project may hold at once."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from apps.access.models import Project, ProjectScoped
from apps.common.models import BaseModel
from apps.quotas.models.pool import ResourcePool
from apps.quotas.states import Resource


class PriorityClassQuerySet(models.QuerySet["PriorityClass"]):
    def visible_to(self, user: Any) -> PriorityClassQuerySet:
        """Everybody who is signed in sees all of them."""
        return self if user.is_authenticated else self.none()


class PriorityClass(BaseModel):
    """A named priority: the higher value is admitted first."""

    name = models.SlugField(max_length=60, unique=True)
    value = models.IntegerField()

    objects = PriorityClassQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(value__range=(-1000, 1000)), name="priority_value"),
        ]

    def __str__(self) -> str:
        return self.name


class Queue(ProjectScoped):
    """A project's place in a pool."""

    pool = models.ForeignKey(ResourcePool, models.PROTECT, related_name="queues")
    weight = models.PositiveIntegerField(default=1)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "pool"], name="queue_once"),
            models.CheckConstraint(condition=models.Q(weight__gte=1), name="queue_weight"),
        ]

    def __str__(self) -> str:
        return f"{self.project.name} in {self.pool.name}"


class QuotaQuerySet(models.QuerySet["Quota"]):
    def visible_to(self, user: Any) -> QuotaQuerySet:
        """The quotas of the projects in which the user has a role."""
        if user.is_authenticated and user.is_superuser:
            return self
        return self.filter(queue__project__in=Project.objects.visible_to(user).values("pk"))


class Quota(BaseModel):
    """How much of one resource the admitted workloads of a queue may hold together.

    A resource without a row may not be used. For GPUs every row that matches holds: the one without a flavor
    counts all of them, one with a flavor only its kind.
    """

    queue = models.ForeignKey(Queue, models.CASCADE, related_name="quotas")
    resource = models.CharField(max_length=20, choices=Resource.choices)
    flavor = models.CharField(max_length=60, blank=True)
    nominal = models.BigIntegerField()
    """In the unit of the resource."""

    objects = QuotaQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["queue", "resource", "flavor"], name="quota_once"),
            models.CheckConstraint(condition=models.Q(nominal__gte=0), name="quota_nominal"),
            models.CheckConstraint(condition=models.Q(resource__in=Resource.values), name="quota_resource"),
            models.CheckConstraint(
                condition=models.Q(flavor="") | models.Q(resource=Resource.GPUS), name="quota_flavor_of_gpus"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resource} {self.flavor} {self.nominal}".replace("  ", " ")
