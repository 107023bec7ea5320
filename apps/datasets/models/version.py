"""Versions: the immutable content of a dataset."""

from __future__ import annotations

from typing import ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from apps.access.models import ScopedStateful
from apps.common.states import StateMachine
from apps.datasets.models.cleaning import CleaningRun
from apps.datasets.models.dataset import Dataset
from apps.datasets.models.ingestion import Ingestion
from apps.datasets.states import DATASET_VERSION, Sensitivity


class DatasetVersion(ScopedStateful):
    """A manifest of Parquet files with their schema and digest.

    From *published* on, the database refuses any change of what it holds and where it came from.
    """

    machine: ClassVar[StateMachine] = DATASET_VERSION
    reference: str = ""
    """By which words a caller named it, where it was not by its id; not stored here."""
    state = DATASET_VERSION.field()
    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField(editable=False)
    """From 1 in each dataset."""
    digest = models.CharField(max_length=71, editable=False)
    """`sha256:…` over schema and rows, whatever their order and however the files are written."""
    schema = models.JSONField(editable=False)
    """`[{"name", "type", "nullable"}]`, in column order."""
    manifest = models.JSONField(editable=False)
    """`{"files": [{"name", "rows", "size_bytes", "sha256", "path"}]}`, the path in the object store. Before there were
    parts it was `{"prefix": "attempts/<attempt id>/dataset/", "files": […]}` without paths: `specs.file_path` reads
    both. Beside them `"rows_hash"` and `"next_ordinal"`, without which nothing can be appended."""
    row_count = models.BigIntegerField(editable=False)
    size_bytes = models.BigIntegerField(editable=False)
    """Of all its data files."""
    parent = models.ForeignKey("self", models.PROTECT, related_name="children", null=True, editable=False)
    """The version that it was cleaned from, or whose rows its own begin with."""
    ingestion = models.OneToOneField(Ingestion, models.PROTECT, related_name="version", null=True, editable=False)
    cleaning_run = models.OneToOneField(
        CleaningRun, models.PROTECT, related_name="output_version", null=True, editable=False
    )
    splits = models.JSONField(default=dict, editable=False)
    """Rows of each part: `{"train": n, "test": n}`; empty where it was never split."""
    report = models.JSONField(default=list, encoder=DjangoJSONEncoder, editable=False)
    """Per recipe step: `{"step", "kind", "parameters", "rows_in", "rows_out", "cells_changed", "cells_missing",
    "columns_added", "columns_removed", "warnings", "seconds"}`; examples and what was fitted are in a companion."""
    preprocessor = models.JSONField(null=True, editable=False)
    """What was fitted, as a file beside the data: `{"name", "path", "sha256", "size_bytes"}`."""
    companions = models.JSONField(default=dict, editable=False)
    """Small JSON files beside the data, by what they hold: `sample`, `report`, `profile`. Each `{"name", "path",
    "sha256", "size_bytes"}` (without a path in old manifests); a job that was too large for one left it out."""
    tags = models.JSONField(default=list)
    """Words that people put on it; they change, what it holds does not."""
    is_pinned = models.BooleanField(default=False)
    """Its data is kept, whatever a rule says."""
    data_tombstoned_at = models.DateTimeField(null=True, editable=False)
    """Since when no rule keeps its data: no new job reads it, and after a grace it is deleted."""
    data_deleted_at = models.DateTimeField(null=True, editable=False)
    """Its files are gone or going; row, schema, digest and lineage stay, and its state says what it was."""
    data_gone_at = models.DateTimeField(null=True, editable=False)
    """When the store was seen without those of its files that no other version has."""
    sensitivity = models.CharField(max_length=20, choices=Sensitivity.choices, default=Sensitivity.UNCLASSIFIED)

    class Meta:
        constraints: ClassVar = [
            DATASET_VERSION.constraint("dataset_version_state"),
            models.UniqueConstraint(fields=["dataset", "number"], name="dataset_version_number_once"),
            models.CheckConstraint(
                condition=models.Q(ingestion=None) | models.Q(cleaning_run=None), name="dataset_version_one_origin"
            ),
            models.CheckConstraint(
                condition=models.Q(number__gte=1, row_count__gte=0, size_bytes__gte=0), name="dataset_version_amounts"
            ),
            models.CheckConstraint(
                condition=models.Q(data_deleted_at=None)
                | models.Q(data_tombstoned_at__lt=models.F("data_deleted_at"), is_pinned=False),
                name="dataset_version_deleted",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "-id"], name="dataset_version_project"),
            models.Index(
                fields=["data_tombstoned_at"],
                condition=models.Q(data_tombstoned_at__isnull=False, data_gone_at=None),
                name="dataset_version_tombstoned",
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.number} of {self.dataset_id}"
