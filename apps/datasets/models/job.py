"""What ingestions, profiles and cleaning runs have in common."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from apps.access.models import ScopedStateful, User
from apps.quotas.models import Workload


class DataJob(ScopedStateful):
    """Work on data that one workload does. Its state is derived from the workload's; see `services/jobs.py`."""

    workload = models.ForeignKey(Workload, models.PROTECT, related_name="+", editable=False)
    unsettled: ClassVar[models.Q | None] = None
    """Of its own columns, when to look at a workload again that has not moved."""
    requested_by = models.ForeignKey(User, models.PROTECT, related_name="+", null=True, editable=False)

    class Meta:
        abstract = True
