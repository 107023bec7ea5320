"""Ingestions: an uploaded file becomes a version."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.access.models import User
from apps.common.audit import Actor
from apps.datasets.models import Dataset, DatasetVersion, Ingestion, IngestionSchedule, Source
from apps.datasets.services.appending import appended_checked, turn_check
from apps.datasets.services.ingestion_specs import asked_of
from apps.datasets.services.jobs import RECONCILER, job_cancel, job_create, job_follow, job_of
from apps.datasets.services.left_out import left_out_at_failure, left_out_checked
from apps.datasets.services.lineage import edge_add
from apps.datasets.services.origins import Came, came_of, source_of
from apps.datasets.services.parts import output_kept
from apps.datasets.services.profiles import profile_note
from apps.datasets.services.results import Checked, output_checked
from apps.datasets.services.schedule_notes import schedule_follow, schedule_note
from apps.datasets.services.versions import version_publish
from apps.datasets.states import JobReason, Relation
from apps.quotas.models import Attempt


@transaction.atomic
def ingestion_create(
    *,
    dataset: Dataset,
    source: Source | None = None,
    origin: dict[str, Any] | None = None,
    options: dict[str, Any],
    append_to: DatasetVersion | None = None,
    schedule: IngestionSchedule | None = None,
    requested_by: User | None,
    actor: Actor,
) -> Ingestion:
    """Ask for a source to be parsed into the next version of its dataset, or for an origin to be fetched and parsed.

    Args:
        origin: see `origins.normalised`; in place of a source.
        append_to: the new version begins with the rows of this one; see `appending.turn_check`.
        schedule: who asks for it again and again; its job is told what came the last time.

    Raises:
        Invalid: the source or the base is of another dataset, its format is not known, or an option is wrong.
        OriginNotAllowed: the project may not fetch from there.
        Conflict: the base is not published, or a schedule appends and it is not the turn of this one.
    """
    seen = schedule.seen if schedule is not None else {}
    asked = asked_of(dataset=dataset, source=source, origin=origin, options=options, append_to=append_to, seen=seen)
    turn_check(append_to, dataset=dataset, schedule=schedule)
    return job_create(
        Ingestion,
        project=dataset.project,
        spec=asked.spec,
        name=f"ingest {asked.name}"[:120],
        requested_by=requested_by,
        actor=actor,
        dataset=dataset,
        source=source,
        origin=asked.origin,
        options=options,
        append_to=append_to,
        schedule=schedule,
    )


def ingestion_cancel(ingestion: Ingestion, *, actor: Actor) -> None:
    """Ask for its end; raises Conflict when it has ended."""
    job_cancel(ingestion, actor=actor)


def ingestion_reconcile(workload_id: UUID) -> None:
    """Derive the ingestion's state from its workload; at a good end, publish the version. Safe to run any time.

    Raises:
        OSError, StorageUnavailable: the store could not be asked; run it again later.
    """
    ingestion = job_of(Ingestion, workload_id)
    if ingestion is not None:
        job_follow(ingestion, check=_check, keep=_keep, apply=_apply, failed=left_out_at_failure)
        schedule_follow(ingestion)


@dataclass(frozen=True, slots=True)
class _Left:
    """What an attempt left: rows, unless nothing had changed; and what it fetched, where it did."""

    checked: Checked | None
    came: Came | None = None
    attempt_id: UUID | None = None
    beside: dict[str, Any] = field(default_factory=dict)
    """Columns of the ingestion: what was left out, and what was found out."""


def _check(ingestion: Ingestion, attempt: Attempt) -> _Left:
    came, unchanged = came_of(attempt) if ingestion.origin else (None, False)
    if unchanged:
        return _Left(None, came)
    base = ingestion.append_to
    checked = appended_checked(base, attempt) if base else output_checked(attempt)
    seen = ingestion.schedule.seen if ingestion.schedule is not None else {}
    # Where rows are appended the digest is of the new ones: what came before is not appended once more.
    if seen.get("digest") == checked[1].digest:
        return _Left(None, came)
    return _Left(checked, came, attempt.pk, left_out_checked(attempt))


def _keep(ingestion: Ingestion, left: _Left) -> AbstractContextManager[None]:
    return output_kept(ingestion, left.checked) if left.checked is not None else nullcontext()


def _apply(ingestion: Ingestion, left: _Left) -> dict[str, Any]:
    if left.came is not None and ingestion.schedule is not None:
        schedule_note(ingestion.schedule, came=left.came, digest=left.checked[1].digest if left.checked else "")
    if left.checked is None:
        return {"reason": JobReason.UNCHANGED}
    if left.came is not None and left.attempt_id is not None:
        ingestion.source = source_of(ingestion, left.came, left.attempt_id, actor=RECONCILER)
    _, content, statistics = left.checked
    version = version_publish(
        dataset_id=ingestion.dataset_id,
        content=content,
        actor=RECONCILER,
        ingestion=ingestion,
        base=ingestion.append_to,
    )
    if statistics is not None:
        profile_note(version=version, job=ingestion, statistics=statistics, actor=RECONCILER)
    edges: list[tuple[Relation, str, Any]] = [(Relation.INGESTED_FROM, "source", ingestion.source_id)]
    if ingestion.append_to is not None:
        edges.append((Relation.APPENDED_TO, "dataset_version", ingestion.append_to.pk))
    for relation, kind, to_id in edges:
        edge_add(
            project=version.project,
            from_kind="dataset_version",
            from_id=version.pk,
            relation=relation,
            to_kind=kind,
            to_id=to_id,
        )
    return {"source_id": ingestion.source_id, **left.beside}
