"""What jobs tell about themselves. Hints and samples: what ends a workload is what its backend sees."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.db.models import F, Func, JSONField, Value

from apps.common import clock, queues
from apps.common.errors import Conflict, Invalid, TooLarge
from apps.quotas.models import Attempt
from apps.quotas.services.endings import result_keep
from apps.quotas.services.graces import deadline_of, grace_of, seconds_left
from apps.quotas.services.member_usage import usage_keep
from apps.quotas.services.outside_use import with_outside
from apps.quotas.services.plain import json_cleaned
from apps.quotas.states import WorkloadState

RESULT_BYTES_MOST = 1 << 20
ENVIRONMENT_BYTES_MOST = 64 << 10


class MemberSuperseded(Conflict):
    """Another process has the place of this member: what this one would do does not count."""

    code, title = "member_superseded", "Another process has this member's place"


@dataclass(frozen=True, slots=True)
class Order:
    """What a job must do."""

    should_stop: str
    """Why it must leave; empty while it may go on."""
    grace_seconds: int
    """From now until what is left of it is killed; while it may go on, what it would have."""
    deadline_at: datetime | None = None
    """When that is, in the database's time."""


class JsonMerged(Func):
    """`left || right` of two JSON objects: keys of the right one win."""

    template = "(%(expressions)s)"
    arg_joiner = " || "
    output_field: models.Field[Any, Any] = JSONField()


def order_for(attempt: Attempt) -> Order:
    """Whether the job must leave. Reads the attempt as it was loaded; asks for the time where it must."""
    workload = attempt.workload
    if workload.state != WorkloadState.STOPPING:
        return Order("", grace_of(workload))
    now = clock.db_now()
    return Order(workload.state_reason, seconds_left(attempt, now=now), deadline_of(attempt, now=now))


def heartbeat(attempt: Attempt, *, rank: int, sample: dict[str, Any]) -> Order:
    """Note that a member lives and what it uses. The first one is a hint that the job may be running."""
    rank_check(attempt, rank)
    at = clock.db_now()
    sample = {**with_outside(json_cleaned(sample), attempt.usage.get(str(rank), {}), at), "at": at.isoformat()}
    usage = JsonMerged(F("usage"), Value({str(rank): sample}, output_field=JSONField()))
    if Attempt.objects.filter(pk=attempt.pk, ended_at=None).update(heartbeat_at=at, usage=usage):
        usage_keep(attempt.pk, rank=rank, sample=sample, at=at)
    if attempt.workload.state == WorkloadState.LAUNCHING:
        queues.send(queues.OBSERVE, attempt.workload_id)
    return order_for(attempt)


@transaction.atomic
def member_start(attempt: Attempt, *, rank: int | None, member: str) -> int:
    """Take the place of a member for one process, once; the same may take it again. Returns the rank.

    Of a job it is the rank that the process has. A replica has none, and gets one that is free, else that of the one
    that has been silent for longest: it is what this one replaces.

    Args:
        member: what tells the process from any other: the uid of its pod.

    Raises:
        MemberSuperseded: somebody else has the place.
        Invalid: no rank of a job, or none that it has.
    """
    current: Attempt = Attempt.objects.select_for_update(no_key=True).get(pk=attempt.pk)
    starts = dict(current.starts)
    if attempt.workload.spec_object().kind == "serving":
        rank = _replica_rank(current, attempt.workload.count_granted, member)
    elif rank is None:
        raise Invalid("rank: a member of a job says its own", fields={"rank": ["is missing"]})
    rank_check(attempt, rank)
    holder = starts.get(str(rank), member)
    if holder != member and attempt.workload.spec_object().kind == "job":
        raise MemberSuperseded(f"Member {rank} was started by another process.")
    current.starts = {**starts, str(rank): member}
    current.save(update_fields=["starts"])
    return rank


def _replica_rank(attempt: Attempt, granted: int, member: str) -> int:
    ranks = range(max(granted, 1))
    own = [rank for rank in ranks if attempt.starts.get(str(rank)) == member]
    free = [rank for rank in ranks if str(rank) not in attempt.starts]
    silent = sorted(ranks, key=lambda rank: str(attempt.usage.get(str(rank), {}).get("at", "")))
    return (own or free or silent)[0]


def environment_note(attempt: Attempt, environment: dict[str, Any]) -> None:
    """Keep what a job says it runs in, the first that comes.

    Raises:
        TooLarge: more than 64 KiB.
    """
    cleaned = json_cleaned(environment)
    if len(json.dumps(cleaned)) > ENVIRONMENT_BYTES_MOST:
        raise TooLarge(f"An environment may have {ENVIRONMENT_BYTES_MOST} bytes.")
    Attempt.objects.filter(pk=attempt.pk, environment__isnull=True).update(environment=cleaned)


LEAVING_SECONDS = 0.25
"""What a job needs to be gone once it has reported its end: looking sooner sees it alive, and the tick is later."""


@transaction.atomic
def attempt_exit_reported(
    attempt: Attempt, *, rank: int, exit_code: int, reason: str, result: dict[str, Any] | None
) -> None:
    """Keep the result of member 0, the first that comes, and look at the job soon. Repeating it changes nothing.

    `exit_code` and `reason` are what the job says; what counts is what the backend sees.

    Raises:
        TooLarge: the result has more than 1 MiB.
    """
    rank_check(attempt, rank)
    if result is not None and len(json.dumps(result)) > RESULT_BYTES_MOST:
        raise TooLarge(f"A result may have {RESULT_BYTES_MOST} bytes.")
    current = Attempt.objects.select_for_update(no_key=True).get(pk=attempt.pk)
    if rank == 0 and current.ended_at is None and result_keep(current, {"result": result}):
        queues.send(queues.WORKLOAD_CHANGED, current.workload_id)
    queues.send(queues.OBSERVE, current.workload_id, after_seconds=LEAVING_SECONDS)


def rank_check(attempt: Attempt, rank: int) -> None:
    """Raise Invalid unless the attempt has such a member."""
    granted = attempt.workload.count_granted
    if not 0 <= rank < granted:
        raise no_member(rank, granted)


def no_member(rank: int, granted: int) -> Invalid:
    """The error of a rank that an attempt does not have."""
    return Invalid(f"rank: {rank} is not one of this attempt's {granted} members")
