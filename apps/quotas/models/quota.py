"""How much of a pool each node of its tree may hold."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from apps.access.models import Project
from apps.common.models import BaseModel
from apps.quotas.models.cohort import WEIGHT_MOST, Cohort
from apps.quotas.models.pool import ResourcePool
from apps.quotas.models.queue import Queue
from apps.quotas.states import Resource


class QuotaQuerySet(models.QuerySet["Quota"]):
    def visible_to(self, user: Any) -> QuotaQuerySet:
        """The quotas of the projects in which the user has a role, and of the cohorts of the pools that are seen."""
        if user.is_authenticated and user.is_superuser:
            return self
        projects = models.Q(queue__project__in=Project.objects.visible_to(user).values("pk"))
        return self.filter(projects | models.Q(cohort__pool__in=ResourcePool.objects.visible_to(user).values("pk")))


class Quota(BaseModel):
    """How much of one resource the admitted workloads of a queue, or of all that is below a cohort, may hold together.

    A queue may not use a resource for which it has no row. For GPUs every row that matches holds: the one without a
    flavor counts all of them, one with a flavor only its kind. All amounts are in the unit of the resource.
    """

    queue = models.ForeignKey(Queue, models.CASCADE, related_name="quotas", null=True, blank=True)
    cohort = models.ForeignKey(Cohort, models.CASCADE, related_name="quotas", null=True, blank=True)
    resource = models.CharField(max_length=20, choices=Resource.choices)
    flavor = models.CharField(max_length=60, blank=True)
    nominal = models.BigIntegerField()
    """Guaranteed. That of a cohort includes those of its children."""
    borrowing_limit = models.BigIntegerField(null=True, blank=True)
    """How much more it may hold of what others leave idle; empty: all of it."""
    lending_limit = models.BigIntegerField(null=True, blank=True)
    """How much of its idle nominal others may hold; empty: all of it."""
    weight = models.FloatField(null=True, blank=True)
    """Of its share of this resource; empty: that of its queue or cohort."""

    objects = QuotaQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["queue", "resource", "flavor"], name="quota_once"),
            models.UniqueConstraint(fields=["cohort", "resource", "flavor"], name="quota_once_of_cohort"),
            models.CheckConstraint(
                condition=models.Q(queue=None, cohort__isnull=False) | models.Q(queue__isnull=False, cohort=None),
                name="quota_of_queue_or_cohort",
            ),
            models.CheckConstraint(condition=models.Q(nominal__gte=0), name="quota_nominal"),
            models.CheckConstraint(
                condition=models.Q(borrowing_limit=None) | models.Q(borrowing_limit__gte=0), name="quota_borrowing"
            ),
            models.CheckConstraint(
                condition=models.Q(lending_limit=None)
                | models.Q(lending_limit__gte=0, lending_limit__lte=models.F("nominal")),
                name="quota_lends_what_it_owns",
            ),
            models.CheckConstraint(
                condition=models.Q(weight=None) | models.Q(weight__range=(0, WEIGHT_MOST)), name="quota_weight"
            ),
            models.CheckConstraint(condition=models.Q(resource__in=Resource.values), name="quota_resource"),
            models.CheckConstraint(
                condition=models.Q(flavor="") | models.Q(resource=Resource.GPUS), name="quota_flavor_of_gpus"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resource} {self.flavor} {self.nominal}".replace("  ", " ")
