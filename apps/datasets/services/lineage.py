"""Notes what was made of what."""

from __future__ import annotations

from uuid import UUID

from apps.access.models import Project
from apps.datasets.models import LineageEdge
from apps.datasets.states import Relation


def edge_add(
    *, project: Project, from_kind: str, from_id: UUID, relation: Relation | str, to_kind: str, to_id: UUID
) -> LineageEdge:
    """Note `from` relation `to`, in the running transaction; noting it again changes nothing.

    Args:
        project: that of `from`, the later thing.
        from_kind, to_kind: nouns as events have them: `dataset_version`, `model_version`.
        relation: a value of `Relation`; the database refuses any other.
    """
    edge: LineageEdge
    edge, _ = LineageEdge.objects.get_or_create(
        from_id=from_id,
        relation=relation,
        to_id=to_id,
        defaults={"project": project, "from_kind": from_kind, "to_kind": to_kind},
    )
    return edge
