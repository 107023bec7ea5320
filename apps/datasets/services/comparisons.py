"""Comparisons of two versions: made once per pair and key, by a job."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.conf import settings

from apps.access.models import User
from apps.common.audit import Actor
from apps.common.errors import Invalid
from apps.datasets import specs
from apps.datasets.models import DatasetVersion, VersionComparison
from apps.datasets.selectors import version_data
from apps.datasets.services.comparison_results import comparison_of
from apps.datasets.services.jobs import job_cancel, job_create, job_follow, job_of, job_once
from apps.datasets.states import JobState
from apps.quotas.models import Attempt

KEY_MOST = 20
"""Columns of a key."""
_COUNTS = (JobState.QUEUED, JobState.RUNNING, JobState.SUCCEEDED)


def comparison_create(
    *, before: DatasetVersion, after: DatasetVersion, key: Sequence[str] = (), requested_by: User | None, actor: Actor
) -> tuple[VersionComparison, bool]:
    """The comparison of two versions by a key, and whether it was asked for just now: one that counts is enough.

    Raises:
        Invalid: the versions are of two projects, or a column of the key is not in both.
        Conflict: the data of a version cannot be read.
    """
    columns = sorted(set(key))
    _refuse_nonsense(before, after, columns)
    digest = hashlib.sha256(json.dumps(columns).encode()).hexdigest()
    same: dict[str, Any] = {"before": before, "after": after, "key_digest": digest}
    return job_once(
        lambda: VersionComparison.objects.filter(**same, state__in=_COUNTS).first(),
        lambda: job_create(
            VersionComparison,
            project=after.project,
            spec=specs.comparison_spec(
                before=version_data(before, "before"),
                after=version_data(after, "after"),
                key=columns,
                runner=settings.BEDPLATE_DATA_RUNNER,
            ),
            name=f"compare {after.dataset.name} {before.number} and {after.number}",
            requested_by=requested_by,
            actor=actor,
            detail={"key": columns},
            key=columns,
            **same,
        ),
    )


def comparison_cancel(comparison: VersionComparison, *, actor: Actor) -> None:
    """Ask for its end; raises Conflict when it has ended."""
    job_cancel(comparison, actor=actor)


def comparison_reconcile(workload_id: UUID) -> None:
    """Derive its state from its workload; at a good end, keep what was found. Safe to run any time."""
    comparison = job_of(VersionComparison, workload_id)
    if comparison is not None:
        job_follow(comparison, check=_check, apply=lambda _, found: {"result": found})


def _refuse_nonsense(before: DatasetVersion, after: DatasetVersion, key: Sequence[str]) -> None:
    problems: dict[str, list[str]] = {}
    if before.project_id != after.project_id:
        problems["before"] = ["Belongs to another project than the later version."]
    if before.pk == after.pk:
        problems["before"] = ["Is the later version itself."]
    if len(key) > KEY_MOST:
        problems["key"] = [f"Has {len(key)} columns, at most {KEY_MOST} are taken."]
    names = [{column["name"] for column in version.schema} for version in (before, after)]
    missing = [name for name in key if not all(name in side for side in names)]
    if missing and "key" not in problems:
        problems["key"] = [f"Not in both versions: {', '.join(missing)}."]
    if problems:
        raise Invalid("; ".join(f"{at}: {texts[0]}" for at, texts in problems.items()), fields=problems)


def _check(comparison: VersionComparison, attempt: Attempt) -> dict[str, Any]:
    return comparison_of(attempt.result, before_rows=comparison.before.row_count, after_rows=comparison.after.row_count)
