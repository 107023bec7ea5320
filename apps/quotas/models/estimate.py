"""When what waits is expected to start, and how far such expectations were off."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from apps.access.models import ProjectScoped
from apps.common.models import BaseModel
from apps.quotas.models.pool import ResourcePool
from apps.quotas.models.queue import Queue
from apps.quotas.models.workload import Workload


class StartEstimate(ProjectScoped):
    """When a workload was expected to start, as of `made_at`: in four of five cases between `low_at` and `high_at`.

    Another is made when the last one no longer holds. Once the workload is admitted, its estimates say how far off
    they were.
    """

    workload = models.ForeignKey(Workload, models.CASCADE, related_name="estimates")
    pool = models.ForeignKey(ResourcePool, models.CASCADE, related_name="+")
    queue = models.ForeignKey(Queue, models.CASCADE, related_name="+")
    made_at = models.DateTimeField()
    start_at = models.DateTimeField()
    """As likely earlier as later."""
    low_at = models.DateTimeField()
    high_at = models.DateTimeField()
    bucket = models.CharField(max_length=8)
    """Whose errors made the band: see `scheduling.estimate_bands`."""
    forecast_seconds = models.FloatField()
    """From `made_at`, before past errors corrected it."""
    is_first = models.BooleanField(default=False)
    """The first since it waits: by these, estimates are judged and corrected."""
    missed_at = models.DateTimeField(null=True, editable=False)
    """When it was noticed that its band had passed and nothing had started."""
    started_at = models.DateTimeField(null=True)
    """When it was admitted."""
    error_seconds = models.FloatField(null=True)
    """How much later than `start_at`; below 0: earlier."""
    inside = models.BooleanField(null=True)
    """Whether it started inside the band."""

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(low_at__lte=models.F("start_at"), high_at__gte=models.F("start_at")),
                name="estimate_in_its_band",
            ),
            models.CheckConstraint(
                condition=models.Q(started_at=None, error_seconds=None, inside=None)
                | models.Q(started_at__isnull=False, error_seconds__isnull=False, inside__isnull=False),
                name="estimate_settled_whole",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["workload", "-made_at"], name="estimate_workload"),
            models.Index(fields=["pool"], condition=models.Q(started_at=None), name="estimate_open"),
            models.Index(fields=["pool", "-started_at"], condition=models.Q(is_first=True), name="estimate_judged"),
            models.Index(fields=["queue", "-started_at"], condition=models.Q(is_first=True), name="estimate_of_queue"),
        ]

    def __str__(self) -> str:
        return f"start of {self.workload_id}"


class EstimateLevel(BaseModel):
    """Which quantiles of past errors make the band of a bucket in a pool, as its last estimates have moved them."""

    pool = models.ForeignKey(ResourcePool, models.CASCADE, related_name="+")
    bucket = models.CharField(max_length=8)
    low = models.FloatField()
    high = models.FloatField()
    count = models.PositiveIntegerField(default=0)
    """Estimates that it has learnt from."""

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["pool", "bucket"], name="estimate_level_once")]

    def __str__(self) -> str:
        return f"{self.bucket} in {self.pool_id}"
