"""How GPUs are used where the members themselves cannot tell: their cluster says it, now and then.

What was said so is kept as part of the member's last sample, and goes with the samples that follow until it is too
old. So every sample has one source of each figure, and a member that tells of GPUs itself is never spoken for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from django.db.models import F, Func, JSONField, Value
from django.utils.dateparse import parse_datetime

from apps.common import clock
from apps.quotas.models import Attempt
from apps.quotas.scheduling.idle import GAP_SECONDS

MEASURED_AT: Final = "measured_at"
"""Of a GPU's figures, when its cluster said them, in the database's time; those of a member itself have none."""


class GpuFacts(Protocol):
    """What a backend says of one GPU: see `workers.backends.base.GpuUse`."""

    @property
    def utilisation_ratio(self) -> float | None: ...
    @property
    def memory_bytes(self) -> int | None: ...


class UseFacts(Protocol):
    """What a backend says of one member: see `workers.backends.base.MemberUse`."""

    @property
    def attempt_id(self) -> str: ...
    @property
    def rank(self) -> int: ...
    @property
    def gpus(self) -> Sequence[GpuFacts]: ...


class _JsonSet(Func):
    """One value inside a JSON object; nothing where there is no object that it would be in."""

    template = "jsonb_set(%(expressions)s)"
    output_field = JSONField()


class _Path(Func):
    template = "(%(expressions)s)::text[]"


def use_take(backend: str, found: Iterable[UseFacts]) -> int:
    """Note what a backend says of members that run on it and have said nothing of GPUs themselves; returns of how many.

    A member that was never heard of is left alone: that it is seen is no sign of life.
    """
    by_attempt: defaultdict[UUID, list[UseFacts]] = defaultdict(list)
    for each in found:
        with suppress(ValueError):  # no attempt of ours, whatever its label says
            by_attempt[UUID(each.attempt_id)].append(each)
    rows = Attempt.objects.filter(pk__in=by_attempt, ended_at=None, workload__pool__backend=backend)
    taken, at = 0, clock.db_now().isoformat()
    for attempt in rows.select_related("workload").defer("result", "environment", "workload__spec").order_by("pk"):
        for each in by_attempt[attempt.pk]:
            sample = attempt.usage.get(str(each.rank))
            if sample is None or not each.gpus or tells_itself(sample):
                continue
            gpus = [
                {
                    "index": index,
                    "utilisation_ratio": gpu.utilisation_ratio,
                    "memory_bytes": gpu.memory_bytes,
                    MEASURED_AT: at,
                }
                for index, gpu in zip(_indices(attempt, each), each.gpus, strict=True)
            ]
            taken += _keep(attempt, each.rank, gpus)
    return taken


def with_outside(sample: dict[str, Any], before: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """A member's new sample, with what its cluster said of its GPUs lately where it says nothing of them. Pure.

    Args:
        before: the last one.
        at: database time.
    """
    if tells_itself(sample):
        return sample
    held = [gpu for gpu in before.get("gpus") or () if _is_fresh(gpu.get(MEASURED_AT), at)]
    return {**sample, "gpus": held} if held else sample


def tells_itself(sample: Mapping[str, Any]) -> bool:
    """Whether a member's last sample has a figure of GPUs that is its own."""
    gpus = [gpu for gpu in sample.get("gpus") or () if MEASURED_AT not in gpu]
    return any(gpu.get(name) is not None for gpu in gpus for name in ("utilisation_ratio", "memory_bytes"))


def _indices(attempt: Attempt, each: UseFacts) -> Sequence[int]:
    """What the pool calls the devices of a member: a cluster gives out numbers of them, not which."""
    places = attempt.workload.assignments
    held: list[int] = places[each.rank]["devices"] if each.rank < len(places) else []
    return held if len(held) == len(each.gpus) else range(len(each.gpus))


def _keep(attempt: Attempt, rank: int, gpus: list[dict[str, Any]]) -> int:
    """One statement, so that a heartbeat that comes meanwhile loses nothing."""
    said = _JsonSet(F("usage"), _Path(Value(f"{{{rank},gpus}}")), Value(gpus, output_field=JSONField()))
    updated: int = Attempt.objects.filter(pk=attempt.pk, ended_at=None).update(usage=said)
    return updated


def _is_fresh(measured_at: Any, at: datetime) -> bool:
    moment = parse_datetime(measured_at) if isinstance(measured_at, str) else None
    return moment is not None and (at - moment).total_seconds() <= GAP_SECONDS
