"""The gate: a version is published when nothing that blocks has failed, or when somebody approved it all the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from apps.access.models import ApprovalRequest
from apps.common.audit import Actor, record
from apps.common.errors import Conflict
from apps.common.states import Move, explain, transition
from apps.datasets.models import DataJob, Dataset, DatasetVersion, QualityOverride, ValidationRun
from apps.datasets.selectors.quality import (
    Lacks,
    active_expectations,
    covers,
    failing,
    labels,
    lacks_of,
    newest_results,
)
from apps.datasets.services.holds import holds_settle, holds_tell
from apps.datasets.services.results import Evaluated
from apps.datasets.services.validation_asking import joined, validation_note, validation_run_create
from apps.datasets.states import JobState, Severity, VersionState
from apps.quotas.services.workloads import workload_stop
from apps.quotas.states import Reason
from workers.contracts.sentences import say


def version_judge(
    version: DatasetVersion, evaluated: Sequence[Evaluated] | None, *, job: DataJob | None, actor: Actor
) -> None:
    """A new version, whose dataset is locked: publish it, keep it back, or have it evaluated first.

    Args:
        evaluated: what the job that made it found; None where it did not look.
        job: that job.
    """
    expectations = active_expectations(version.dataset_id)
    if not expectations:
        _publish(version, "", actor)
        return
    if evaluated is not None and job is not None:
        results = joined(evaluated, expectations)
        if covers(results, expectations):
            validation_note(version=version, job=job, results=results, actor=actor)
            if not version_decide(version, results, actor=actor):
                version_tell(version)
            return
    validation_run_create(version=version, requested_by=job.requested_by if job else None, actor=actor)
    version_tell(version)


def version_decide(version: DatasetVersion, results: Sequence[Mapping[str, Any]], *, actor: Actor) -> bool:
    """Publish a validating version with these results unless they say no; true when it is published.

    In a transaction that holds the dataset's lock, so that no expectation changes meanwhile.
    """
    expectations = active_expectations(version.dataset_id)
    if not covers(results, expectations) or failing(results, expectations, Severity.BLOCK):
        return False
    warned = failing(results, expectations, Severity.WARN)
    _publish(version, say("quality_warned", rules=labels(warned)) if warned else "", actor)
    return True


def version_tell(version: DatasetVersion) -> None:
    """Say of a version that is validating, and to what waits for it, what it waits for. From what is stored."""
    if version.state != VersionState.VALIDATING:
        return
    lacks = lacks_of(version)
    explain([Move(version, version.state, "", _why(lacks))])
    holds_tell(version, lacks)


def _why(lacks: Lacks) -> str:
    if lacks.is_under_way:
        return say("quality_checked")
    if lacks.error:
        return say("quality_unchecked", error=lacks.error)
    return say("quality_failed", rules=lacks.blocking) if lacks.blocking else say("quality_changed")


def _publish(version: DatasetVersion, detail: str, actor: Actor, **more: Any) -> None:
    transition(version, VersionState.PUBLISHED, actor=actor, detail=detail)
    told = {"number": version.number, "digest": version.digest, **more}
    record(actor, "dataset_version.published", version, detail=told)
    holds_settle(version)


@transaction.atomic
def version_override(version: DatasetVersion, *, approval: ApprovalRequest, actor: Actor) -> QualityOverride:
    """Publish a version although it fails, because somebody approved exactly that.

    Raises:
        Conflict: it is not validating any more, or it was evaluated again since the request.
    """
    locked = locked_version(version)
    if locked.state != VersionState.VALIDATING:
        raise Conflict(f"Version {locked.number} is {locked.state}.")
    newest = newest_results(locked)
    if str(newest.pk if newest else None) != str(approval.arguments.get("validation")):
        raise Conflict("It was validated again since it was asked for: ask again for what it is now.")
    expectations = active_expectations(locked.dataset_id)
    blocking = failing(newest.results or [], expectations, Severity.BLOCK) if newest else []
    named = [str(one["label"]) for one in blocking]
    override: QualityOverride = QualityOverride.objects.create(
        project=locked.project, version=locked, approval=approval, validation=newest, failing=named
    )
    detail = say("quality_overridden", rules=labels(blocking)) if blocking else say("quality_trusted")
    _publish(locked, detail, actor, approval=str(approval.pk), failing=named)
    told = {"approval": str(approval.pk), "failing": named, "requested_by": str(approval.requested_by_id)}
    record(actor, "dataset_version.overridden", locked, detail=told)
    _stop_validation(locked, actor)
    return override


@transaction.atomic
def version_reject(version: DatasetVersion, *, detail: str = "", actor: Actor) -> None:
    """Say that a version will never be published. What waits for it ends.

    Raises:
        Conflict: it is not validating.
    """
    locked = locked_version(version)
    if locked.state != VersionState.VALIDATING:
        raise Conflict(f"Version {locked.number} is {locked.state}; only one that is validating is rejected.")
    _stop_validation(locked, actor)
    transition(locked, VersionState.REJECTED, actor=actor, detail=detail)
    record(actor, "dataset_version.rejected", locked, detail={"number": locked.number, "detail": detail})
    holds_settle(locked)


def locked_version(version: DatasetVersion) -> DatasetVersion:
    """The version as it is now, its dataset locked before it: the order in which everybody locks the two."""
    Dataset.objects.select_for_update(of=("self",)).get(pk=version.dataset_id)
    rows = DatasetVersion.objects.select_for_update(of=("self",), no_key=True)
    found: DatasetVersion = rows.select_related("dataset", "project").get(pk=version.pk)
    return found


def _stop_validation(version: DatasetVersion, actor: Actor) -> None:
    under_way = ValidationRun.objects.filter(version=version, state__in=[JobState.QUEUED, JobState.RUNNING])
    for run in under_way.select_related("workload"):
        workload_stop(run.workload, reason=Reason.CANCELLED_BY_USER, actor=actor)
