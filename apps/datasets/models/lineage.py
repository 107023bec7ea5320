"""What was made of what."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from apps.access.models import ProjectScoped
from apps.datasets.states import Relation


class LineageEdge(ProjectScoped):
    """One sentence, `from` relation `to`: this dataset version was `cleaned_from` that one.

    Both ends are named by kind and id, because nouns of later apps take part. It belongs to the project of `from`.
    """

    from_kind = models.CharField(max_length=40)
    """Noun of the later thing: `dataset_version`, `run`, `model_version`, `revision`."""
    from_id = models.UUIDField()
    relation = models.CharField(max_length=20, choices=Relation.choices)
    to_kind = models.CharField(max_length=40)
    """Noun of what it came from: `source`, `dataset_version`, …"""
    to_id = models.UUIDField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["from_id", "relation", "to_id"], name="lineage_edge_once"),
            models.CheckConstraint(condition=models.Q(relation__in=Relation.values), name="lineage_edge_relation"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["to_id", "relation"], name="lineage_edge_to"),
            models.Index(fields=["project", "-id"], name="lineage_edge_project"),
        ]

    def __str__(self) -> str:
        return f"{self.from_kind} {self.from_id} {self.relation} {self.to_kind} {self.to_id}"
