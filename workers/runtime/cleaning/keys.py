"""Decisions about rows by 64-bit keys and ordinals, in NumPy: 24 bytes a row, whatever the width of the data."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
Ordinals = npt.NDArray[np.int64]
Places = npt.NDArray[np.intp]
BITS_MOST = 27
"""A table of so many bits of a key is 128 MiB."""


def repeated(keys: Keys, others: Keys, ordinals: Ordinals) -> Ordinals:
    """Ordinals, sorted, of the rows whose 128-bit key a row with a lower ordinal has too.

    One sort of 64-bit numbers says which of them occur twice; only rows that may have one of those are looked at.
    """
    ordered = np.sort(keys)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    del ordered
    shared = _maybe_among(keys, twice)
    shared = shared[np.lexsort((ordinals[shared], others[shared], keys[shared]))]
    key, other = keys[shared], others[shared]
    return np.sort(ordinals[shared[1:][(key[1:] == key[:-1]) & (other[1:] == other[:-1])]])


def _maybe_among(keys: Keys, some: Keys) -> Places:
    """Places of the keys whose first bits are those of one of some: of those, and of few others."""
    bits = min(BITS_MOST, max(1, len(keys).bit_length() + 1))
    shift = np.uint64(64 - bits)
    marked = np.zeros(1 << bits, dtype=np.bool_)
    marked[some >> shift] = True
    return np.flatnonzero(marked[keys >> shift])


def lowest(keys: Keys, ordinals: Ordinals, count: int) -> Places:
    """Places of the `count` rows with the lowest keys, of equal ones with the lowest ordinals."""
    if count == 0:
        return np.zeros(0, dtype=np.intp)
    limit = np.partition(keys, count - 1)[count - 1]
    below = np.flatnonzero(keys < limit)
    ties = np.flatnonzero(keys == limit)
    ties = ties[np.argsort(ordinals[ties])]
    return np.concatenate([below, ties[: count - len(below)]])
