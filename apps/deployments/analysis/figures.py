"""From counts to what a chart shows: rates and percentiles per step, per revision and in total."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from workers.contracts.latencies import percentiles, unpacked

POINTS_MOST = 2000
MINUTE = 60
PERCENTILES = {"p50_ms": 0.50, "p95_ms": 0.95, "p99_ms": 0.99}
RATIOS = tuple(PERCENTILES.values())


class Row(NamedTuple):
    """Counts of one revision in one step; `revision` is None for what no replica got."""

    seen_by: str
    revision: str | None
    number: int | None
    start: int
    """Unix seconds."""
    requests: int
    caller_errors: int
    server_errors: int
    latencies: bytes


@dataclass(frozen=True, slots=True)
class Frame:
    """Steps of equal length, one after the other; times are unix seconds."""

    first: int
    step: int
    count: int

    @property
    def end(self) -> int:
        return self.first + self.step * self.count

    @property
    def times(self) -> list[int]:
        return list(range(self.first, self.end, self.step))


def frame_of(since: float, until: float, step: int, *, fine_since: float) -> Frame:
    """The whole steps between two moments: of the length asked for, or longer where that would be too many.

    Args:
        fine_since: from here on there are figures per second; a frame that begins earlier has whole minutes.
    """
    step = max(step, math.ceil((until - since) / POINTS_MOST))
    if since < fine_since:
        step = math.ceil(step / MINUTE) * MINUTE
    first = math.ceil(since / step) * step
    return Frame(first, step, max(math.floor((until - first) / step), 0))


@dataclass(slots=True)
class _Point:
    requests: int = 0
    caller_errors: int = 0
    server_errors: int = 0
    latencies: list[bytes] = field(default_factory=list)

    def add(self, row: Row) -> None:
        self.requests += row.requests
        self.caller_errors += row.caller_errors
        self.server_errors += row.server_errors
        self.latencies.append(row.latencies)


def series(frame: Frame, rows: Iterable[Row]) -> dict[str, Any]:
    """`{"total": …, "revisions": [{"revision", "number", …}]}`, revisions by number, those without one last."""
    total: defaultdict[int, _Point] = defaultdict(_Point)
    own: defaultdict[tuple[int | None, str | None], defaultdict[int, _Point]] = defaultdict(lambda: defaultdict(_Point))
    for row in rows:
        place = (row.start - frame.first) // frame.step
        total[place].add(row)
        own[row.number, row.revision][place].add(row)
    known: dict[bytes, Sequence[float | None]] = {}
    numbered = sorted(own, key=lambda key: (key[0] is None, key[0]))
    return {
        "total": _columns(frame, total, known),
        "revisions": [
            {"revision": revision, "number": number, **_columns(frame, own[number, revision], known)}
            for number, revision in numbered
        ],
    }


def _columns(frame: Frame, points: dict[int, _Point], known: dict[bytes, Sequence[float | None]]) -> dict[str, Any]:
    """One list per figure, a value for each step. `known` are percentiles worked out before: mostly the total's."""
    counts = {name: [0.0] * frame.count for name in ("requests", "caller_errors", "server_errors")}
    times: dict[str, list[float | None]] = {name: [None] * frame.count for name in PERCENTILES}
    for place, point in points.items():
        for name, column in counts.items():
            column[place] = round(getattr(point, name) / frame.step, 3)
        packed = b"".join(point.latencies)
        found = known.get(packed)
        if found is None:
            found = known[packed] = percentiles(unpacked(packed), RATIOS)
        for name, seconds in zip(PERCENTILES, found, strict=True):
            times[name][place] = None if seconds is None else round(seconds * 1000, 3)
    return {
        "requests_per_second": counts["requests"],
        "errors_per_second": {"caller": counts["caller_errors"], "server": counts["server_errors"]},
        **times,
    }
