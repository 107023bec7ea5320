"""Keeping what heartbeats say of cores, memory and GPUs, without end and in bounded room."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from apps.quotas.models import MemberUsage
from apps.quotas.models.member_usage import FIXED, PER_GPU, Sample, packed, samples_in

RECENT_MOST = 64
KEPT_MOST = 2048
"""Powers of two: then every two that become one are neighbours of one distance."""
GPUS_MOST = 64
NOT_MEASURED = float("nan")

_TABLE = MemberUsage._meta.db_table
_APPEND = f"""
INSERT INTO {_TABLE} AS u (attempt_id, rank, gpus, stride, kept, recent)
VALUES (%(attempt)s, %(rank)s, %(gpus)s::jsonb, 1, ''::bytea, %(row)s)
ON CONFLICT (attempt_id, rank) DO UPDATE SET recent = u.recent || excluded.recent
WHERE u.gpus = excluded.gpus
    AND octet_length(u.recent) < (greatest({RECENT_MOST}, u.stride) - 1) * octet_length(excluded.recent)
"""  # noqa: S608 - names and numbers of our own


def usage_keep(attempt_id: UUID, *, rank: int, sample: dict[str, Any], at: datetime) -> None:
    """Add one sample of a member: one statement, now and then some more.

    Args:
        sample: `{"cpu_ratio", "memory_bytes", "gpus": [{"index", "utilisation_ratio", "memory_bytes"}]}`.
        at: database time.
    """
    gpus = {int(gpu["index"]): gpu for gpu in sample.get("gpus") or () if isinstance(gpu.get("index"), int)}
    indices = sorted(gpus)[:GPUS_MOST]
    row = packed([_row(sample, gpus, indices, at)])
    with connection.cursor() as cursor:
        cursor.execute(_APPEND, {"attempt": attempt_id, "rank": rank, "gpus": json.dumps(indices), "row": row})
        if cursor.rowcount:
            return
    _add(attempt_id, rank, sample, gpus, at)


@transaction.atomic
def _add(attempt_id: UUID, rank: int, sample: dict[str, Any], gpus: dict[int, Any], at: datetime) -> None:
    """Where the row must be made anew: there are other GPUs, or what is recent must settle."""
    found = MemberUsage.objects.select_for_update(no_key=True).get(attempt=attempt_id, rank=rank)
    _widen(found, sorted(gpus))
    recent = [*samples_in(found.recent, found.width), _row(sample, gpus, found.gpus, at)]
    if len(recent) >= max(RECENT_MOST, found.stride):
        _settle(found, recent)
        recent = []
    found.recent = packed(recent)
    found.save(update_fields=["gpus", "stride", "kept", "recent"])


def merged(samples: Sequence[Sample]) -> Sample:
    """One sample in the place of several: the last one's time, means of what is busy, the most of memory. Pure."""
    columns = list(zip(*samples, strict=True))
    row = [columns[0][-1]]
    for place, column in enumerate(columns[1:], 1):
        known = [number for number in column if not math.isnan(number)]
        is_memory = place == FIXED - 1 or (place >= FIXED and (place - FIXED) % PER_GPU)
        row.append((max(known) if is_memory else sum(known) / len(known)) if known else NOT_MEASURED)
    return row


def _settle(found: MemberUsage, recent: list[Sample]) -> None:
    """Move what is recent to what is kept, and halve that when it is full."""
    kept = samples_in(found.kept, found.width) + [merged(group) for group in _groups(recent, found.stride)]
    while len(kept) >= KEPT_MOST and not len(kept) % 2:
        kept = [merged(group) for group in _groups(kept, 2)]
        found.stride *= 2
    found.kept = packed(kept)


def _groups(samples: list[Sample], size: int) -> Iterator[list[Sample]]:
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


def _widen(found: MemberUsage, indices: list[int]) -> None:
    """Make room for GPUs that were not seen before: nvidia-smi may answer after the first samples."""
    new = [index for index in indices if index not in found.gpus][: GPUS_MOST - len(found.gpus)]
    if not new:
        return
    more = [NOT_MEASURED] * (PER_GPU * len(new))
    found.kept, found.recent = (
        packed([*sample, *more] for sample in samples_in(content, found.width))
        for content in (found.kept, found.recent)
    )
    found.gpus = [*found.gpus, *new]


def _row(sample: dict[str, Any], gpus: dict[int, Any], known: Sequence[int], at: datetime) -> Sample:
    row = [at.timestamp(), _number(sample.get("cpu_ratio")), _number(sample.get("memory_bytes"))]
    for index in known:
        gpu = gpus.get(index, {})
        row += [_number(gpu.get("utilisation_ratio")), _number(gpu.get("memory_bytes"))]
    return row


def _number(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else NOT_MEASURED
