"""When what waits will start: a forecast, corrected by how far past ones were off, and a band around it.

The line is gone through a few times, each time with other running times drawn from what is known of like work
(`estimate_line`, `estimate_durations`); the median is the forecast. What past forecasts of the same distance and size
came to then corrects it and gives the band (`estimate_bands`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Final
from uuid import UUID

import numpy as np

from apps.quotas.scheduling.estimate_bands import Band, Calibration, banded, bucket_of
from apps.quotas.scheduling.estimate_durations import Durations, Floats, Kind
from apps.quotas.scheduling.estimate_latest import latest
from apps.quotas.scheduling.estimate_line import Forward, lines_of, stranded
from apps.quotas.scheduling.snapshot import Holding, Snapshot, Waiting

PASSES: Final = 3
LONG_LINE: Final = 2_000
"""Of a line as long as this, one pass says as much: what the single running times are evens out."""
FAR_SECONDS: Final = 30 * 86_400.0
"""What does not start within a month in any pass is not estimated."""
_GOLDEN: Final = 0.6180339887498949


@dataclass(frozen=True, slots=True)
class Estimate:
    """When a workload starts; seconds since the epoch."""

    workload_id: UUID
    made_at: float
    start_at: float
    low: float
    high: float
    bucket: str
    """Of `estimate_bands`: whose errors made the band."""
    forecast_seconds: float
    """Before it was corrected."""


def kind_of(one: Waiting | Holding) -> Kind:
    """What work of the past it is like."""
    count = one.count_max if isinstance(one, Waiting) else max(one.wanted, len(one.assignments))
    return Kind(one.queue_id, one.ask, count)


def forecast(snapshot: Snapshot, durations: Durations) -> dict[UUID, float]:
    """Seconds from now until each waiting workload starts; what starts in no pass is left out."""
    found: dict[UUID, list[float]] = {}
    lost = stranded(snapshot)
    passes = PASSES if len(snapshot.waiting) < LONG_LINE else 1
    for number in range(passes):
        guess = drawn(snapshot, durations, number, passes)
        starts = Forward(snapshot, *guess, lost).run(snapshot.at + FAR_SECONDS)
        for workload, start in starts.items():
            found.setdefault(workload, []).append(start - snapshot.at)
    return {workload: _middle(waits) for workload, waits in found.items()}


def _middle(waits: list[float]) -> float:
    waits.sort()
    half = len(waits) // 2
    return waits[half] if len(waits) % 2 else (waits[half - 1] + waits[half]) / 2


def drawn(
    snapshot: Snapshot, durations: Durations, number: int = 0, passes: int = 1
) -> tuple[dict[UUID, float], dict[UUID, float]]:
    """How long what waits will run, and when what runs ends, as one of `passes` guesses at both."""
    waits, runs = snapshot.waiting, snapshot.holdings
    limits = np.array([one.limit_seconds for one in waits], np.float64)
    seconds = durations.left(
        [kind_of(one) for one in waits], limits, np.zeros(len(waits)), _chances(len(waits), number, passes)
    )
    began = np.array([one.began for one in runs], np.float64)
    ends_at = np.array([one.ends_at for one in runs], np.float64)
    ages: Floats = np.maximum(0.0, snapshot.at - began).astype(np.float64)
    left = durations.left([kind_of(one) for one in runs], ends_at - began, ages, _chances(len(runs), number, passes))
    return (
        dict(zip((one.workload_id for one in waits), np.minimum(seconds, limits).tolist(), strict=True)),
        dict(zip((one.workload_id for one in runs), _ends(snapshot, left, ends_at), strict=True)),
    )


def _ends(snapshot: Snapshot, left: Floats, ends_at: Floats) -> list[float]:
    leaving = np.array([one.leaving for one in snapshot.holdings], dtype=bool)
    ends: Floats = np.minimum(snapshot.at + left, np.maximum(snapshot.at, ends_at))
    return [float(end) for end in np.where(leaving, snapshot.at, ends)]


def _chances(count: int, number: int, passes: int) -> Floats:
    """Spread evenly over 0 to 1, and in each pass over other places."""
    shifted = np.asarray((np.arange(count) * _GOLDEN + (number + 0.5) / passes) % 1.0, np.float64)
    chances: Floats = np.clip(1.0 - shifted, 1e-6, 1.0)
    return chances


def _ended(band: Band, latest_seconds: float) -> Band:
    """The band without what comes later than that."""
    return Band(*(min(seconds, latest_seconds) for seconds in band))


def estimates(
    snapshot: Snapshot, durations: Durations, calibration: Calibration, waits: Mapping[UUID, float] | None = None
) -> dict[UUID, Estimate]:
    """Estimates for all that waits and has a chance to start.

    Args:
        waits: forecasts that are known already, as `forecast` gives them.
    """
    at = snapshot.at
    known = forecast(snapshot, durations) if waits is None else waits
    found: dict[UUID, Estimate] = {}
    marks: dict[str, Band] = {}
    ends = latest(snapshot)
    before = {one.workload_id: number for line in lines_of(snapshot).values() for number, (_, one) in enumerate(line)}
    for one in snapshot.waiting:
        seconds = known.get(one.workload_id, inf)
        if seconds < inf:
            bucket = bucket_of(seconds, one.count_min, before[one.workload_id])
            if bucket not in marks:
                marks[bucket] = calibration.marks(bucket)
            band = _ended(banded(marks[bucket], seconds), ends.get(one.workload_id, inf))
            found[one.workload_id] = Estimate(
                one.workload_id, at, at + band.middle, at + band.low, at + band.high, bucket, seconds
            )
    return found
