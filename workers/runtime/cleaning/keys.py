"""Decisions about rows by 64-bit keys and ordinals, in NumPy: 24 bytes a row, whatever the width of the data."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
Ordinals = npt.NDArray[np.int64]
Places = npt.NDArray[np.intp]
BITS_LEAST, BITS_MOST = 16, 27
"""A table of so many bits of a key is 64 KiB, and 128 MiB."""
FALSE_BITS = 6
"""Of the keys that do not occur twice one in 2 to this power is looked at."""
AT_ONCE = 1 << 19
"""Keys that are looked at before the next are."""


def repeated(keys: Keys, others: Keys, ordinals: Ordinals) -> Ordinals:
    """Ordinals, sorted, of the rows whose 128-bit key a row with a lower ordinal has too.

    One sort of 64-bit numbers says which of them occur twice; only rows that may have one of those are looked at.
    """
    ordered = np.sort(keys)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    del ordered
    shared = _maybe_among(keys, twice)
    shared = shared[_in_order(keys[shared], others[shared], ordinals[shared])]
    key, other = keys[shared], others[shared]
    return np.sort(ordinals[shared[1:][(key[1:] == key[:-1]) & (other[1:] == other[:-1])]])


def _in_order(keys: Keys, others: Keys, ordinals: Ordinals) -> Places:
    """Places by both keys, then by ordinals."""
    if (ordinals[1:] > ordinals[:-1]).all():
        order = np.argsort(keys, kind="stable")
        same = keys[order[1:]] == keys[order[:-1]]
        if (others[order[1:][same]] == others[order[:-1][same]]).all():  # but where half a key meets by chance
            return order
    return np.lexsort((ordinals, others, keys))


def _maybe_among(keys: Keys, some: Keys) -> Places:
    """Places of the keys whose first bits are those of one of some: of those, and of few others."""
    bits = min(BITS_MOST, max(BITS_LEAST, len(some).bit_length() + FALSE_BITS))
    shift = np.uint64(64 - bits)
    marked = np.zeros(1 << bits, dtype=np.bool_)
    marked[some >> shift] = True
    starts = range(0, len(keys), AT_ONCE)
    found = [start + np.flatnonzero(marked[keys[start : start + AT_ONCE] >> shift]) for start in starts]
    return np.concatenate(found) if found else np.zeros(0, dtype=np.intp)


def lowest(keys: Keys, ordinals: Ordinals, count: int) -> Places:
    """Places of the `count` rows with the lowest keys, of equal ones with the lowest ordinals."""
    if count == 0:
        return np.zeros(0, dtype=np.intp)
    limit = np.partition(keys, count - 1)[count - 1]
    below = np.flatnonzero(keys < limit)
    ties = np.flatnonzero(keys == limit)
    ties = ties[np.argsort(ordinals[ties])]
    return np.concatenate([below, ties[: count - len(below)]])
