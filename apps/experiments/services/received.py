"""Which numbers have been received: sorted ranges that do not touch, so that a long unbroken row is one pair. Pure."""

from __future__ import annotations

from bisect import bisect_right

Ranges = list[list[int]]
"""`[[first, end], …]`: numbers from `first` up to, not including, `end`."""
GAPS_MOST = 1000
"""Ranges of one sender."""


def ranges_with(ranges: Ranges, number: int) -> Ranges:
    """The ranges with one number more; the same ranges when it is in them."""
    at = bisect_right(ranges, number, key=lambda one: one[0])
    before = ranges[at - 1] if at else None
    if before is not None and number < before[1]:
        return ranges
    first, end, left, right = number, number + 1, at, at
    if before is not None and before[1] == number:
        first, left = before[0], at - 1
    if at < len(ranges) and ranges[at][0] == end:
        end, right = ranges[at][1], at + 1
    return [*ranges[:left], [first, end], *ranges[right:]]
