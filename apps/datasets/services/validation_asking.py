"""Validation runs are asked for here, and noted where another job evaluated on its way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings

from apps.access.models import User
from apps.common.audit import Actor
from apps.common.errors import Conflict
from apps.datasets import specs
from apps.datasets.models import DataJob, DatasetVersion, Expectation, ValidationRun
from apps.datasets.selectors import dataset_input
from apps.datasets.selectors.quality import NOT_FULFILLED, evaluation_of, label_of
from apps.datasets.services.jobs import job_create, job_note, job_once
from apps.datasets.services.results import Evaluated
from apps.datasets.states import VALIDATION_RUN, Outcome, Severity


def validation_run_create(
    *, version: DatasetVersion, requested_by: User | None, actor: Actor
) -> tuple[ValidationRun, bool]:
    """The evaluation of a version that is under way, and whether it was asked for just now.

    Raises:
        Conflict: the version is neither validating nor published, or its dataset expects nothing.
    """
    return job_once(
        lambda: ValidationRun.objects.filter(version=version, state__in=sorted(VALIDATION_RUN.active)).first(),
        lambda: _create(version, requested_by, actor),
    )


def _create(version: DatasetVersion, requested_by: User | None, actor: Actor) -> ValidationRun:
    source = dataset_input(version, specs.INPUT, unpublished=True)
    evaluation = evaluation_of(version.dataset)
    if not evaluation.expectations:
        raise Conflict(f"dataset {version.dataset.name} has no active expectation; there is nothing to check")
    spec = specs.validation_spec(version=source, runner=settings.BEDPLATE_DATA_RUNNER)
    return job_create(
        ValidationRun,
        project=version.project,
        spec=evaluation.added_to(spec, version_created_at=version.created_at.isoformat()),
        name=f"validate {version.dataset.name} {version.number}",
        requested_by=requested_by,
        actor=actor,
        version=version,
    )


def validation_note(
    *, version: DatasetVersion, job: DataJob, results: list[dict[str, Any]], actor: Actor
) -> ValidationRun:
    """Keep what the job that made the version found on the way: see `jobs.job_note`."""
    return job_note(ValidationRun, version=version, job=job, actor=actor, **changes_of(results))


def changes_of(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The columns of a validation run with these results."""
    unfulfilled = [one["severity"] for one in results if one["outcome"] in NOT_FULFILLED]
    return {
        "results": list(results),
        "passed_count": sum(one["outcome"] in (Outcome.PASSED, Outcome.SKIPPED) for one in results),
        "warned_count": unfulfilled.count(Severity.WARN),
        "blocked_count": unfulfilled.count(Severity.BLOCK),
    }


def joined(evaluated: Sequence[Evaluated], expectations: Sequence[Expectation]) -> list[dict[str, Any]]:
    """What a job found, with what was asked beside it, for as long as there is such an expectation and revision."""
    known = {(str(one.pk), one.revision): one for one in expectations}
    found = []
    for one in evaluated:
        expectation = known.get((one.expectation, one.revision))
        if expectation is not None:
            found.append(
                {
                    "severity": expectation.severity,
                    "kind": expectation.kind,
                    "parameters": expectation.parameters,
                    "label": label_of(expectation),
                    **one.to_json(),
                }
            )
    return found
