"""The answer to a what-if as it is stored and shown."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from apps.quotas.models import Queue, Workload
from apps.quotas.scheduling.snapshot import Snapshot
from apps.quotas.scheduling.whatif import Reclaim
from apps.quotas.scheduling.whatif_run import Answer, QueueFigures, World

WORKLOADS_MOST: Final = 500
"""Of what waits now, shown: those whose start moves most."""


def answer_as_json(answer: Answer, present: Snapshot, *, arrivals: int, left_out: int) -> dict[str, Any]:
    """Two or three queries, for names. As `WhatIfResultSerializer` shows it."""
    moved = _moved(answer)
    names = _names({row["workload"] for row in moved} | {one.workload_id for one in answer.reclaims})
    return {
        "begins_at": _time(answer.begins),
        "ends_at": _time(answer.ends),
        "is_cut": answer.is_cut,
        "waiting_now": len(present.waiting),
        "arrivals": arrivals,
        "arrivals_left_out": left_out,
        "before": _world(answer.before),
        "after": _world(answer.after),
        "queues": _queues(answer, present),
        "workloads": [{**row, **_named(row["workload"], names), "workload": str(row["workload"])} for row in moved],
        "reclaims": reclaims_as_json(answer.reclaims, names),
    }


def reclaims_as_json(found: Iterable[Reclaim], names: dict[UUID, Any] | None = None) -> list[dict[str, Any]]:
    """What would be taken back, with names. One query unless they are given."""
    rows = tuple(found)
    known = _names({one.workload_id for one in rows}) if names is None else names
    return [
        {
            "workload": str(one.workload_id),
            **_named(one.workload_id, known),
            "members": one.members,
            "now": one.now,
        }
        for one in rows
    ]


def _names(ids: set[UUID]) -> dict[UUID, Any]:
    rows = Workload.objects.filter(pk__in=ids).values_list("pk", "name", "queue", "project__name")
    return {pk: (name, queue, project) for pk, name, queue, project in rows}


def _named(workload: UUID, names: dict[UUID, Any]) -> dict[str, str | None]:
    name, queue, project = names.get(workload, (None, None, None))
    return {"workload_name": name, "queue": str(queue) if queue else None, "project_name": project}


def _world(world: World) -> dict[str, Any]:
    return {
        "mean_wait_seconds": world.mean_wait_seconds,
        "p50_wait_seconds": world.p50_wait_seconds,
        "p90_wait_seconds": world.p90_wait_seconds,
        "p99_wait_seconds": world.p99_wait_seconds,
        "utilisation_ratio": world.utilisation,
        "preemptions": world.preemptions,
        "refused": len(world.refused),
    }


def _queues(answer: Answer, present: Snapshot) -> list[dict[str, Any]]:
    names = dict(Queue.objects.filter(pk__in=[queue.id for queue in present.queues]).values_list("pk", "project"))
    found = []
    for queue in present.queues:
        before, after = answer.before.queues[queue.id], answer.after.queues[queue.id]
        if before != QueueFigures() or after != QueueFigures():
            row = {"queue": str(queue.id), "project": str(names.get(queue.id, "")), "project_name": queue.project}
            found.append({**row, "before": _figures(before), "after": _figures(after)})
    return found


def _figures(one: QueueFigures) -> dict[str, Any]:
    return {
        "started": one.started,
        "waiting": one.waiting,
        "mean_wait_seconds": one.mean_wait_seconds,
        "p50_wait_seconds": one.p50_wait_seconds,
        "p90_wait_seconds": one.p90_wait_seconds,
        "p99_wait_seconds": one.p99_wait_seconds,
        "share_ratio": one.share,
        "preemptions": one.preemptions,
    }


def _moved(answer: Answer) -> list[dict[str, Any]]:
    before, after = answer.before.starts, answer.after.starts
    far = answer.ends + 1.0
    ids = sorted({*before, *after}, key=lambda one: (-abs(before.get(one, far) - after.get(one, far)), one))
    return [
        {"workload": one, "start_before_at": _maybe(before.get(one)), "start_after_at": _maybe(after.get(one))}
        for one in ids[:WORKLOADS_MOST]
    ]


def _maybe(seconds: float | None) -> str | None:
    return None if seconds is None else _time(seconds)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
