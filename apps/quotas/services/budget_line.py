"""What stands in the line while a budget is used up: it is not in the cycle, and nothing waits behind it."""

from __future__ import annotations

from dataclasses import replace

from apps.quotas.models import Budget, Queue, Workload
from apps.quotas.scheduling.snapshot import Holding, Snapshot, Wait, Waiting
from apps.quotas.services.budget_gate import budgets_blocked


def within_budgets(snapshot: Snapshot) -> tuple[Snapshot, list[Wait]]:
    """The snapshot without what a budget stops, and why that waits. One query where there is no budget, three where
    none is used up."""
    if not Budget.objects.exists():
        return snapshot, []
    growing = [one for one in snapshot.holdings if one.wanted > len(one.assignments)]
    line: list[Waiting | Holding] = [*snapshot.waiting, *growing]
    named = {one.queue_id for one in line}
    projects = dict(Queue.objects.filter(pk__in=named).values_list("project", "pk"))
    blocks = {projects[project]: block for project, block in budgets_blocked(projects).items()}
    if not blocks:
        return snapshot, []
    ids = [one.workload_id for one in line if one.queue_id in blocks]
    rows = Workload.objects.filter(pk__in=ids).defer("spec")
    stopped = {row.pk: blocks[row.queue_id] for row in rows if blocks[row.queue_id].stops(row)}
    less = replace(
        snapshot,
        waiting=tuple(one for one in snapshot.waiting if one.workload_id not in stopped),
        holdings=tuple(
            replace(one, wanted=len(one.assignments)) if one.workload_id in stopped else one
            for one in snapshot.holdings
        ),
    )
    return less, [Wait(identity, block.reason, block.detail) for identity, block in stopped.items()]
