"""What the rules would do to the files of a project now: for people who want to know before."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final
from uuid import UUID

from apps.common import clock
from apps.experiments.models import Artifact, Checkpoint
from apps.experiments.selectors.keeping import NEEDS, reasons_of
from apps.experiments.selectors.keeping_bundles import bundles_report
from apps.experiments.selectors.keeping_facts import facts_of

FILES_MOST: Final = 20_000
"""Looked at, the newest first; a project with more is told so."""
SHOWN_MOST: Final = 100
_BATCH: Final = 2000


def files_report(project_id: UUID) -> dict[str, Any]:
    """Files and bytes by reason, and what no reason keeps; of source bundles apart. Nine queries per two thousand
    files, and three."""
    files, size = Counter[str](), Counter[str]()
    unkept: list[dict[str, Any]] = []
    looked_at, is_all = 0, True
    for kind in (Artifact, Checkpoint):
        rows = kind.objects.filter(project=project_id, gone_at=None).order_by("-id")
        joined = ("run", "logged_model") if kind is Artifact else ("run",)
        there = list(rows.select_related(*joined).defer("metadata", "run__script", "run__summary")[: FILES_MOST + 1])
        is_all = is_all and len(there) <= FILES_MOST
        for start in range(0, min(len(there), FILES_MOST), _BATCH):
            some = there[start : start + _BATCH]
            facts = facts_of(some, clock.db_now())
            for one in some:
                looked_at += 1
                for reason in reasons_of(facts[one.pk]) or [""]:
                    files[reason] += 1
                    size[reason] += one.size_bytes
                    if not reason and len(unkept) < SHOWN_MOST:
                        unkept.append(_shown(kind, one))
    reasons = [{"reason": name, "files": files[name], "bytes": size[name]} for name in NEEDS]
    return {
        "project": project_id,
        "looked_at": looked_at,
        "is_all": is_all,
        "reasons": reasons,
        "unkept_files": files[""],
        "unkept_bytes": size[""],
        "unkept": unkept,
        "source_bundles": bundles_report(project_id, FILES_MOST),
    }


def _shown(kind: type[Artifact] | type[Checkpoint], one: Any) -> dict[str, Any]:
    return {
        "id": one.pk,
        "kind": kind._meta.model_name,
        "name": one.name if isinstance(one, Artifact) else f"step {one.step}",
        "run": one.run_id,
        "size_bytes": one.size_bytes,
        "tombstoned_at": one.tombstoned_at,
    }
