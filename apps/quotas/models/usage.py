"""What was held and used, and for how long: what quotas are billed by."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from apps.access.models import Project, ProjectScoped
from apps.quotas.models.attempt import Attempt
from apps.quotas.models.pool import ResourcePool
from apps.quotas.models.workload import Workload


class UsageRecord(ProjectScoped):
    """One interval in which a workload held a fixed amount; database time. At most one of a workload is open.

    The ledger is append only: the database refuses to remove a row, and to change more of one than to say, once, whose
    attempt it pays for, when it was used and when it was closed.
    """

    project = models.ForeignKey(Project, models.PROTECT, related_name="+", db_index=False)
    workload = models.ForeignKey(Workload, models.PROTECT, related_name="usage_records")
    attempt = models.ForeignKey(Attempt, models.PROTECT, related_name="usage_records", null=True)
    pool = models.ForeignKey(ResourcePool, models.PROTECT, related_name="+", db_index=False)
    members = models.PositiveIntegerField()
    cpu_millis = models.BigIntegerField()
    memory_bytes = models.BigIntegerField()
    gpus = models.PositiveIntegerField()
    flavor = models.CharField(max_length=60, blank=True)
    """Amounts of all members together."""
    gpu_millis = models.BigIntegerField(default=0, db_default=0)
    """Thousandths of devices, of all members: where a member has a share of a device, less than `gpus` whole ones."""
    reserved_at = models.DateTimeField()
    """Admission, or the resize that began this interval."""
    used_at = models.DateTimeField(null=True)
    """From when it ran; empty if it never did."""
    closed_at = models.DateTimeField(null=True)
    """When the last member was proven gone, or a resize began the next interval."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workload"], condition=models.Q(closed_at=None), name="usage_one_open"),
            models.CheckConstraint(
                condition=models.Q(closed_at=None) | models.Q(closed_at__gte=models.F("reserved_at")),
                name="usage_forward",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "-id"], name="usage_project"),
            models.Index(fields=["pool", "closed_at"], name="usage_pool_closed"),
            models.Index(fields=["project", "closed_at"], name="usage_project_closed"),
        ]

    def __str__(self) -> str:
        return f"{self.members} members of {self.workload_id}"
