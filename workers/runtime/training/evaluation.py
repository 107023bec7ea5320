"""Measures of a binary classifier, in numpy."""

from __future__ import annotations

from typing import NotRequired, TypedDict

import numpy as np
import numpy.typing as npt

from workers.runtime.training.evaluation_curves import (
    CalibrationBin,
    ClassMeasures,
    PrecisionRecall,
    Roc,
    Steps,
    ThresholdRow,
    brier,
    calibration,
    class_measures,
    log_loss,
    threshold_table,
)


class Evaluation(TypedDict):
    """What the registry keeps of a model's evaluation on held-out rows."""

    auc: float
    accuracy: float
    average_precision: float
    threshold: float
    """Of the confusion matrix and the classes."""
    confusion_matrix: list[list[int]]
    """[[true negatives, false positives], [false negatives, true positives]]."""
    classes: list[ClassMeasures]
    roc: Roc
    precision_recall: PrecisionRecall
    rows: int
    brier: NotRequired[float]
    """It and what follows: of scores that are chances, all between 0 and 1."""
    log_loss: NotRequired[float]
    thresholds: NotRequired[list[ThresholdRow]]
    calibration: NotRequired[list[CalibrationBin]]


def evaluate(
    labels: npt.ArrayLike, scores: npt.ArrayLike, *, threshold: float = 0.5, classes: tuple[str, str] = ("0", "1")
) -> Evaluation:
    """All measures at once; a score of at least `threshold` counts as positive.

    Args:
        classes: names of the labels 0 and 1.

    Raises:
        ValueError: see `roc_auc`.
    """
    matrix = confusion_matrix(labels, scores, threshold=threshold)
    rows = sum(map(sum, matrix))
    auc = roc_auc(labels, scores)
    truth, values = _checked(labels, scores)
    steps = Steps(truth, values)
    found = Evaluation(
        auc=auc,
        accuracy=(matrix[0][0] + matrix[1][1]) / rows,
        average_precision=steps.average_precision(),
        threshold=threshold,
        confusion_matrix=matrix,
        classes=class_measures(matrix, classes),
        roc=steps.roc(),
        precision_recall=steps.precision_recall(),
        rows=rows,
    )
    if values.min() >= 0 and values.max() <= 1:
        found["brier"], found["log_loss"] = brier(truth, values), log_loss(truth, values)
        found["thresholds"], found["calibration"] = threshold_table(truth, values), calibration(truth, values)
    return found


def roc_auc(labels: npt.ArrayLike, scores: npt.ArrayLike) -> float:
    """Area under the ROC curve: the chance that a positive scores above a negative, a tie counting one half.

    Raises:
        ValueError: shapes differ, a label is not 0 or 1, a score is not a number, or one class is missing.
    """
    truth, values = _checked(labels, scores)
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if not positives or not negatives:
        raise ValueError("the AUC needs rows of both classes")
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    mean_ranks = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = float(mean_ranks[inverse][truth].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def accuracy(labels: npt.ArrayLike, scores: npt.ArrayLike, *, threshold: float = 0.5) -> float:
    """Share of rows on the right side of the threshold.

    Raises:
        ValueError: see `roc_auc`; no rows.
    """
    truth, values = _checked(labels, scores)
    return float(np.mean((values >= threshold) == truth))


def confusion_matrix(labels: npt.ArrayLike, scores: npt.ArrayLike, *, threshold: float = 0.5) -> list[list[int]]:
    """[[true negatives, false positives], [false negatives, true positives]].

    Raises:
        ValueError: see `roc_auc`; no rows.
    """
    truth, values = _checked(labels, scores)
    guess = values >= threshold
    return [[int(np.sum((truth == row) & (guess == column))) for column in (False, True)] for row in (False, True)]


def _checked(labels: npt.ArrayLike, scores: npt.ArrayLike) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    truth = np.asarray(labels, dtype=np.float64)
    values = np.asarray(scores, dtype=np.float64)
    if truth.ndim != 1 or truth.shape != values.shape:
        raise ValueError(f"labels and scores are two lists of one length, not {truth.shape} and {values.shape}")
    if not len(truth):
        raise ValueError("there are no rows to measure on")
    if not np.isin(truth, (0.0, 1.0)).all():
        raise ValueError("labels are 0 or 1")
    if np.isnan(values).any():
        raise ValueError("some scores are not numbers")
    return truth == 1.0, values
