"""How an uploaded file becomes a version."""

from __future__ import annotations

from typing import ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from apps.common.states import StateMachine
from apps.datasets.models.dataset import Dataset, Source
from apps.datasets.models.job import DataJob
from apps.datasets.models.schedule import IngestionSchedule
from apps.datasets.states import INGESTION


class Ingestion(DataJob):
    """Parses one source into Parquet, and fetches it where it has an origin. At its end there is a published version,
    in `version`, or a reason: that it failed, or that nothing had changed."""

    machine: ClassVar[StateMachine] = INGESTION
    state = INGESTION.field()
    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="ingestions")
    source = models.ForeignKey(Source, models.PROTECT, related_name="ingestions", null=True)
    """What is parsed; of what the job itself fetches None until it has."""
    origin = models.JSONField(default=dict, editable=False)
    """Where the job fetches from; empty where it parses a source that is there. See `origins.normalised`."""
    schedule = models.ForeignKey(
        IngestionSchedule, models.PROTECT, related_name="ingestions", null=True, editable=False
    )
    """Which schedule asked for it."""
    append_to = models.ForeignKey(
        "datasets.DatasetVersion", models.PROTECT, related_name="appends", null=True, editable=False
    )
    """The version whose rows the new one begins with; None where it has only those of the source."""
    options = models.JSONField(default=dict)
    """How to parse it; see `recipes.parsing.OPTIONS`."""
    rejected = models.JSONField(default=dict, encoder=DjangoJSONEncoder, editable=False)
    """Rows left out: `{"count", "samples": [{"line", "column", "reason", "text"}]}`; empty until it has ended, or
    where it ended before rows were read. Of an archive a row says its `file` too."""
    quarantine = models.JSONField(null=True, editable=False)
    """The file with all of them, `{"path", "size_bytes", "sha256"}` in the store; None without any."""
    detected = models.JSONField(default=dict, editable=False)
    """What the job found out about the file: `format`, `encoding`, `delimiter`, …; empty until its rows were read."""

    class Meta:
        constraints: ClassVar = [INGESTION.constraint("ingestion_state")]
        indexes: ClassVar = [
            models.Index(fields=["project", "-id"], name="ingestion_project"),
            models.Index(
                fields=["id"], condition=models.Q(state__in=sorted(INGESTION.active)), name="ingestion_active"
            ),
        ]

    def __str__(self) -> str:
        return f"ingestion {self.pk}"
