"""How far estimates have been off, and so how wide the next band must be: adaptive conformal inference.

An error is the logarithm of how many times longer something waited than was forecast. A band is made of two quantiles
of the recent errors of its *bucket* (how far away, how large, how far back in its queue); which two is itself
corrected: each estimate whose start comes before its band moves the lower level down a little, each that comes later
moves the upper one up, all others move both back (Gibbs and Candès, 2021). So in the long run the band holds as often
as it says, whatever the errors do.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp, log
from typing import Final, NamedTuple

import numpy as np

COVERAGE: Final = 0.8
SOFT_SECONDS: Final = 20.0
"""Added to waits before they are compared, so that two short ones do not differ by much."""
RATE: Final = 0.02
"""How much one estimate moves a level."""
LEAST: Final = 20
"""With fewer errors, a bucket is helped out by those of all together."""
WINDOW: Final = 200
"""Errors of a bucket that count: the latest."""
GRID: Final = 101
"""Quantiles that stand for errors of which some are not known yet."""
PRIOR: Final = (-1.6, -0.8, -0.2, 0.3, 0.9, 1.6, 2.4) * 2
"""What is thought of errors before there are any: what is seen to wait tends to wait longer than is forecast."""
SPREAD_LEAST: Final = 0.05
ALL: Final = ""
"""The bucket of all errors together."""
_EDGES = (60.0, 300.0, 1800.0, 7200.0)


_LINES = (10, 40)


def bucket_of(forecast_seconds: float, members: int, ahead: int = 0) -> str:
    """The bucket of an estimate: `2g` is the third distance, of a gang; `2gl` the same far back in its queue.

    Args:
        ahead: how many come before it in its queue: the more, the more that is yet to come elsewhere comes before it.
    """
    line = ("", "m", "l")[sum(ahead >= edge for edge in _LINES)]
    return f"{sum(forecast_seconds >= edge for edge in _EDGES)}{'g' if members > 1 else 's'}{line}"


def error_of(forecast_seconds: float, wait_seconds: float) -> float:
    """Below 0: it started sooner than forecast."""
    return log((max(0.0, wait_seconds) + SOFT_SECONDS) / (max(0.0, forecast_seconds) + SOFT_SECONDS))


def corrected(forecast_seconds: float, error: float) -> float:
    """The wait that has this error."""
    return max(0.0, (max(0.0, forecast_seconds) + SOFT_SECONDS) * exp(error) - SOFT_SECONDS)


@dataclass(frozen=True, slots=True)
class Levels:
    """Which quantiles a bucket's band is made of. Beyond 0 and 1 it is wider than all that was seen."""

    low: float = (1 - COVERAGE) / 2
    high: float = (1 + COVERAGE) / 2

    def learnt(self, before: int, after: int, count: int) -> Levels:
        """After `count` estimates, of which so many started before, and after, their band."""
        tail = (1 - COVERAGE) / 2
        low = self.low + RATE * (tail * count - before)
        high = self.high - RATE * (tail * count - after)
        return Levels(min(0.4, max(-0.5, low)), min(1.5, max(0.6, high)))


class Band(NamedTuple):
    """Seconds of waiting from now on; or the errors that lead to these."""

    middle: float
    low: float
    high: float


def banded(marks: Band, forecast_seconds: float) -> Band:
    """The wait that is forecast, corrected by errors."""
    middle, low, high = (corrected(forecast_seconds, error) for error in marks)
    return Band(middle, min(low, middle), max(high, middle))


