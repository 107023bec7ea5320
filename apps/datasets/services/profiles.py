"""Profiles: statistics of a version, taken once."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings

from apps.access.models import User
from apps.common.audit import Actor
from apps.common.errors import Invalid
from apps.datasets import specs
from apps.datasets.models import DataJob, DatasetVersion, Profile
from apps.datasets.selectors import dataset_input
from apps.datasets.services.jobs import job_cancel, job_create, job_follow, job_note, job_of, job_once
from apps.datasets.services.results import profile_of
from apps.datasets.states import JobState
from apps.quotas.models import Attempt

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
    return job_once(
        lambda: Profile.objects.filter(version=version, target=target, state__in=_COUNTS).first(),
        lambda: _create(version, target, requested_by, actor),
    )


def profile_note(*, version: DatasetVersion, job: DataJob, statistics: dict[str, Any], actor: Actor) -> Profile:
    """Keep the statistics that the job which made the version took on the way: see `jobs.job_note`."""
    return job_note(Profile, version=version, job=job, actor=actor, result=statistics)


def profile_cancel(profile: Profile, *, actor: Actor) -> None:
    """Ask for its end; raises Conflict when it has ended."""
    job_cancel(profile, actor=actor)


def profile_reconcile(workload_id: UUID) -> None:
    """Derive the profile's state from its workload; at a good end, keep the statistics. Safe to run any time."""
    profile = job_of(Profile, workload_id)
    if profile is not None:
        job_follow(profile, check=_check, apply=_apply)


def _create(version: DatasetVersion, target: str, requested_by: User | None, actor: Actor) -> Profile:
    source = dataset_input(version, specs.INPUT, unpublished=True)
    return job_create(
        Profile,
        project=version.project,
        spec=specs.profile_spec(version=source, target=target, runner=settings.BEDPLATE_DATA_RUNNER),
        name=f"profile {version.dataset.name} {version.number}",
        requested_by=requested_by,
        actor=actor,
        version=version,
        target=target,
    )


def _check(profile: Profile, attempt: Attempt) -> dict[str, Any]:
    return profile_of(attempt.result, row_count=profile.version.row_count)


def _apply(profile: Profile, checked: dict[str, Any]) -> dict[str, Any]:
    return {"result": checked}
