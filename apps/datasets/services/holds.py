"""What waits until a version is published: held back out of the line, let in, or ended with it."""

from __future__ import annotations

from django.db import transaction

from apps.common import clock
from apps.common.audit import Actor
from apps.datasets.models import DatasetVersion, QualityHold
from apps.datasets.selectors.quality import Lacks, lacks_of
from apps.datasets.states import VersionState
from apps.quotas.models import Workload
from apps.quotas.services.workloads import Hold, workload_hold_explain, workload_release, workload_stop
from apps.quotas.states import Reason
from workers.contracts.sentences import say

ACTOR = Actor.system("quality")


def version_hold(version: DatasetVersion) -> Hold | None:
    """Why work on a version has to wait; None when it need not. In the transaction that submits the work.

    A version that is validating is locked and read again, so that either its publication sees what is submitted
    here, or this sees the publication. `version` carries the state that was found.
    """
    if version.state != VersionState.VALIDATING:
        return None
    locked = DatasetVersion.objects.select_for_update(of=("self",), no_key=True).get(pk=version.pk)
    version.state, version.state_detail = locked.state, locked.state_detail
    return _hold(version, lacks_of(version)) if version.state == VersionState.VALIDATING else None


def hold_note(version: DatasetVersion, workload: Workload) -> None:
    """Note that a workload, where it was submitted with the hold of `version_hold`, waits for that version."""
    if workload.is_held:
        QualityHold.objects.create(project=workload.project, version=version, workload=workload)


def holds_tell(version: DatasetVersion, lacks: Lacks) -> None:
    """Say anew to what waits for a validating version what is missing. One query where everybody knows."""
    why = _hold(version, lacks)
    waiting = QualityHold.objects.filter(version=version, settled_at=None, workload__is_held=True)
    untold = waiting.exclude(workload__state_reason=why.reason, workload__state_detail=why.detail)
    for workload_id in untold.values_list("workload", flat=True):
        workload_hold_explain(workload_id, why)


@transaction.atomic
def holds_settle(version: DatasetVersion) -> int:
    """Let into the line what waited for a version that is published; end what waited for one that was rejected.

    Returns how many were settled; nothing happens while the version is validating.
    """
    if version.state == VersionState.VALIDATING:
        return 0
    held = QualityHold.objects.filter(version=version, settled_at=None).order_by("workload")
    found = list(held.select_for_update(of=("self",)).select_related("workload"))
    for one in found:
        one.settled_at = clock.db_now()
        one.save(update_fields=["settled_at"])
        if version.state == VersionState.REJECTED:
            detail = say("input_rejected", number=version.number, dataset=version.dataset.name)
            workload_stop(one.workload, reason=Reason.INPUT_REJECTED, detail=detail, actor=ACTOR)
        elif not QualityHold.objects.filter(workload=one.workload, settled_at=None).exists():
            workload_release(one.workload_id)
    return len(found)


def _hold(version: DatasetVersion, lacks: Lacks) -> Hold:
    named = {"number": version.number, "dataset": version.dataset.name}
    if lacks.is_under_way:
        return Hold(Reason.QUALITY_BLOCKED, say("hold_checked", **named))
    if lacks.blocking:
        return Hold(Reason.QUALITY_BLOCKED, say("hold_failed", rules=lacks.blocking, **named))
    return Hold(Reason.QUALITY_BLOCKED, say("hold_unchecked", **named))
