"""Where the bins of a histogram lie: at round numbers, as many as the values bear. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from workers.runtime.cleaning.rounding import significant

LEAST, MOST = 16, 40
SINGLY = 25
"""Whole numbers with fewer than so many between the least and the greatest have a bin each."""
REACH = 3.0
"""Bins end so many times the distance of the 5 % and the 95 % quantile beyond them; what is farther out is counted."""
DECADES_MOST = 40
PLACES_MOST = 10**9
"""Widths from zero to an edge: edges have twelve digits."""
_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)
_SECONDS = (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86_400, 7 * 86_400)
_MONTHS = (1, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 2400, 6000)
_MONTH = 30.44 * 86_400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = (datetime(year, 1, 1, tzinfo=UTC).timestamp() for year in (1, 9000))
"""What months are counted for."""
_MONDAY = 4 * 86_400
"""1970 began on a Thursday."""


def bin_edges(low: float, high: float, quantiles: dict[str, float], present: int, *, step: float = 0) -> list[float]:
    """Edges of bins of equal width for numbers.

    Args:
        low, high: the least and the greatest value.
        quantiles: with 0.05, 0.25, 0.75 and 0.95; without them the bins reach from the least to the greatest.
        step: every value is so many times a whole number above the least; 0 where there is no such step.
    """
    if high <= low:
        return [low, high]
    start = low
    low, high = _without_far(low, high, quantiles)
    if step and (high - low) / step < SINGLY:
        first, last = math.floor((low - start) / step), math.ceil((high - start) / step)
        return [start + (place - 0.5) * step for place in range(first, last + 2)]
    span = high / 2 - low / 2  # half, because the distance of two floats may be more than a float holds
    width = 2 * _round(span / _bins(span, quantiles, present))
    if step > 1 or (step and width % 1):
        width = step * max(1, math.ceil(width / step))
    first, last = math.floor(low / width), math.ceil(high / width)
    if last == first or not math.isfinite(width) or max(abs(first), abs(last)) > PLACES_MOST:
        return [low, high]  # numbers that differ in their last digits only
    return [_number(place * width) for place in range(first, last + 1)]


def is_discrete(edges: Sequence[float], low: float, step: float) -> bool:
    """Whether each bin is around one value that is possible, its middle."""
    return bool(step) and len(edges) > 1 and edges[1] - edges[0] == step and (low - edges[0]) % step == step / 2


def log_edges(low: float, high: float) -> list[float] | None:
    """Edges of equal width on a logarithmic scale, at powers of ten and between; None where they say no more."""
    if low <= 0 or high / low < 100:
        return None
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    if last - first > DECADES_MOST or last > 300:
        return None
    each = next(each for each in (10, 5, 4, 2, 1) if (last - first) * each <= MOST or each == 1)
    places = [place / each for place in range(first * each, last * each + 1)]
    edges = [_number(10.0**place) for place in places]
    start = max(place for place, edge in enumerate(edges) if edge <= low or place == 0)
    end = min(place for place, edge in enumerate(edges) if edge >= high or place == len(edges) - 1)
    return edges[start : end + 1]


def time_edges(low: float, high: float) -> list[float]:
    """Edges in seconds since 1970 at whole minutes, hours, days, Mondays, months or years in UTC."""
    if high <= low:
        return [low, high]
    if low < _FIRST or high > _LAST:
        return [low + (high - low) * place / LEAST for place in range(LEAST)] + [high]
    wanted = (high - low) / MOST
    for width in _SECONDS:
        if width >= wanted:
            shift = _MONDAY if width == 7 * 86_400 else 0
            first = math.floor((low - shift) / width)
            last = math.ceil((high - shift) / width)
            return [float(place * width + shift) for place in range(first, last + 1)]
    months = next((count for count in _MONTHS if count * _MONTH >= wanted), _MONTHS[-1])
    return list(_of_months(low, high, months))


def is_heavy(low: float, quantiles: dict[str, float], high: float) -> bool:
    """Whether values are better looked at on a logarithmic scale: positive, and the upper ones far above the middle."""
    middle, upper = quantiles.get("0.5", 0.0), quantiles.get("0.99", high)
    return low > 0 and middle > 0 and high / low >= 100 and upper >= 8 * middle


def _without_far(low: float, high: float, quantiles: dict[str, float]) -> tuple[float, float]:
    lower, upper = quantiles.get("0.05"), quantiles.get("0.95")
    if lower is None or upper is None or upper <= lower:
        return low, high
    reach = REACH * (upper - lower)
    return max(low, lower - reach), min(high, upper + reach)


def _bins(half: float, quantiles: dict[str, float], present: int) -> float:
    """How many for half a span: by Freedman and Diaconis, within bounds."""
    middle = quantiles.get("0.75", 0.0) / 2 - quantiles.get("0.25", 0.0) / 2
    width = 2 * middle / max(1, present) ** (1 / 3)
    wanted = half / width if width > 0 else LEAST
    return min(max(wanted, LEAST), MOST * 0.75)


def _round(width: float) -> float:
    if width <= 0:
        return width
    power = 10.0 ** math.floor(math.log10(width))
    if power == 0:
        return width
    return next((factor * power for factor in _ROUND if factor * power >= width * 0.999), 10 * power)


def _number(value: float) -> float:
    return significant(min(max(value, -1.7976931348623157e308), 1.7976931348623157e308))


def _of_months(low: float, high: float, months: int) -> Iterator[float]:
    start = _EPOCH + timedelta(seconds=low)
    place = (start.year * 12 + start.month - 1) // months * months
    edge = -math.inf
    while edge < high or edge <= low:
        year, month = divmod(place, 12)
        edge = (datetime(max(1, year), month + 1, 1, tzinfo=UTC) - _EPOCH) / timedelta(seconds=1)
        yield edge
        place += months
