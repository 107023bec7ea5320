"""Budgets: what waits for one is held back, nothing passes one without an approval, and setting one is on record."""

from __future__ import annotations

from collections.abc import Sequence

from apps.common.checks import audited_all
from apps.common.invariants import Check, by_query, query_check, together
from apps.common.models import AuditEvent
from apps.quotas.models import Budget, BudgetHold, Rate, Workload

CHECKS: Sequence[Check] = (
    Check(
        "budget_hold.workload",
        "What waits for a budget is held back, and nothing else is held back for one.",
        together(
            by_query(
                "workload {} is held back ({}), and waits for no budget",
                """
                SELECT w.id, w.state_reason FROM {workload} w
                WHERE w.is_held AND w.state_reason IN ('budget_exhausted', 'waiting_for_approval')
                    AND NOT EXISTS (SELECT FROM {hold} h WHERE h.workload_id = w.id AND h.settled_at IS NULL)
                """,
                workload=Workload,
                hold=BudgetHold,
            ),
            by_query(
                "hold {} of workload {} is open, which is {} and held: {}",
                """
                SELECT h.id, w.id, w.state, w.is_held FROM {hold} h JOIN {workload} w ON w.id = h.workload_id
                WHERE h.settled_at IS NULL
                    AND (w.state = 'pending' AND NOT w.is_held OR w.state <> 'pending' AND w.state_at < %(settled)s)
                """,
                workload=Workload,
                hold=BudgetHold,
            ),
        ),
    ),
    query_check(
        "budget_hold.exempt",
        "A workload passes every budget only because somebody approved it, and waits for none any more.",
        "workload {} passes every budget: {}",
        """
        SELECT h.workload_id,
               CASE WHEN h.settled_at IS NULL THEN 'and waits for one' ELSE 'nobody is on record for it' END
        FROM {hold} h WHERE h.is_exempt AND (h.settled_at IS NULL OR NOT EXISTS (
            SELECT FROM {audit} a WHERE a.subject_id = h.workload_id::text AND a.action = 'workload.budget_overridden'))
        """,
        hold=BudgetHold,
        audit=AuditEvent,
    ),
    *audited_all([(Budget, "budget.created"), (Rate, "rate.added")]),
)
