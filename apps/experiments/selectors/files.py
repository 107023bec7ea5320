"""What of the object store the app's rows name."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from apps.experiments.models import Artifact, Checkpoint


def objects_named(attempt_ids: Collection[UUID]) -> set[str]:
    """Paths of the artifacts and checkpoints that these attempts announced. Two queries."""
    named: set[str] = set()
    for model in (Artifact, Checkpoint):
        named |= set(model.objects.filter(attempt__in=attempt_ids).values_list("path", flat=True))
    return named
