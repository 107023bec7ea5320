"""What of the object store the app's rows name."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from apps.experiments.models import Artifact, Checkpoint


def objects_named(attempt_ids: Collection[UUID]) -> set[str]:
    """Paths of the artifacts and checkpoints that these attempts announced. Two queries."""
    named: set[str] = set()
    for model in (Artifact, Checkpoint):
        rows = model.objects.filter(attempt__in=attempt_ids, gone_at=None)
        named |= set(rows.values_list("path", flat=True))
    return named


def contents_named(paths: Collection[str]) -> set[str]:
    """Those of some paths that a row names whose file is there. Two queries."""
    found: set[str] = set()
    for model in (Artifact, Checkpoint):
        rows = model.objects.filter(path__in=list(paths), gone_at=None)
        found |= set(rows.values_list("path", flat=True))
    return found
