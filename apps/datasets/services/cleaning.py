"""Cleaning runs: a version and a recipe become the next version."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.access.models import Secret, User
from apps.common.audit import Actor
from apps.common.errors import Invalid
from apps.datasets import specs
from apps.datasets.models import CleaningRun, Dataset, DatasetVersion, Recipe
from apps.datasets.selectors import dataset_input
from apps.datasets.selectors.quality import evaluation_of
from apps.datasets.services.jobs import RECONCILER, job_cancel, job_create, job_follow, job_of
from apps.datasets.services.lineage import edge_add
from apps.datasets.services.parts import output_kept
from apps.datasets.services.profiles import profile_note
from apps.datasets.services.results import Checked, output_checked
from apps.datasets.services.versions import version_publish
from apps.datasets.states import Relation
from workers.contracts.recipes import Fault, by_place, recipe_fit, secrets_of
from workers.contracts.specs import JobSpec


@transaction.atomic
def cleaning_run_create(
    *,
    recipe: Recipe,
    input_version: DatasetVersion,
    output_dataset: Dataset | None = None,
    requested_by: User | None,
    actor: Actor,
) -> CleaningRun:
    """Ask for a recipe to be applied; the new version goes to the input's own dataset unless another is given.

    Raises:
        Invalid: they are not of one project, or a step does not fit the columns: `faults` name step, option, column.
        Conflict: the version is neither published nor validating.
    """
    target = output_dataset or input_version.dataset
    project = input_version.project
    _refuse_strangers(project.pk, {"recipe": recipe.project_id, "output_dataset": target.project_id})
    _refuse_misfit(recipe, input_version)
    return job_create(
        CleaningRun,
        project=project,
        spec=_spec(recipe, input_version, target),
        name=f"clean {input_version.dataset.name} {input_version.number}",
        requested_by=requested_by,
        actor=actor,
        recipe=recipe,
        input_version=input_version,
        input_reference=input_version.reference,
        output_dataset=target,
    )


def _spec(recipe: Recipe, version: DatasetVersion, target: Dataset) -> JobSpec:
    """Clean the version, and look on the way at what is expected of its target's versions."""
    source = dataset_input(version, specs.INPUT, unpublished=True)
    spec = specs.cleaning_spec(version=source, steps=recipe.steps, runner=settings.BEDPLATE_DATA_RUNNER)
    return evaluation_of(target).added_to(spec)


def cleaning_run_cancel(run: CleaningRun, *, actor: Actor) -> None:
    """Ask for its end; raises Conflict when it has ended."""
    job_cancel(run, actor=actor)


def cleaning_run_reconcile(workload_id: UUID) -> None:
    """Derive the run's state from its workload; at a good end, publish the new version. Safe to run any time.

    Raises:
        OSError, StorageUnavailable: the store could not be asked; run it again later.
    """
    run = job_of(CleaningRun, workload_id)
    if run is not None:
        job_follow(run, check=lambda _, attempt: output_checked(attempt), keep=output_kept, apply=_apply)


def _refuse_strangers(project_id: UUID, others: dict[str, UUID]) -> None:
    wrong = {name: ["Belongs to another project than the version."] for name, of in others.items() if of != project_id}
    if wrong:
        raise Invalid("Recipe, version and dataset belong to one project.", fields=wrong)


def _refuse_misfit(recipe: Recipe, version: DatasetVersion) -> None:
    found = recipe_fit(recipe.steps, version.schema) or _unknown_secrets(recipe)
    if found:
        said = "; ".join(f"step {(fault.step or 0) + 1} of the recipe: {fault.detail}" for fault in found)
        raise Invalid(
            f"The recipe does not fit the version: {said}",
            fields=by_place(found),
            faults=[fault.to_json() for fault in found],
        )


def _unknown_secrets(recipe: Recipe) -> list[Fault]:
    """One query, where a step asks for a secret."""
    wanted = secrets_of(recipe.steps)
    if not wanted:
        return []
    known = set(Secret.objects.filter(project_id=recipe.project_id, name__in=wanted).values_list("name", flat=True))
    return [
        Fault(index, "secret", "unknown_secret", f"The project has no secret {name!r}.")
        for index, step in enumerate(recipe.steps)
        for name in secrets_of([step])
        if name not in known
    ]


def _apply(run: CleaningRun, checked: Checked) -> dict[str, Any]:
    _, content, statistics = checked
    version = version_publish(
        dataset_id=run.output_dataset_id,
        content=content,
        actor=RECONCILER,
        cleaning_run=run,
        parent=run.input_version,
    )
    if statistics is not None:
        profile_note(version=version, job=run, statistics=statistics, actor=RECONCILER)
    edge_add(
        project=version.project,
        from_kind="dataset_version",
        from_id=version.pk,
        relation=Relation.CLEANED_FROM,
        to_kind="dataset_version",
        to_id=run.input_version_id,
    )
    return {}
