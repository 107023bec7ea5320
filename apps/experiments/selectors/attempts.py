"""The attempts of a run as a timeline shows them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from apps.common.models import Transition
from apps.experiments.models import Run
from apps.quotas.models import Attempt
from apps.quotas.states import WORKLOAD, WorkloadState

ATTEMPTS_MOST = 500
_OVER = WORKLOAD.terminal | {WorkloadState.PENDING}
"""Where a workload goes when its attempt is over."""


def attempts_of(run: Run) -> list[dict[str, Any]]:
    """Oldest first, with the sentence that says how each ended. Two queries."""
    if run.workload_id is None:
        return []
    attempts = list(Attempt.objects.filter(workload=run.workload_id).order_by("number")[:ATTEMPTS_MOST])
    ends = _sentences(run.workload_id)
    return [_shown(attempt, run, ends.get(attempt.number, "")) for attempt in attempts]


def _sentences(workload_id: UUID) -> dict[int, str]:
    """Number of an attempt → the detail with which its workload left it."""
    steps = Transition.objects.filter(object_id=workload_id).order_by("id").values_list("to_state", "detail")
    found: dict[int, str] = {}
    number = 0
    for to_state, detail in steps:
        if to_state == WorkloadState.LAUNCHING:
            number += 1
        elif to_state in _OVER and number:
            found.setdefault(number, detail)
    return found


def _shown(attempt: Attempt, run: Run, detail: str) -> dict[str, Any]:
    error = (attempt.result or {}).get("error") if isinstance(attempt.result, dict) else None
    said = str(error.get("detail") or "") if isinstance(error, dict) else ""
    return {
        "id": attempt.pk,
        "number": attempt.number,
        "created_at": attempt.created_at,
        "submitted_at": attempt.submitted_at,
        "pulled_at": attempt.pulled_at,
        "started_at": attempt.started_at,
        "ended_at": attempt.ended_at,
        "heartbeat_at": attempt.heartbeat_at,
        "outcome": attempt.outcome,
        "detail": detail,
        "error": said,
        "exit_code": attempt.exit_code,
        "members": len(attempt.members),
        "continued_from_step": run.attempt_starts.get(str(attempt.number)),
        "environment": attempt.environment,
    }
