"""Expectations, validation runs and holds as lists and pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import F, QuerySet

from apps.access.models import ApprovalRequest
from apps.datasets.models import DatasetVersion, Expectation, Profile, QualityHold, QualityOverride, ValidationRun
from apps.datasets.selectors.proposals import proposals_of
from apps.datasets.selectors.quality import active_expectations, covers, open_requests
from apps.datasets.selectors.shown import OF_VERSION, jobs_shown
from apps.datasets.states import VALIDATION_RUN, JobState, VersionState
from workers.contracts.expectations import label

WAITING_MOST = 50


def expectations_shown() -> QuerySet[Expectation]:
    found: QuerySet[Expectation] = Expectation.objects.annotate(
        project_name=F("project__name"), dataset_name=F("dataset__name"), created_by_name=F("created_by__username")
    )
    return found


def validation_runs_shown() -> QuerySet[ValidationRun]:
    return jobs_shown(ValidationRun, **OF_VERSION)


def quality_holds_shown() -> QuerySet[QualityHold]:
    found: QuerySet[QualityHold] = QualityHold.objects.annotate(
        workload_name=F("workload__name"),
        workload_state=F("workload__state"),
        owner_kind=F("workload__owner_kind"),
        owner=F("workload__owner_id"),
        version_number=F("version__number"),
        version_state=F("version__state"),
        dataset=F("version__dataset"),
        dataset_name=F("version__dataset__name"),
    )
    return found


@dataclass(frozen=True, slots=True)
class Quality:
    """What is known of a version's quality; see `api.expectation_serializers.VersionQualitySerializer`."""

    version: Any
    state: str
    state_detail: str
    expectation_count: int
    is_outdated: bool
    newest: ValidationRun | None
    under_way: ValidationRun | None
    failed_run: ValidationRun | None
    waiting: list[QualityHold]
    waiting_count: int
    asked: ApprovalRequest | None
    override: QualityOverride | None


def quality_of(version: DatasetVersion, user: Any) -> Quality:
    """Eight queries at most."""
    runs: Any = validation_runs_shown().filter(version=version).order_by("-id")
    last = runs.defer("results").first()
    newest = runs.filter(state=JobState.SUCCEEDED).first()
    expectations = active_expectations(version.dataset_id)
    held: Any = quality_holds_shown().filter(version=version, settled_at=None, workload__is_held=True)
    validating = version.state == VersionState.VALIDATING
    return Quality(
        version=version.pk,
        state=version.state,
        state_detail=version.state_detail,
        expectation_count=len(expectations),
        is_outdated=newest is not None and not covers(newest.results or [], expectations),
        newest=newest,
        under_way=last if last is not None and last.state in VALIDATION_RUN.active else None,
        failed_run=last if last is not None and last.state == JobState.FAILED else None,
        waiting=list(held.visible_to(user).order_by("id")[:WAITING_MOST]) if validating else [],
        waiting_count=held.count() if validating else 0,
        asked=open_requests(version).select_related("requested_by").first() if validating else None,
        override=QualityOverride.objects.filter(version=version)
        .select_related("approval__requested_by", "approval__decided_by")
        .first(),
    )


def proposals_shown(version: DatasetVersion) -> dict[str, Any]:
    """What the newest profile of a version suggests. Two queries."""
    profile = Profile.objects.filter(version=version, state=JobState.SUCCEEDED).order_by("-id").first()
    known = [(one.kind, one.parameters) for one in active_expectations(version.dataset_id)] if profile else []
    found = proposals_of(profile.result) if profile is not None and profile.result else []
    return {
        "version": version.pk,
        "dataset": version.dataset_id,
        "has_profile": profile is not None,
        "proposals": [
            {
                "kind": one.kind,
                "parameters": one.parameters,
                "severity": one.severity,
                "reason": one.reason,
                "label": label(one.kind, one.parameters),
                "exists": (one.kind, one.parameters) in known,
            }
            for one in found
        ],
    }
