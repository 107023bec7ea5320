"""Rows that belong together, from pairs of rows that are alike: in NumPy, without a loop over rows."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
Pairs = npt.NDArray[np.int64]
"""Shape (pairs, 2): places of rows."""


def components(pairs: Pairs, count: int) -> Places:
    """Per row the lowest place among all rows that pairs connect it with, over others too; its own where none does."""
    lowest = np.arange(count, dtype=np.int64)
    first, second = (pairs[:, 0], pairs[:, 1]) if len(pairs) else (lowest[:0], lowest[:0])
    while True:
        one, two = lowest[first], lowest[second]
        apart = one != two
        if not apart.any():
            return lowest
        first, second, one, two = first[apart], second[apart], one[apart], two[apart]
        np.minimum.at(lowest, np.maximum(one, two), np.minimum(one, two))
        while True:  # every row points at a row that points at itself
            higher = lowest[lowest]
            if np.array_equal(higher, lowest):
                break
            lowest = higher


def neighbours(keys: Keys) -> Pairs:
    """Of rows with one key, each with the first of them and the one before it: as many pairs as rows, not squares."""
    order = np.argsort(keys, kind="stable").astype(np.int64)
    ordered = keys[order]
    follows = np.zeros(len(order), dtype=np.bool_)
    follows[1:] = ordered[1:] == ordered[:-1]
    at = np.flatnonzero(follows)
    if not len(at):
        return np.zeros((0, 2), dtype=np.int64)
    heads = np.maximum.accumulate(np.where(follows, 0, np.arange(len(order))))
    with_first = np.stack([order[heads[at]], order[at]], axis=1)
    with_previous = np.stack([order[at - 1], order[at]], axis=1)
    return np.concatenate([with_first, with_previous])


def within(hashes: Keys, distance: int) -> Pairs:
    """Pairs of places whose 64-bit hashes differ in at most so many bits, all of them or enough to connect them.

    Of `distance + 1` bands of bits two such hashes share one: only rows that share a band are compared.
    """
    values, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    same = np.stack([first[inverse], np.arange(len(hashes))], axis=1).astype(np.int64)
    found = [same[same[:, 0] != same[:, 1]]]
    edges: list[int] = np.linspace(0, 64, distance + 2).astype(int).tolist() if distance else []
    for low, high in itertools.pairwise(edges):
        band = (values >> np.uint64(low)) & np.uint64((1 << (high - low)) - 1)
        order = np.argsort(band, kind="stable").astype(np.int64)
        near = _near(values[order], band[order], distance)
        found.append(np.stack([first[order[near[:, 0]]], first[order[near[:, 1]]]], axis=1))
    return np.concatenate(found)


def _near(values: Keys, band: Keys, distance: int) -> Pairs:
    """Pairs of places of values, ordered by band, that share the band and are near."""
    at, step = np.arange(len(values), dtype=np.int64), 1
    found = [np.zeros((0, 2), dtype=np.int64)]
    while len(at):
        at = at[at + step < len(values)]
        at = at[band[at + step] == band[at]]
        bits = np.bitwise_count(values[at] ^ values[at + step])
        close = at[bits <= distance]
        found.append(np.stack([close, close + step], axis=1))
        step += 1
    return np.concatenate(found)
