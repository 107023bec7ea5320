"""Who is told what: owner kind → the owning app's service, command → the service that runs it once approved."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final
from uuid import UUID

from apps.datasets.selectors import objects_named as versions_named
from apps.datasets.services.approvals import approval_apply as quality_approval_apply
from apps.datasets.services.cleaning import cleaning_run_reconcile
from apps.datasets.services.comparisons import comparison_reconcile
from apps.datasets.services.ingestions import ingestion_reconcile
from apps.datasets.services.previews import preview_reconcile
from apps.datasets.services.profiles import profile_reconcile
from apps.datasets.services.reconcile import reconcile_due as datasets_due
from apps.datasets.services.validation_runs import holds_reconcile, validation_run_reconcile
from apps.deployments.services.figures import figures_tell_silence
from apps.deployments.services.reconcile import reconcile_due as deployments_due
from apps.deployments.services.revisions import revision_reconcile
from apps.experiments.selectors.files import objects_named as files_named
from apps.experiments.services.model_approvals import approval_apply as model_approval_apply
from apps.experiments.services.reconcile import reconcile_due as experiments_due
from apps.experiments.services.runs import run_reconcile
from apps.quotas.services.approvals import approval_apply as quota_approval_apply
from apps.quotas.services.budget_approvals import approval_apply as budget_approval_apply
from apps.quotas.services.commands import CHANGES

OWNERS: Final[dict[str, Callable[[UUID], object]]] = {
    "ingestion": ingestion_reconcile,
    "profile": profile_reconcile,
    "preview": preview_reconcile,
    "validation_run": validation_run_reconcile,
    "version_comparison": comparison_reconcile,
    "cleaning_run": cleaning_run_reconcile,
    "run": run_reconcile,
    "revision": revision_reconcile,
}
"""By `Workload.owner_kind`: takes the workload's id, derives the owner's state from it."""

COMMANDS: Final[dict[str, Callable[[UUID], object]]] = {
    **dict.fromkeys(CHANGES, quota_approval_apply),
    "budget.override": budget_approval_apply,
    "dataset_version.publish": quality_approval_apply,
    "model_version.use": model_approval_apply,
}
"""By `ApprovalRequest.command`: takes the approval's id, runs the command if it was approved, once."""

RECONCILERS: Final[tuple[Callable[[], object], ...]] = (
    datasets_due,
    holds_reconcile,
    experiments_due,
    deployments_due,
    figures_tell_silence,
)
"""Each finds its rows whose workload has moved on without them."""

NAMERS: Final[tuple[Callable[[Collection[UUID]], set[str]], ...]] = (versions_named, files_named)
"""Each says which objects of some attempts its rows name."""
