"""Profiles: statistics of a version, taken once."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from uuid6 import uuid7

from apps.access.models import User
from apps.common.audit import Actor, record
from apps.common.errors import Invalid
from apps.common.states import transition
from apps.datasets import specs
from apps.datasets.models import DataJob, DatasetVersion, Profile
from apps.datasets.selectors import dataset_input
from apps.datasets.services.jobs import job_cancel, job_follow, job_of
from apps.datasets.services.results import profile_of
from apps.datasets.states import PROFILE, JobReason, JobState
from apps.quotas.models import Attempt
from apps.quotas.services.workloads import workload_submit

_COUNTS = (JobState.QUEUED, JobState.RUNNING, JobState.SUCCEEDED)


def profile_create(
    *, version: DatasetVersion, target: str = "", requested_by: User | None, actor: Actor
) -> tuple[Profile, bool]:
    """The profile of a version for a target, and whether it was asked for just now: one that is there is enough.

    Args:
        target: the column that is to be predicted; empty to have it guessed.

    Raises:
        Conflict: the version is neither published nor validating.
        Invalid: `target` is no column of the version, or one of pictures.
    """
    if target and target not in {column["name"] for column in version.schema if column["type"] != "image"}:
        detail = f"Version {version.number} of {version.dataset.name} has no column {target!r} that could be predicted."
        raise Invalid(detail, fields={"target": ["is no column that could be predicted"]})
    known = _known(version, target)
    if known is not None:
        return known, False
    try:
        with transaction.atomic():
            return _create(version, target, requested_by, actor), True
    except IntegrityError:
        known = _known(version, target)
        if known is None:  # not about a twin: the error is real
            raise
        return known, False


def profile_note(*, version: DatasetVersion, job: DataJob, statistics: dict[str, Any], actor: Actor) -> Profile:
    """Keep what the job that made the version found on the way: a profile that has succeeded, of its workload.

    In the transaction that publishes the version.
    """
    profile: Profile = Profile.objects.create(
        project=version.project, version=version, workload=job.workload, requested_by_id=job.requested_by_id
    )
    record(actor, "profile.created", profile)
    transition(profile, JobState.RUNNING, actor=actor)
    transition(profile, JobState.SUCCEEDED, actor=actor, reason=JobReason.COMPLETED, result=statistics)
    return profile


def profile_cancel(profile: Profile, *, actor: Actor) -> None:
    """Ask for its end; raises Conflict when it has ended."""
    job_cancel(profile, actor=actor)


def profile_reconcile(workload_id: UUID) -> None:
    """Derive the profile's state from its workload; at a good end, keep the statistics. Safe to run any time."""
    profile = job_of(Profile, workload_id)
    if profile is not None:
        job_follow(profile, check=_check, apply=_apply)


def _known(version: DatasetVersion, target: str) -> Profile | None:
    found: Profile | None = Profile.objects.filter(version=version, target=target, state__in=_COUNTS).first()
    return found


def _create(version: DatasetVersion, target: str, requested_by: User | None, actor: Actor) -> Profile:
    profile_id = uuid7()
    source = dataset_input(version, specs.INPUT, unpublished=True)
    workload = workload_submit(
        project=version.project,
        spec=specs.profile_spec(version=source, target=target, runner=settings.BEDPLATE_DATA_RUNNER),
        owner_kind=PROFILE.noun,
        owner_id=profile_id,
        name=f"profile {version.dataset.name} {version.number}",
        requested_by=requested_by,
        actor=actor,
    )
    profile: Profile = Profile.objects.create(
        id=profile_id,
        project=version.project,
        version=version,
        target=target,
        workload=workload,
        requested_by=requested_by,
    )
    record(actor, "profile.created", profile)
    return profile


def _check(profile: Profile, attempt: Attempt) -> dict[str, Any]:
    return profile_of(attempt.result, row_count=profile.version.row_count)


def _apply(profile: Profile, checked: dict[str, Any]) -> dict[str, Any]:
    return {"result": checked}
