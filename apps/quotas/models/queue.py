"""A project's place in a pool."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from apps.access.models import ProjectScoped
from apps.common.models import BaseModel
from apps.quotas.models.cohort import WEIGHT_MOST, Cohort
from apps.quotas.models.pool import ResourcePool
from apps.quotas.states import Resource


class Queue(ProjectScoped):
    """A project's place in a pool: a leaf of its tree, and what the project's work may ask for there at most."""

    pool = models.ForeignKey(ResourcePool, models.PROTECT, related_name="queues")
    cohort = models.ForeignKey(Cohort, models.PROTECT, related_name="queues", null=True, blank=True)
    """Empty: directly below the pool."""
    is_main = models.BooleanField(default=False, db_default=False, editable=False)
    """The project's work runs here unless another pool is asked for; of a project that says nothing: in a pool of the
    installation's backend."""
    weight = models.FloatField(default=1.0)
    """Of its share beside its siblings; 0: nothing above its nominal while anybody else wants it."""
    running_most = models.PositiveIntegerField(null=True, blank=True)
    """Workloads that hold something at once; empty, here and below: as many as there are."""
    gpus_per_run_most = models.PositiveIntegerField(null=True, blank=True)
    """Devices of one workload, all members together."""
    run_seconds_most = models.PositiveIntegerField(null=True, blank=True)
    """Declared limit of one attempt."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "pool"], name="queue_once"),
            models.UniqueConstraint(fields=["project"], condition=models.Q(is_main=True), name="queue_one_main"),
            models.CheckConstraint(condition=models.Q(weight__range=(0, WEIGHT_MOST)), name="queue_weight"),
        ]

    def __str__(self) -> str:
        return f"{self.project.name} in {self.pool.name}"


class QueueHistory(BaseModel):
    """What a queue held of one resource on average, recent times weighing more by the half-life of its pool."""

    queue = models.ForeignKey(Queue, models.CASCADE, related_name="history")
    resource = models.CharField(max_length=20, choices=Resource.choices)
    flavor = models.CharField(max_length=60, blank=True, default="")
    amount = models.FloatField(default=0.0)
    """Thousandths of a core, bytes or thousandths of a device, as of `at`."""
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["queue", "resource", "flavor"], name="queue_history_once"),
            models.CheckConstraint(condition=models.Q(amount__range=(0, 1e30)), name="queue_history_amount"),
        ]

    def __str__(self) -> str:
        return f"{self.resource} {self.flavor} of {self.queue_id}".replace("  ", " ")
