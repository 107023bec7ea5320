"""What is nearly the same: pictures by their perceptual hashes, texts by MinHash. By bands, never every pair. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from workers.runtime.cleaning.components import components

Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

DISTANCE = 6
"""Bits of 64 in which the hashes of two pictures that look alike may differ."""
_PARTS = 8
"""Of eight bits. Two hashes with six different bits agree in two parts at least: every two parts are a band."""
BUCKET_MOST = 64
"""Different hashes with the same two parts that are held against each other; of more, each against so many next."""
PERMUTATIONS, BANDS = 64, 16
SHINGLE = 5
"""Bytes."""
ALIKE = 0.8
"""Estimated share of shingles that two texts have in common, from which on they are nearly the same."""
_SEED = 20_240_607
_BLOCK = 64


def alike_hashes(hashes: Hashes, distance: int = DISTANCE) -> Places:
    """A label per hash: the least place of a hash that it hangs together with by steps of at most `distance` bits.

    Exact for up to six bits, but where more than `BUCKET_MOST` different hashes share a band.
    """
    if not len(hashes):
        return np.empty(0, dtype=np.int64)
    values, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    parts = [(values >> np.uint64(8 * part)) & np.uint64(0xFF) for part in range(_PARTS)]
    found = [np.empty((0, 2), dtype=np.int64)]
    for one, other in combinations(range(_PARTS), 2):
        band = parts[one] << np.uint64(8) | parts[other]
        order = np.argsort(band, kind="stable")
        found.append(_close(values, order, band[order], distance))
    return _leads(components(np.concatenate(found), len(values)), first)[inverse]


def alike_texts(texts: Sequence[bytes]) -> Places:
    """A label per text, as `alike_hashes`. Those shorter than a shingle are alike when they are equal."""
    if not texts:
        return np.empty(0, dtype=np.int64)
    signatures = minhashes(texts)
    width = PERMUTATIONS // BANDS
    found = [np.empty((0, 2), dtype=np.int64)]
    for band in range(BANDS):
        part = np.ascontiguousarray(signatures[:, band * width : (band + 1) * width])
        _, first, inverse = np.unique(
            part.view([("", part.dtype)] * width).ravel(), return_index=True, return_inverse=True
        )
        pairs = np.column_stack([first[inverse.ravel()], np.arange(len(texts))])
        pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        agree = (signatures[pairs[:, 0]] == signatures[pairs[:, 1]]).mean(axis=1)
        found.append(pairs[agree >= ALIKE])
    return components(np.concatenate(found), len(texts))


def minhashes(texts: Sequence[bytes]) -> npt.NDArray[np.uint32]:
    """A row of `PERMUTATIONS` minima per text, over the hashes of its shingles."""
    random = np.random.default_rng(_SEED)
    factors = random.integers(1, 1 << 32, PERMUTATIONS, dtype=np.uint32) | np.uint32(1)
    shifts = random.integers(0, 1 << 32, PERMUTATIONS, dtype=np.uint32)
    found = np.empty((len(texts), PERMUTATIONS), dtype=np.uint32)
    for start in range(0, len(texts), _BLOCK):  # so few that their hashes stay in the processor's cache
        hashes, places = _shingles(texts[start : start + _BLOCK])
        for number in range(PERMUTATIONS):
            mixed = hashes * factors[number] + shifts[number]
            found[start : start + _BLOCK, number] = np.minimum.reduceat(mixed, places)
    return found


def _shingles(texts: Sequence[bytes]) -> tuple[npt.NDArray[np.uint32], Places]:
    """A hash per shingle of every text, one text after the other, and where each begins."""
    padded = [text.ljust(SHINGLE, b"\0") for text in texts]
    joined = np.frombuffer(b"".join(padded), dtype=np.uint8).astype(np.uint64)
    sizes = np.array([len(text) for text in padded], dtype=np.int64)
    rolled = np.zeros(len(joined) - SHINGLE + 1, dtype=np.uint64)
    for place in range(SHINGLE):
        rolled = rolled << np.uint64(8) | joined[place : len(rolled) + place]
    rolled *= np.uint64(0x9E3779B97F4A7C15)
    inside = np.ones(len(joined), dtype=bool)
    inside[(np.cumsum(sizes)[:, None] - np.arange(1, SHINGLE)).ravel()] = False  # they would reach into the next text
    kept = (rolled[inside[: len(rolled)]] >> np.uint64(32)).astype(np.uint32)
    return kept, np.concatenate([[0], np.cumsum(sizes - SHINGLE + 1)[:-1]])


def _close(values: Hashes, order: Places, band: Hashes, distance: int) -> Places:
    """Pairs of the same band that are close, as places in `values`; `band` is in order."""
    found = []
    for step in range(1, min(BUCKET_MOST, len(band) - 1) + 1):
        same = np.flatnonzero(band[step:] == band[:-step])
        if not len(same):
            break
        one, other = order[same], order[same + step]
        close = np.bitwise_count(values[one] ^ values[other]) <= distance
        found.append(np.column_stack([one[close], other[close]]))
    return np.concatenate(found) if found else np.empty((0, 2), dtype=np.int64)


def _leads(labels: Places, first: Places) -> Places:
    """The same labels, as the least original place of each group."""
    least = np.full(len(labels), np.iinfo(np.int64).max)
    np.minimum.at(least, labels, first)
    return least[labels]
