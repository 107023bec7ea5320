"""Ingestions: an uploaded file becomes a version."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from uuid6 import uuid7

from apps.access.models import User
from apps.common.audit import Actor, record
from apps.common.errors import Invalid
from apps.datasets import specs
from apps.datasets.models import Dataset, DatasetVersion, Ingestion, Source
from apps.datasets.recipes.parsing import parsing_problems
from apps.datasets.selectors.quality import evaluation_of
from apps.datasets.services.appending import appended_checked, base_check, base_parameters
from apps.datasets.services.jobs import RECONCILER, job_cancel, job_follow, job_of
from apps.datasets.services.lineage import edge_add
from apps.datasets.services.parts import output_kept
from apps.datasets.services.profiles import profile_note
from apps.datasets.services.results import Checked, output_checked
from apps.datasets.services.versions import version_publish
from apps.datasets.states import INGESTION, Relation
from apps.quotas.models import Attempt
from apps.quotas.services.workloads import workload_submit


@transaction.atomic
def ingestion_create(
    *,
    dataset: Dataset,
    source: Source,
    options: dict[str, Any],
    append_to: DatasetVersion | None = None,
    requested_by: User | None,
    actor: Actor,
) -> Ingestion:
    """Ask for a source to be parsed into the next version of its dataset.

    Args:
        append_to: the new version begins with the rows of this one. Two that append to the same are two versions,
            each with the rows of that base and its own.

    Raises:
        Invalid: the source or the base is of another dataset, its format is not known, or an option is wrong.
        Conflict: the base is not published.
    """
    _refuse_nonsense(dataset, source, options)
    if append_to is not None:
        base_check(append_to, dataset=dataset)
    more = base_parameters(append_to) if append_to is not None else {}
    spec = specs.ingestion_spec(
        path=source.path,
        file_format=source.file_format,
        options={**options, **more},
        runner=settings.BEDPLATE_DATA_RUNNER,
    )
    ingestion_id = uuid7()
    workload = workload_submit(
        project=dataset.project,
        spec=spec if append_to is not None else evaluation_of(dataset).added_to(spec),
        owner_kind=INGESTION.noun,
        owner_id=ingestion_id,
        name=f"ingest {source.name}"[:120],
        requested_by=requested_by,
        actor=actor,
    )
    ingestion: Ingestion = Ingestion.objects.create(
        id=ingestion_id,
        project=dataset.project,
        dataset=dataset,
        source=source,
        options=options,
        append_to=append_to,
        workload=workload,
        requested_by=requested_by,
    )
    record(actor, "ingestion.created", ingestion)
    return ingestion


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
        job_follow(ingestion, check=_check, keep=output_kept, apply=_apply)


def _refuse_nonsense(dataset: Dataset, source: Source, options: dict[str, Any]) -> None:
    problems = parsing_problems(options)
    if source.dataset_id != dataset.pk:
        problems["source"] = [f"Belongs to another dataset than {dataset.name!r}."]
    if not problems and not (options.get("format") or source.file_format):
        problems["options.format"] = [f"The name {source.name!r} does not say its format: say it here."]
    if problems:
        raise Invalid("; ".join(f"{at}: {text}" for at, texts in problems.items() for text in texts), fields=problems)


def _check(ingestion: Ingestion, attempt: Attempt) -> Checked:
    return appended_checked(ingestion.append_to, attempt) if ingestion.append_to else output_checked(attempt)


def _apply(ingestion: Ingestion, checked: Checked) -> dict[str, Any]:
    _, content, statistics = checked
    version = version_publish(
        dataset_id=ingestion.dataset_id,
        content=content,
        actor=RECONCILER,
        ingestion=ingestion,
        base=ingestion.append_to,
    )
    if statistics is not None:
        profile_note(version=version, job=ingestion, statistics=statistics, actor=RECONCILER)
    edges: list[tuple[Relation, str, UUID]] = [(Relation.INGESTED_FROM, "source", ingestion.source_id)]
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
    return {"rejected": {"count": content.rejected.count, "samples": content.rejected.samples}}
