"""Watching over what takes too long or has fallen silent, and whether silence could have reached us at all."""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID

import httpx
from django.conf import settings

from apps.common import clock
from apps.quotas.models import Workload
from apps.quotas.services.attempt_tokens import issue
from apps.quotas.services.liveness import liveness_due, liveness_enforce
from apps.quotas.services.pulses import API, pulse_beat, pulse_stop
from apps.quotas.states import LAUNCHED, WorkloadState
from workers.dispatch.batch import for_each
from workers.dispatch.observe import observe

log = logging.getLogger(__name__)

ASK_SECONDS = 3.0
NOBODY = UUID(int=0)
QUESTION = "/api/v1/runtime/attempts/self/should-stop"


def watch_due() -> int:
    """Ask the API as jobs do, then end or tell what is due; returns how many were."""
    if Workload.objects.filter(state=WorkloadState.RUNNING).exists():
        api_ask()
    return for_each(liveness_due(), watch)


def watch(workload_id: UUID) -> None:
    """Look at its job first: what has ended meanwhile ends as it did, not for what was not seen."""
    if Workload.objects.filter(pk=workload_id, state__in=LAUNCHED).exists():
        observe(workload_id)
    liveness_enforce(workload_id)


def api_ask() -> bool:
    """Whether a job's word would reach the database through the address that jobs are given; it is noted.

    The token is one of an attempt that never was: only the database can say that it has ended.
    """
    token = issue(NOBODY, clock.db_now() + timedelta(days=1))
    try:
        answer = httpx.get(
            settings.BEDPLATE_JOB_API_URL + QUESTION,
            headers={"Authorization": f"Bearer {token}"},
            timeout=ASK_SECONDS,
            trust_env=False,
        )
        heard = "attempt_superseded" in answer.text
    except httpx.HTTPError as error:
        log.warning("jobs cannot reach %s: %s", settings.BEDPLATE_JOB_API_URL, error)
        heard = False
    if heard:
        pulse_beat(API)
    else:
        pulse_stop(API)
    return heard
