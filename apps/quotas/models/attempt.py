"""One launch of a workload."""

from __future__ import annotations

from typing import ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from apps.access.models import ProjectScoped
from apps.quotas.models.workload import Workload
from apps.quotas.states import Reason


class Attempt(ProjectScoped):
    """One launch: where its job is, what was seen of it, how it ended.

    Its id is the key by which a backend's `submit` is idempotent. At most one attempt of a workload is open.
    """

    workload = models.ForeignKey(Workload, models.PROTECT, related_name="attempts")
    number = models.PositiveIntegerField()
    """From 1."""
    handle = models.JSONField()
    """`workers.contracts.launch.JobHandle.to_json()`."""
    members = models.JSONField(default=list)
    """What was last seen: `Observation.members_to_json()`; `ready` and `address` of replicas are in it,
    and of members in containers the `image` that their nodes said they run."""
    submitted_at = models.DateTimeField(null=True)
    """When the backend had acknowledged it."""
    stop_sent_at = models.DateTimeField(null=True)
    """When the backend had acknowledged that it must stop, or must never start."""
    count_told = models.PositiveIntegerField(default=0)
    """How many members the backend was last told to run."""
    told_at = models.DateTimeField(null=True)
    """When it was told so. Like the two above: database time, to tell older observations from newer ones."""
    pulled_at = models.DateTimeField(null=True)
    """When its backend was last seen to have fetched its image."""
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    """When its last member was proven gone."""
    swept_at = models.DateTimeField(null=True)
    """When what it had left in the object store, and nobody names, was removed."""
    outcome = models.CharField(max_length=40, choices=Reason.choices, blank=True)
    exit_code = models.IntegerField(null=True)
    result = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    """What the job left as its result, at most 1 MiB."""
    environment = models.JSONField(null=True, editable=False)
    """What the job runs in, as it says once: Python, packages, torch, GPUs, driver, commit. Null: it has not said."""
    starts = models.JSONField(default=dict, db_default={}, editable=False)
    """Which process or pod has taken each place, by rank as text: a second one of the same rank does not start."""
    heartbeat_at = models.DateTimeField(null=True)
    usage = models.JSONField(default=dict)
    """Last sample of each member, by rank as text: `{"0": {"at", "cpu_ratio", "memory_bytes", "gpus", …}}`.
    `at`: when it came, in the database's time. A GPU's figures with `measured_at` were said by its cluster, then."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workload", "number"], name="attempt_number_once"),
            models.UniqueConstraint(fields=["workload"], condition=models.Q(ended_at=None), name="attempt_one_open"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "-id"], name="attempt_project"),
            models.Index(fields=["ended_at"], condition=models.Q(swept_at=None), name="attempt_unswept"),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.workload_id}"
