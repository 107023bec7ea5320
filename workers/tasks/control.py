"""Tasks of the queue `control`: admission, news for owners, approvals, what is due by the clock."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from apps.access.models import ApprovalRequest
from apps.access.services.approvals import approvals_expire
from apps.access.services.tokens import tokens_expire
from apps.access.states import ApprovalState
from apps.common import queues
from apps.common.idempotency import keys_forget
from apps.common.replay import news_forget
from apps.datasets.services.schedules import schedules_start_due
from apps.datasets.services.upload_bytes import uploads_finish
from apps.datasets.services.uploads import uploads_expire
from apps.experiments.services.artifact_uploads import artifact_uploads_expire
from apps.quotas.models import Workload
from apps.quotas.selectors import pools_with_work
from apps.quotas.services.admission import REST_SECONDS, pool_admit
from apps.quotas.services.budget_keeping import budgets_keep_up, organisations_with_budgets
from workers.dispatch.batch import about, for_each
from workers.tasks.owners import COMMANDS, OWNERS, RECONCILERS
from workers.tasks.schedule import EVERY_SECONDS
from workers.tasks.single_flight import paced, single_flight


@shared_task(name=queues.ADMIT)
@paced(queues.ADMIT, rest_seconds=REST_SECONDS)
def admit_task(pool_id: str) -> None:
    pool_admit(UUID(pool_id))


@shared_task(name=queues.WORKLOAD_CHANGED)
def workload_changed_task(workload_id: str) -> None:
    with about(UUID(workload_id)):
        for kind in Workload.objects.filter(pk=workload_id).values_list("owner_kind", flat=True):
            OWNERS[kind](UUID(workload_id))


@shared_task(name=queues.APPROVAL_DECIDED)
def approval_decided_task(approval_id: str) -> None:
    approval_apply(UUID(approval_id))


@shared_task(name=queues.BUDGETS)
def budgets_task(organisation_id: str) -> None:
    budgets_keep_up(UUID(organisation_id))


@shared_task(name=queues.TICK_ADMIT)
@single_flight(every_seconds=EVERY_SECONDS[queues.TICK_ADMIT])
def tick_admit() -> None:
    for_each(pools_with_work(), pool_admit, what="pool")


@shared_task(name=queues.TICK_RECONCILE)
@single_flight(every_seconds=EVERY_SECONDS[queues.TICK_RECONCILE])
def tick_reconcile() -> None:
    for reconcile_due in RECONCILERS:
        reconcile_due()
    schedules_start_due()


@shared_task(name=queues.TICK_BUDGETS)
@single_flight(every_seconds=EVERY_SECONDS[queues.TICK_BUDGETS])
def tick_budgets() -> None:
    for_each(organisations_with_budgets(), budgets_keep_up, what="organisation")


@shared_task(name=queues.TICK_EXPIRE)
@single_flight(every_seconds=EVERY_SECONDS[queues.TICK_EXPIRE])
def tick_expire() -> None:
    approvals_expire()
    tokens_expire()
    keys_forget()
    uploads_expire()
    uploads_finish()
    artifact_uploads_expire()
    news_forget()
    waiting = ApprovalRequest.objects.filter(state=ApprovalState.APPROVED, applied_at=None)
    for_each(list(waiting.values_list("pk", flat=True)), approval_apply, what="approval")


def approval_apply(approval_id: UUID) -> None:
    """Run the command of an approval by the app that owns it."""
    for command in ApprovalRequest.objects.filter(pk=approval_id).values_list("command", flat=True):
        COMMANDS[command](approval_id)
