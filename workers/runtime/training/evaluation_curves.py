"""How a binary classifier does at every threshold, thinned for drawing, in numpy.

Labels and scores are checked already. Points are rounded to nine digits: curves are for eyes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt

POINTS = 200
BINS = 10
THRESHOLDS = np.linspace(0, 1, 21)
TINY = 1e-15
"""A chance of 0 or 1 that is wrong would cost an infinite log loss."""
Truth = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


class Roc(TypedDict):
    false_positive_rate: list[float]
    true_positive_rate: list[float]
    thresholds: list[float | None]
    """Falling; None: above every score."""


class PrecisionRecall(TypedDict):
    recall: list[float]
    precision: list[float]
    thresholds: list[float]


class ThresholdRow(TypedDict):
    threshold: float
    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int
    precision: float | None
    recall: float
    f1: float | None
    accuracy: float


class CalibrationBin(TypedDict):
    lower: float
    upper: float
    mean_predicted: float | None
    fraction_positive: float | None
    count: int


class ClassMeasures(TypedDict):
    label: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int


class Steps:
    """Counts of what lies at or above each distinct score, the highest score first."""

    def __init__(self, truth: Truth, scores: Floats) -> None:
        order = np.argsort(-scores, kind="stable")
        ranked, hits = scores[order], truth[order]
        last_of_each = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
        self.thresholds: Floats = ranked[last_of_each]
        self.true_positives = np.cumsum(hits)[last_of_each]
        self.false_positives = last_of_each + 1 - self.true_positives
        self.positives, self.negatives = int(truth.sum()), int((~truth).sum())

    def roc(self) -> Roc:
        kept = _few(len(self.thresholds), POINTS - 1)
        return Roc(
            false_positive_rate=[0.0, *_rounded(self.false_positives[kept] / self.negatives)],
            true_positive_rate=[0.0, *_rounded(self.true_positives[kept] / self.positives)],
            thresholds=[None, *_rounded(self.thresholds[kept])],
        )

    def precision_recall(self) -> PrecisionRecall:
        kept = _few(len(self.thresholds), POINTS)
        return PrecisionRecall(
            recall=_rounded(self.true_positives[kept] / self.positives),
            precision=_rounded(self._precision[kept]),
            thresholds=_rounded(self.thresholds[kept]),
        )

    def average_precision(self) -> float:
        """Mean precision, each weighted by the recall that it adds."""
        gained = np.diff(np.concatenate([[0], self.true_positives])) / self.positives
        return float((gained * self._precision).sum())

    @property
    def _precision(self) -> Floats:
        precision: Floats = self.true_positives / (self.true_positives + self.false_positives)
        return precision


def threshold_table(truth: Truth, scores: Floats) -> list[ThresholdRow]:
    """What comes of each of 21 thresholds from 0 to 1."""
    return [_at(truth, scores, round(float(threshold), 2)) for threshold in THRESHOLDS]


def calibration(truth: Truth, scores: Floats) -> list[CalibrationBin]:
    """Ten bins of equal width; 1 belongs to the last."""
    places = np.minimum((scores * BINS).astype(np.int64), BINS - 1)
    counts = np.bincount(places, minlength=BINS)
    predicted, positive = (np.bincount(places, weights=values, minlength=BINS) for values in (scores, truth))
    return [
        CalibrationBin(
            lower=place / BINS,
            upper=(place + 1) / BINS,
            mean_predicted=_ratio(predicted[place], int(count)),
            fraction_positive=_ratio(positive[place], int(count)),
            count=int(count),
        )
        for place, count in enumerate(counts)
    ]


def brier(truth: Truth, scores: Floats) -> float:
    """Mean squared distance of score and label."""
    return float(np.mean((scores - truth) ** 2))


def log_loss(truth: Truth, scores: Floats) -> float:
    """Mean negative logarithm of the chance that was given to the true label."""
    chances = np.clip(np.where(truth, scores, 1 - scores), TINY, 1)
    return float(-np.log(chances).mean())


def class_measures(matrix: list[list[int]], labels: Sequence[str]) -> list[ClassMeasures]:
    """Precision and recall of each class, from the counts of true (row) and predicted (column) classes."""
    found = []
    for own, label in enumerate(labels):
        right, support = matrix[own][own], sum(matrix[own])
        precision, recall = _ratio(right, sum(row[own] for row in matrix)), _ratio(right, support)
        found.append(
            ClassMeasures(label=label, precision=precision, recall=recall, f1=_f1(precision, recall), support=support)
        )
    return found


def _at(truth: Truth, scores: Floats, threshold: float) -> ThresholdRow:
    guess = scores >= threshold
    hits, alarms = int((guess & truth).sum()), int((guess & ~truth).sum())
    positives, rows = int(truth.sum()), len(truth)
    quiet = rows - positives - alarms
    precision, recall = _ratio(hits, hits + alarms), hits / positives
    return ThresholdRow(
        threshold=threshold,
        true_positives=hits,
        false_positives=alarms,
        true_negatives=quiet,
        false_negatives=positives - hits,
        precision=precision,
        recall=recall,
        f1=_f1(precision, recall),
        accuracy=(hits + quiet) / rows,
    )


def _f1(precision: float | None, recall: float | None) -> float | None:
    if precision is None or recall is None:
        return None
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _ratio(part: float, whole: int) -> float | None:
    return float(part) / whole if whole else None


def _few(count: int, most: int) -> npt.NDArray[np.int64]:
    """At most so many positions of `count`, evenly, both ends among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def _rounded(values: Floats) -> list[float]:
    return [float(f"{value:.9g}") for value in values]
