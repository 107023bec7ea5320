"""Datasets and the files that people upload into them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from apps.access.models import ProjectScoped, User
from apps.datasets.states import FileFormat


class Dataset(ProjectScoped):
    """A named line of versions of the same data."""

    name = models.SlugField(max_length=60)
    title = models.CharField(max_length=120, blank=True)
    description = models.TextField(blank=True)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+", null=True, editable=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["project", "name"], name="dataset_name_once")]
        indexes: ClassVar = [models.Index(fields=["project", "-id"], name="dataset_project")]

    def __str__(self) -> str:
        return self.name


class Source(ProjectScoped):
    """One file as it came, uploaded or fetched. The database refuses to change where or what it is."""

    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="sources")
    name = models.CharField(max_length=120)
    """Its file name as it came, without folders."""
    file_format = models.CharField(max_length=10, choices=FileFormat.choices, blank=True, editable=False)
    """As its name says, empty where it does not; an ingestion may say otherwise."""
    path = models.CharField(max_length=255, unique=True, editable=False)
    """In the object store: `sources/<id>/<safe name>`, or in the output of the job that fetched it."""
    sha256 = models.CharField(max_length=64, editable=False)
    size_bytes = models.BigIntegerField(editable=False)
    origin = models.JSONField(default=dict, editable=False)
    """Where it was fetched from, as its ingestion says; empty where somebody uploaded it."""
    uploaded_by = models.ForeignKey(User, models.PROTECT, related_name="+", null=True, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(size_bytes__gte=0), name="source_size"),
            models.CheckConstraint(condition=models.Q(file_format__in=["", *FileFormat.values]), name="source_format"),
        ]
        indexes: ClassVar = [models.Index(fields=["project", "-id"], name="source_project")]

    def __str__(self) -> str:
        return self.name
