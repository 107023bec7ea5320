"""Validation runs: led by their workloads; what they find decides about the version."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import DatabaseError, transaction

from apps.common.audit import Actor
from apps.common.errors import BedplateError, Conflict
from apps.datasets.models import DatasetVersion, ValidationRun
from apps.datasets.selectors.quality import active_expectations, covers, newest_results, versions_waited_for
from apps.datasets.services.gate import locked_version, version_decide, version_tell
from apps.datasets.services.holds import holds_settle
from apps.datasets.services.jobs import RECONCILER, job_cancel, job_follow, job_of
from apps.datasets.services.results import Evaluated, evaluated_of
from apps.datasets.services.validation_asking import changes_of, joined, validation_run_create
from apps.datasets.states import VersionState
from apps.quotas.models import Attempt

log = logging.getLogger(__name__)


def validation_run_cancel(run: ValidationRun, *, actor: Actor) -> None:
    """Ask for its end; raises Conflict when it has ended."""
    job_cancel(run, actor=actor)


def validation_run_reconcile(workload_id: UUID) -> None:
    """Derive the run's state from its workload; at a good end, decide about the version. Safe to run any time."""
    run = job_of(ValidationRun, workload_id)
    if run is None or run.is_terminal:
        return
    job_follow(run, check=_check, apply=_apply)
    _afterwards(run)


def _check(_run: ValidationRun, attempt: Attempt) -> list[Evaluated]:
    return evaluated_of(attempt.result)


def _apply(run: ValidationRun, evaluated: Sequence[Evaluated]) -> dict[str, Any]:
    version = locked_version(run.version)
    results = joined(evaluated, active_expectations(version.dataset_id))
    if version.state == VersionState.VALIDATING:
        version_decide(version, results, actor=RECONCILER)
    return changes_of(results)


@transaction.atomic
def _afterwards(run: ValidationRun) -> None:
    """Of a version that was not published: say why, and look again where an expectation changed meanwhile."""
    version = locked_version(run.version)
    if version.state != VersionState.VALIDATING:
        return
    found = newest_results(version)
    if found is not None and found.pk == run.pk and not covers(found.results or [], _expected(version)):
        try:
            validation_run_create(version=version, requested_by=run.requested_by, actor=RECONCILER)
        except Conflict:  # nothing is expected any more: who validates again publishes it
            log.info("version %s has nothing to be validated by", version.pk)
    version_tell(version)


def _expected(version: DatasetVersion) -> list[Any]:
    return active_expectations(version.dataset_id)


def validate(version: DatasetVersion, *, requested_by: Any, actor: Actor) -> tuple[ValidationRun | None, bool]:
    """Validate a version again: the run, and whether it is new; without any expectation left, publish it: no run.

    Raises:
        Conflict: the version is neither validating nor published, or is published and nothing is expected of it.
    """
    with transaction.atomic():
        locked = locked_version(version)
        if locked.state not in (VersionState.VALIDATING, VersionState.PUBLISHED):
            raise Conflict(f"Version {locked.number} is {locked.state}; there is nothing to decide about it.")
        if locked.state == VersionState.VALIDATING and not _expected(locked):
            version_decide(locked, [], actor=actor)
            return None, False
        run, made = validation_run_create(version=locked, requested_by=requested_by, actor=actor)
        version_tell(locked)
        return run, made


def holds_reconcile() -> int:
    """The tick: settle and tell what waits for versions, whatever was missed. Returns how many versions there were."""
    found = versions_waited_for()
    for version in found:
        try:
            holds_settle(version)
            version_tell(version)
        except (BedplateError, DatabaseError):
            log.exception("could not settle what waits for version %s", version.pk)
    return len(found)
