"""Warm processes that show what a recipe does while it is edited."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from apps.common.states import StateMachine
from apps.datasets.models.job import DataJob
from apps.datasets.models.version import DatasetVersion
from apps.datasets.states import PREVIEW, JobState


class Preview(DataJob):
    """A process that holds a sample of a version and applies recipes to it. One is kept warm per project."""

    machine: ClassVar[StateMachine] = PREVIEW
    state = PREVIEW.field()
    unsettled = models.Q(state=JobState.RUNNING, address="")
    version = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="previews", editable=False)
    address = models.CharField(max_length=255, blank=True, editable=False)
    """`host:port` while its process can be asked; empty before, and after."""
    used_at = models.DateTimeField(editable=False)
    """When somebody asked last, to some seconds. Unused for long, it is ended."""
    is_closing = models.BooleanField(default=False, editable=False)
    """Its end was asked for: another may be opened beside it."""

    class Meta:
        constraints: ClassVar = [
            PREVIEW.constraint("preview_state"),
            models.UniqueConstraint(
                fields=["project"],
                condition=models.Q(state__in=sorted(PREVIEW.active), is_closing=False),
                name="preview_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "-id"], name="preview_project"),
            models.Index(fields=["id"], condition=models.Q(state__in=sorted(PREVIEW.active)), name="preview_active"),
        ]

    def __str__(self) -> str:
        return f"preview of {self.version_id}"