@dataclass(frozen=True, slots=True)
class Calibration:
    """What past errors say.

    Args:
        errors: bucket → recent errors, ascending; those of all together under `ALL`.
        levels: bucket → its levels.
        spread: what bands are made of instead of `errors`: see `with_open`.
    """

    errors: Mapping[str, Sequence[float]] = field(default_factory=dict)
    levels: Mapping[str, Levels] = field(default_factory=dict)
    spread: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def band(self, bucket: str, forecast_seconds: float) -> Band:
        """The corrected forecast and its band."""
        return banded(self.marks(bucket), forecast_seconds)

    def marks(self, bucket: str) -> Band:
        """The errors by which forecasts of a bucket are corrected, and made a band of."""
        levels = self.levels.get(bucket, Levels())
        spread = self.spread.get(bucket) or self.spread.get(ALL) or self._of(bucket)
        low, high = (_quantile(spread, at) for at in (levels.low, levels.high))
        return Band(_quantile(self._of(bucket), 0.5), low, high)

    def _of(self, bucket: str) -> Sequence[float]:
        errors = self.errors.get(bucket, ())
        return errors if len(errors) >= LEAST else sorted([*errors, *(self.errors.get(ALL) or PRIOR)])


def _quantile(errors: Sequence[float], level: float) -> float:
    at = float(np.interp(level * (len(errors) - 1), np.arange(len(errors)), errors))
    spread = max(SPREAD_LEAST, errors[-1] - errors[0])
    return at + spread * (min(0.0, level) + max(0.0, level - 1.0))


def with_open(calibration: Calibration, waits: Iterable[tuple[str, float, float]]) -> Calibration:
    """The same with what is known of estimates that have not turned out: their errors are no smaller than so far.

    Without them only short waits would count at first (Kaplan and Meier, 1958).

    Args:
        waits: bucket, forecast and the time that has passed since, in seconds.
    """
    cut: dict[str, list[float]] = {ALL: []}
    for bucket, forecast_seconds, passed_seconds in waits:
        for name in (bucket, ALL):
            cut.setdefault(name, []).append(error_of(forecast_seconds, passed_seconds))
    names = {*cut, *calibration.errors}
    spread = {
        name: _redistributed([*PRIOR, *calibration.errors.get(name, ())], cut.get(name, ()))
        for name in names
        if name == ALL or len(calibration.errors.get(name, ())) + len(cut.get(name, ())) >= LEAST
    }
    return replace(calibration, spread=spread)


def _redistributed(errors: Sequence[float], lower: Sequence[float]) -> list[float]:
    """Quantiles of errors of which some are only known to be no smaller than these."""
    values = np.concatenate((np.asarray(errors, np.float64), np.asarray(lower, np.float64)))
    known = np.arange(len(values)) < len(errors)
    order = np.lexsort((~known, values))
    values, known = values[order], known[order]
    left = np.cumprod(np.where(known, 1.0 - 1.0 / np.arange(len(values), 0, -1), 1.0))
    reached = np.maximum.accumulate(1.0 - left[known])
    points = np.concatenate((values[known], values[-1:]))
    at = np.searchsorted(reached, np.linspace(0.0, 1.0, GRID) - 1e-12)
    return [float(point) for point in np.maximum.accumulate(points[at])]


class Stream:
    """Errors as they become known, one after the other, and the levels that follow from them."""

    def __init__(self) -> None:
        self._recent: dict[str, deque[float]] = {}
        self.errors: dict[str, list[float]] = {}
        self.levels: dict[str, Levels] = {}

    @property
    def calibration(self) -> Calibration:
        """What is known now; it changes as more becomes known."""
        return Calibration(self.errors, self.levels)

    def missed(self, bucket: str) -> None:
        """The end of a band has passed, and nothing has started: a miss is known before how large it is."""
        self.levels[bucket] = self.levels.get(bucket, Levels()).learnt(0, 1, 1)

    def settle(
        self, bucket: str, forecast_seconds: float, wait_seconds: float, band: Band, *, is_missed: bool = False
    ) -> None:
        """An estimate turned out; `is_missed`: that its band has passed was told before."""
        error = error_of(forecast_seconds, wait_seconds)
        for name in (bucket, ALL):
            recent, known = self._recent.setdefault(name, deque()), self.errors.setdefault(name, [])
            recent.append(error)
            insort(known, error)
            if len(recent) > WINDOW:
                known.remove(recent.popleft())
        if not is_missed:
            levels = self.levels.get(bucket, Levels())
            self.levels[bucket] = levels.learnt(int(wait_seconds < band.low), int(wait_seconds > band.high), 1)
