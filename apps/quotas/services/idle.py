"""What leaves its GPUs idle: its owner is warned once, then it is stopped by policy. `scheduling.idle` decides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from math import isnan, nan
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from apps.common import clock
from apps.common.audit import Actor, record
from apps.common.events import emit
from apps.quotas.models import Attempt, MemberUsage, Workload
from apps.quotas.models.member_usage import FIXED, PER_GPU
from apps.quotas.scheduling import idle as decider
from apps.quotas.scheduling.idle import SAMPLE_SECONDS, Idle, IdlePolicy, Known, Member
from apps.quotas.services.idle_policies import rules_in_force
from apps.quotas.services.moves import workload_locked
from apps.quotas.services.workloads import workload_stop
from apps.quotas.states import Reason, WorkloadState
from workers.contracts.observation import Phase
from workers.contracts.sentences import say

ACTOR: Final = Actor.system("idle_policy")
CHUNK: Final = 50
"""Workloads whose samples are in memory at once."""
FORGOTTEN: Final = {"idle_since": None, "idle_warned_at": None, "idle_stops_at": None}


def idle_due() -> list[UUID]:
    """Workloads that must be warned or stopped, or whose warning is over or changed.

    Of all that run with GPUs the last samples are looked at; all samples only of those that may be idle.
    """
    now, rules = clock.db_now().timestamp(), rules_in_force()
    told = Q(idle_warned_at__isnull=False)
    rows = Workload.objects.filter(Q(state=WorkloadState.RUNNING, gpus__gt=0) | told).exclude(_ended_idle())
    candidates, due = [], []
    open_now = Attempt.objects.filter(ended_at=None, workload__in=rows, workload__state=WorkloadState.RUNNING)
    attempts = {attempt.workload_id: attempt for attempt in open_now.defer("result", "environment")}
    for workload in rows.defer("spec").order_by("pk"):
        attempt, rule = attempts.get(workload.pk), rules(workload.pool_id, workload.queue_id)
        if attempt is not None and rule.holds_for(workload.kind) and decider.may_be_idle(rule, _last(attempt)):
            candidates.append((workload, attempt, rule))
        elif workload.idle_warned_at is not None:
            due.append(workload.pk)
    for start in range(0, len(candidates), CHUNK):
        some = candidates[start : start + CHUNK]
        samples = _samples([attempt for _, attempt, _ in some])
        for workload, attempt, rule in some:
            found = _judged(workload, attempt, samples[attempt.pk], rule, now)
            if _is_news(workload, found, now):
                due.append(workload.pk)
    return due


@transaction.atomic
def idle_enforce(workload_id: UUID) -> bool:
    """Do to a workload what its idleness asks for, judged anew by what is stored now. True: something changed."""
    workload = workload_locked(workload_id)
    now, found = clock.db_now(), None
    rule = rules_in_force()(workload.pool_id, workload.queue_id)
    attempt = workload.attempts.filter(ended_at=None).first() if workload.state == WorkloadState.RUNNING else None
    if attempt is not None and workload.gpus and rule.holds_for(workload.kind):
        found = _judged(workload, attempt, _samples([attempt])[attempt.pk], rule, now.timestamp())
    if not _is_news(workload, found, now.timestamp()) or workload.state_reason == Reason.IDLE:
        return False
    if found is None or (found.warned_at is None and not found.must_warn(now.timestamp())):
        _forget(workload)
    elif found.must_stop(now.timestamp()):
        _stop(workload, found, rule)
    elif found.warned_at is None:
        _warn(workload, found, rule, now)
    else:
        _keep(workload, found, found.warned_at)
    return True


def _ended_idle() -> Q:
    """What was stopped for its idleness keeps what it was told."""
    return ~Q(state=WorkloadState.RUNNING) & Q(state_reason=Reason.IDLE)


def _is_news(workload: Workload, found: Idle | None, now: float) -> bool:
    if found is None:
        return workload.idle_warned_at is not None
    if found.warned_at is None:
        return workload.idle_warned_at is not None or found.must_warn(now)
    return found.must_stop(now) or workload.idle_stops_at != _moment(found.stop_at)


def _judged(
    workload: Workload, attempt: Attempt, samples: Mapping[int, Member], rule: IdlePolicy, now: float
) -> Idle | None:
    known = None
    if workload.idle_since is not None and workload.idle_warned_at is not None:
        known = Known(workload.idle_since.timestamp(), workload.idle_warned_at.timestamp())
    started = attempt.started_at or workload.state_at
    members = [samples.get(rank, Member(())) for rank in _running(attempt)]
    return decider.idle_of(rule, members, now=now, started_at=started.timestamp(), known=known)


def _running(attempt: Attempt) -> list[int]:
    return [int(member["index"]) for member in attempt.members if member["phase"] == Phase.RUNNING]


def _last(attempt: Attempt) -> list[float]:
    """The last figure of every member that runs; NaN: none."""
    return [_busiest_said(attempt.usage.get(str(rank), {})) for rank in _running(attempt)]


def _busiest_said(sample: Mapping[str, Any]) -> float:
    said = [gpu.get("utilisation_ratio") for gpu in sample.get("gpus") or ()]
    return max((float(one) for one in said if isinstance(one, int | float)), default=nan)


def _samples(attempts: Sequence[Attempt]) -> dict[UUID, dict[int, Member]]:
    """Attempt → rank → its samples. One query."""
    found: dict[UUID, dict[int, Member]] = defaultdict(dict)
    for usage in MemberUsage.objects.filter(attempt__in=attempts):
        found[usage.attempt_id][usage.rank] = _member(usage)
    return found


def _member(usage: MemberUsage) -> Member:
    samples = [(row[0], _busiest(row[FIXED::PER_GPU])) for row in usage.samples()]
    return Member(samples, usage.stride * SAMPLE_SECONDS)


def _busiest(shares: Iterable[float]) -> float:
    return max((share for share in shares if not isnan(share)), default=nan)


def _moment(at: float | None) -> datetime | None:
    return datetime.fromtimestamp(at, UTC) if at is not None else None


def _keep(workload: Workload, found: Idle, warned_at: float) -> None:
    workload.idle_since = _moment(found.since)
    workload.idle_warned_at, workload.idle_stops_at = _moment(warned_at), _moment(found.stop_at)
    workload.save(update_fields=list(FORGOTTEN))


def _warn(workload: Workload, found: Idle, rule: IdlePolicy, now: datetime) -> None:
    stop_at = now.timestamp() + rule.stop_seconds if rule.action == decider.STOP else None
    _keep(workload, Idle(found.since, found.warn_at, now.timestamp(), stop_at), now.timestamp())
    told = {
        "since": _iso(workload.idle_since),
        "stops_at": _iso(workload.idle_stops_at),
        "threshold_ratio": rule.threshold_ratio,
    }
    record(ACTOR, "workload.idle_warned", workload, detail=told)
    emit("workload.idle_warned", workload, payload=told)


def _forget(workload: Workload) -> None:
    """It works again, or nobody can tell, or the policy is another: the warning is taken back."""
    told = {"since": _iso(workload.idle_since), "warned_at": _iso(workload.idle_warned_at)}
    workload.idle_since = workload.idle_warned_at = workload.idle_stops_at = None
    workload.save(update_fields=list(FORGOTTEN))
    if workload.state == WorkloadState.RUNNING:
        record(ACTOR, "workload.idle_withdrawn", workload, detail=told)
        emit("workload.idle_withdrawn", workload, payload=told)


def _stop(workload: Workload, found: Idle, rule: IdlePolicy) -> None:
    since = f"{_moment(found.since):%Y-%m-%d %H:%M:%S} UTC"
    ratio = f"{rule.threshold_ratio * 100:g}%"
    record(ACTOR, "workload.idle_stopped", workload, detail={"since": _iso(workload.idle_since), "threshold": ratio})
    workload_stop(workload, reason=Reason.IDLE, detail=say("idle_stopped", since=since, ratio=ratio), actor=ACTOR)


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
