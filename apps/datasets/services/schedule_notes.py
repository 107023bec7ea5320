"""What a schedule learns of the ingestions that it asked for."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from django.db import transaction

from apps.common.audit import Actor, record
from apps.common.errors import StaleState
from apps.common.states import transition
from apps.datasets.models import Ingestion, IngestionSchedule
from apps.datasets.services.origins import Came
from apps.datasets.states import JobState, ScheduleReason, ScheduleState
from workers.contracts.sentences import say

SCHEDULER: Final = Actor.system("schedule")
DETAIL_MOST: Final = 500


def schedule_note(schedule: IngestionSchedule, *, came: Came, digest: str) -> None:
    """Remember what came, in the running transaction; a digest only where rows were made of it."""
    seen = {**schedule.seen, **came.seen, **({"digest": digest} if digest else {})}
    IngestionSchedule.objects.filter(pk=schedule.pk).update(seen=seen)


def schedule_follow(ingestion: Ingestion) -> None:
    """Pause the schedule of an ingestion when its last ones have all failed. Safe to run any time."""
    if ingestion.schedule_id is None or ingestion.state != JobState.FAILED:
        return
    schedule = IngestionSchedule.objects.select_related("project", "dataset").get(pk=ingestion.schedule_id)
    if schedule.state != ScheduleState.ACTIVE:
        return
    last = _since(schedule).order_by("-id")[: schedule.failures_most]
    states = [one.state for one in last]
    if len(states) < schedule.failures_most or set(states) != {JobState.FAILED}:
        return
    detail = say("schedule_failing", count=len(states), error=ingestion.state_detail[:DETAIL_MOST])
    schedule_halt(schedule, reason=ScheduleReason.FAILING, detail=detail)


def _since(schedule: IngestionSchedule) -> Any:
    """Its ingestions since it became active; those that somebody cancelled say nothing."""
    return schedule.ingestions.filter(created_at__gte=schedule.state_at).exclude(state=JobState.CANCELLED)


def schedule_halt(schedule: IngestionSchedule, *, reason: str, detail: str) -> None:
    """Pause it by itself, with a reason for people."""
    with suppress(StaleState), transaction.atomic():
        transition(schedule, ScheduleState.PAUSED, actor=SCHEDULER, reason=reason, detail=detail, next_at=None)
        record(SCHEDULER, "ingestion_schedule.paused", schedule, detail={"reason": reason})
