"""Decisions about rows by 64-bit keys and ordinals, in NumPy: 24 bytes a row, whatever the width of the data."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
Ordinals = npt.NDArray[np.int64]
Places = npt.NDArray[np.intp]


def repeated(keys: Keys, others: Keys, ordinals: Ordinals) -> Ordinals:
    """Ordinals, sorted, of the rows whose 128-bit key a row with a lower ordinal has too.

    One sort of 64-bit numbers; only rows that share the first of them are looked at closely.
    """
    order = np.argsort(keys)
    key = keys[order]
    again = np.zeros(len(order) + 1, dtype=np.bool_)
    np.equal(key[1:], key[:-1], out=again[1:-1])
    again = again[1:] | again[:-1]
    shared = order[again]
    shared = shared[np.lexsort((ordinals[shared], others[shared], keys[shared]))]
    key, other = keys[shared], others[shared]
    return np.sort(ordinals[shared[1:][(key[1:] == key[:-1]) & (other[1:] == other[:-1])]])


def lowest(keys: Keys, ordinals: Ordinals, count: int) -> Places:
    """Places of the `count` rows with the lowest keys, of equal ones with the lowest ordinals."""
    if count == 0:
        return np.zeros(0, dtype=np.intp)
    limit = np.partition(keys, count - 1)[count - 1]
    below = np.flatnonzero(keys < limit)
    ties = np.flatnonzero(keys == limit)
    ties = ties[np.argsort(ordinals[ties])]
    return np.concatenate([below, ties[: count - len(below)]])
