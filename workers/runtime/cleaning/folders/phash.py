"""A hash of what a picture shows: pictures that look alike have hashes that differ in few of their 64 bits.

Of the luminance in 32 × 32 pixels the discrete cosine transform is taken; each of the 8 × 8 lowest frequencies gives a
bit, whether it lies above their median. In whole numbers throughout, so that every machine finds the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

SIDE, KEPT = 32, 8
_SCALE = 1 << 14
_ANGLES = np.pi / (2 * SIDE) * np.outer(np.arange(KEPT), 2 * np.arange(SIDE) + 1)
_BASIS = np.rint(np.cos(_ANGLES) * _SCALE).astype(np.int64)
_BITS = np.left_shift(np.uint64(1), np.arange(KEPT * KEPT - 1, -1, -1, dtype=np.uint64))


def perceptual_hashes(luminance: Any) -> Any:
    """One 64-bit number (signed) per picture. `luminance` is (n, 32, 32), whole numbers from 0 to 255."""
    low = np.matmul(np.matmul(_BASIS, luminance.astype(np.int64)), _BASIS.T).reshape(len(luminance), -1)
    ordered = np.sort(low[:, 1:], axis=1)  # without the mean, which says how bright it is
    median = ordered[:, ordered.shape[1] // 2 : ordered.shape[1] // 2 + 1]
    bits = (low > median).astype(np.uint64)
    return (bits * _BITS).sum(axis=1, dtype=np.uint64).view(np.int64)
