"""An isolation forest: how soon a row is alone when columns and thresholds are drawn at random. NumPy only.

A few rows are drawn for each tree; every node draws a column and a threshold between its least and largest value, until
a row is alone or the tree as deep as the logarithm of its rows. What lies far from the rest is alone soon. The score of
a row is 2^(-mean depth / expected depth), between 0 and 1, as Liu, Ting and Zhou define it (2008).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
TREES = 100
TREE_ROWS = 256
CHUNK_ROWS = 4_096
"""Rows that are scored at once: a row takes 24 bytes a tree meanwhile."""
EULER = 0.5772156649015329


def expected_depth(count: int) -> float:
    """How deep a row is on average in a tree of that many rows."""
    if count <= 1:
        return 0.0
    return 1.0 if count == 2 else 2 * (math.log(count - 1) + EULER) - 2 * (count - 1) / count


@dataclass(frozen=True, slots=True)
class Forest:
    """Nodes of all trees in one row of arrays. `feature` is -1 in a leaf, whose `value` is the depth of its rows."""

    roots: npt.NDArray[np.int64]
    feature: npt.NDArray[np.int64]
    value: Floats
    """The threshold: what is more goes right."""
    left: npt.NDArray[np.int64]
    """The node on the left; the one on the right is the next."""
    expected: float

    def scores(self, rows: Floats) -> Floats:
        """Of rows, shape (rows, columns), none missing."""
        parts = [self._scored(rows[start : start + CHUNK_ROWS]) for start in range(0, len(rows), CHUNK_ROWS)]
        return np.concatenate([*parts, np.zeros(0)])

    def _scored(self, rows: Floats) -> Floats:
        places = np.tile(self.roots, (len(rows), 1))
        index = np.arange(len(rows))[:, None]
        while True:
            feature = self.feature[places]
            inner = feature >= 0
            if not inner.any():
                break
            right = rows[index, np.maximum(feature, 0)] > self.value[places]
            places = np.where(inner, self.left[places] + right, places)
        depth = np.ascontiguousarray(self.value[places]).sum(axis=1) / len(self.roots)
        scores: Floats = np.exp2(-depth / self.expected)
        return scores

    def to_json(self) -> dict[str, Any]:
        return {
            "roots": self.roots.tolist(),
            "feature": self.feature.tolist(),
            "value": self.value.tolist(),
            "left": self.left.tolist(),
            "expected": self.expected,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        return cls(
            np.array(document["roots"], np.int64),
            np.array(document["feature"], np.int64),
            np.array(document["value"], np.float64),
            np.array(document["left"], np.int64),
            float(document["expected"]),
        )


def grown(rows: Floats, seed: int) -> Forest:
    """A forest over rows, shape (rows, columns), none missing, two at least; the same for the same rows and seed."""
    random = np.random.default_rng(seed)
    size = min(TREE_ROWS, len(rows))
    nodes = _Nodes(depth_most=math.ceil(math.log2(max(size, 2))))
    roots = [nodes.tree(rows[random.choice(len(rows), size, replace=False)], random) for _ in range(TREES)]
    return Forest(
        np.array(roots, np.int64),
        np.array(nodes.feature, np.int64),
        np.array(nodes.value, np.float64),
        np.array(nodes.left, np.int64),
        expected_depth(size) or 1.0,  # of a row alone, which is as it should be
    )


class _Nodes:
    """Nodes as they are made."""

    def __init__(self, depth_most: int) -> None:
        self.feature: list[int] = []
        self.value: list[float] = []
        self.left: list[int] = []
        self._depth_most = depth_most

    def tree(self, rows: Floats, random: np.random.Generator) -> int:
        root = self._new()
        waiting = [(root, rows, 0)]
        while waiting:
            node, here, depth = waiting.pop()
            least, most = here.min(axis=0), here.max(axis=0)
            with np.errstate(over="ignore"):
                spread = np.flatnonzero((most > least) & np.isfinite(most - least))
            self.value[node] = round(depth + expected_depth(len(here)), 12)
            if depth == self._depth_most or not len(spread):
                continue
            feature = int(spread[random.integers(len(spread))])
            threshold = float(random.uniform(least[feature], most[feature]))
            goes_right = here[:, feature] > threshold
            if not goes_right.any():  # rounded up to the largest value
                continue
            left, right = self._new(), self._new()
            self.feature[node], self.value[node], self.left[node] = feature, threshold, left
            waiting += [(left, here[~goes_right], depth + 1), (right, here[goes_right], depth + 1)]
        return root

    def _new(self) -> int:
        self.feature.append(-1)
        self.value.append(0.0)
        self.left.append(-1)
        return len(self.feature) - 1
