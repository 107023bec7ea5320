"""What members of an attempt used, as a chart wants it."""

from __future__ import annotations

import itertools
import math
from typing import Any

from apps.quotas.models import Attempt, MemberUsage
from apps.quotas.models.member_usage import FIXED, PER_GPU, Sample

MEMBERS_MOST = 64


def usage_of(attempt: Attempt, points: int) -> list[dict[str, Any]]:
    """Per member, the first 64 of them, at most `points` samples, oldest first; null: not measured. One query.

    Of samples that fall together the one with the busiest processor stays, so that no peak is lost to the eye.
    """
    members = MemberUsage.objects.filter(attempt=attempt).order_by("rank")[:MEMBERS_MOST]
    return [_member(one, points) for one in members]


def _member(member: MemberUsage, points: int) -> dict[str, Any]:
    columns = list(zip(*_thinned(member.samples(), points), strict=True)) or [()] * member.width
    return {
        "rank": member.rank,
        "times": list(columns[0]),
        "cpu_cores": _known(columns[1]),
        "memory_bytes": _known(columns[2]),
        "gpus": [
            {
                "index": index,
                "utilisation_ratio": _known(columns[FIXED + PER_GPU * place]),
                "memory_bytes": _known(columns[FIXED + PER_GPU * place + 1]),
            }
            for place, index in enumerate(member.gpus)
        ],
    }


def _thinned(samples: list[Sample], points: int) -> list[Sample]:
    if len(samples) <= points:
        return samples
    edges = [number * len(samples) // points for number in range(points + 1)]
    return [max(samples[start:end], key=_busy) for start, end in itertools.pairwise(edges)]


def _busy(sample: Sample) -> float:
    return -1.0 if math.isnan(sample[1]) else sample[1]


def _known(column: Any) -> list[float | None]:
    return [None if math.isnan(number) else number for number in column]
