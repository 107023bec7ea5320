"""Ingestions that come again by the clock."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from apps.access.models import ScopedStateful, User
from apps.common.states import StateMachine
from apps.datasets.models.dataset import Dataset
from apps.datasets.states import INGESTION_SCHEDULE, ScheduleMode


class IngestionSchedule(ScopedStateful):
    """Asks for an ingestion of the same origin at each of its times, while it is active.

    What the origin gave last is told to the next job, which does nothing when it has not changed.
    """

    machine: ClassVar[StateMachine] = INGESTION_SCHEDULE
    state = INGESTION_SCHEDULE.field()
    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="schedules")
    origin = models.JSONField()
    """As of an ingestion; see `origins.normalised`."""
    options = models.JSONField(default=dict)
    """How to parse what comes."""
    mode = models.CharField(max_length=10, choices=ScheduleMode.choices, default=ScheduleMode.REPLACE)
    cron = models.CharField(max_length=100, blank=True)
    """Minute, hour, day, month, weekday; empty where it comes by `every_seconds`."""
    every_seconds = models.PositiveIntegerField(null=True)
    time_zone = models.CharField(max_length=60, default="UTC")
    failures_most = models.PositiveSmallIntegerField(default=3)
    """After so many failures in a row it pauses itself."""
    next_at = models.DateTimeField(null=True, editable=False)
    """When it comes next; None while it is not active."""
    last_at = models.DateTimeField(null=True, editable=False)
    skipped_count = models.PositiveIntegerField(default=0, editable=False)
    """Times that were passed over because the ingestion before still ran, or what it made was kept back."""
    seen = models.JSONField(default=dict, editable=False)
    """What came last: `{"sha256", "etag", "last_modified", "digest"}`; empty before anything came."""
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+", null=True, editable=False)
    """In whose name it asks: it pauses when that one may not any more."""

    class Meta:
        constraints: ClassVar = [
            INGESTION_SCHEDULE.constraint("ingestion_schedule_state"),
            models.CheckConstraint(
                condition=models.Q(cron="", every_seconds__isnull=False)
                | models.Q(~models.Q(cron=""), every_seconds__isnull=True),
                name="ingestion_schedule_times",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "-id"], name="ingestion_schedule_project"),
            models.Index(fields=["next_at"], condition=models.Q(state="active"), name="ingestion_schedule_due"),
        ]

    def __str__(self) -> str:
        return f"schedule of {self.dataset}"
