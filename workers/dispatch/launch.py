"""Admitted workloads → their backend: commit to the attempt first, then submit, as often as it takes."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from uuid6 import uuid7

from apps.access.services.secrets import secrets_open
from apps.common import clock
from apps.common.errors import BedplateError
from apps.quotas.models import Attempt, Workload
from apps.quotas.services.attempt_tokens import issue
from apps.quotas.services.attempts import attempt_begin, attempt_refused, attempt_submitted, launch_delayed, launch_undo
from apps.quotas.services.graces import preemption_grace_of
from apps.quotas.states import WorkloadState
from workers.backends.base import Backend, BackendUnavailable, LaunchRefused, Unsupported
from workers.contracts.launch import RUN_OWNER, JobHandle, LaunchContext
from workers.contracts.sentences import say
from workers.contracts.specs import JobSpec, Spec
from workers.dispatch.batch import for_each
from workers.dispatch.registry import answered_lately, asking, is_cluster
from workers.dispatch.stop import stop_if_unwanted

log = logging.getLogger(__name__)

TOKEN_LIFE = timedelta(days=366)
"""Of a job without a time limit; a token is void anyway once its attempt has ended."""
TOKEN_MARGIN = timedelta(days=1)
"""Beyond the time limit. Who checks a token has a clock of its own, which may be wrong by hours."""


def launch_due() -> int:
    """Launch what is admitted, or was begun and never acknowledged; returns how many were looked at."""
    unfinished = Q(state=WorkloadState.LAUNCHING, attempts__ended_at=None, attempts__submitted_at=None)
    due = Workload.objects.filter(Q(state=WorkloadState.ADMITTED) | unfinished).order_by("admitted_at", "pk")
    return for_each(list(due.values_list("pk", flat=True)), launch)


def launch(workload_id: UUID) -> None:
    """Give one workload to its backend. Nothing happens to one that is not, or no longer, to be launched.

    A backend that does not answer puts an admitted workload back to wait; once an attempt is begun, the attempt is
    submitted again, with the same id, until the backend acknowledges it or the start times out.
    """
    workload = _load(workload_id)
    if workload is None:
        return
    attempt = _attempt_for(workload)
    if attempt is None:
        return
    try:
        spec, context = _prepared(workload, attempt)
        with asking(attempt.handle["backend"]) as backend:
            backend.submit(spec, context)
    except (BackendUnavailable, Unsupported) as error:
        log.warning("attempt %s is not acknowledged yet: %s", attempt.pk, error)
        launch_delayed(workload.pk, detail=say("not_launched_yet", error=error))
        return
    except LaunchRefused as error:
        attempt_refused(attempt.pk, reason=error.reason, detail=str(error))
        return
    attempt_submitted(attempt.pk, count=context.count)
    stop_if_unwanted(attempt.pk)


def _load(workload_id: UUID) -> Workload | None:
    rows = Workload.objects.select_related("pool", "project", "organisation", "team")
    wanted = (WorkloadState.ADMITTED, WorkloadState.LAUNCHING)
    found: Workload | None = rows.filter(pk=workload_id, state__in=wanted).first()
    return found


def _attempt_for(workload: Workload) -> Attempt | None:
    """The attempt to submit: a new one for an admitted workload, else the one that was never acknowledged."""
    if workload.state == WorkloadState.LAUNCHING:
        unfinished: Attempt | None = workload.attempts.filter(ended_at=None, submitted_at=None).first()
        return unfinished
    name = workload.pool.backend
    try:
        with asking(name) as backend:
            if not (is_cluster(name) and answered_lately(name)):
                backend.observe([])  # does it answer at all?
    except (BackendUnavailable, Unsupported) as error:
        launch_undo(workload.pk, detail=say("backend_away", backend=name, error=error))
        return None
    attempt_id = uuid7()
    return attempt_begin(workload.pk, attempt_id, _handle(workload, attempt_id, backend))


def _handle(workload: Workload, attempt_id: UUID, backend: Backend) -> JobHandle:
    """Where the job will be; an empty handle for a job that can be nowhere, which the submit then refuses."""
    try:
        spec = workload.spec_object()
        return backend.handle_for(spec, _context(workload, attempt_id, workload.attempts_made + 1, "", {}))
    except (LaunchRefused, ValueError, TypeError):
        return JobHandle(backend.name, {})


def _prepared(workload: Workload, attempt: Attempt) -> tuple[Spec, LaunchContext]:
    """The spec and what goes with it.

    Raises:
        LaunchRefused: the stored spec is not one any more, or names a secret that cannot be opened.
    """
    try:
        spec = workload.spec_object()
        secrets = secrets_open(workload.project, spec.secrets) if spec.secrets else {}
    except (ValueError, TypeError, KeyError) as error:
        raise LaunchRefused(f"The stored spec cannot be read: {error}") from error
    except BedplateError as error:
        raise LaunchRefused(error.detail) from error
    token = issue(attempt.pk, _expiry(spec))
    return spec, _context(workload, attempt.pk, attempt.number, token, secrets)


def _context(workload: Workload, attempt_id: UUID, number: int, token: str, secrets: dict[str, bytes]) -> LaunchContext:
    return LaunchContext(
        workload_id=str(workload.pk),
        attempt_id=str(attempt_id),
        attempt_number=number,
        count=workload.count_granted,
        api_url=settings.BEDPLATE_JOB_API_URL,
        token=token,
        secrets=secrets,
        nodes=tuple(place["node"] for place in workload.assignments),
        devices=tuple(tuple(place["devices"]) for place in workload.assignments),
        grace_seconds=preemption_grace_of(workload.pool),
        run_id=str(workload.owner_id) if workload.owner_kind == RUN_OWNER else "",
        labels={
            "organisation": workload.organisation.name,
            "team": workload.team.name,
            "project": workload.project.name,
        },
    )


def _expiry(spec: Spec) -> datetime:
    if isinstance(spec, JobSpec) and spec.time_limit_seconds:
        return clock.db_now() + timedelta(seconds=spec.time_limit_seconds) + TOKEN_MARGIN
    return clock.db_now() + TOKEN_LIFE
