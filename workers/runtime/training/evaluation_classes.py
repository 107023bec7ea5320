"""Measures of a classifier of any number of classes, in numpy; of two, those of `evaluation`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from workers.runtime.training.evaluation import evaluate
from workers.runtime.training.evaluation_curves import TINY, Steps, class_measures

CLASSES_SHOWN = 100
"""Beyond it there is no confusion matrix: nobody reads it, and a result is 1 MiB at most."""


def evaluate_classes(truth: npt.NDArray[np.int64], chances: npt.NDArray[Any], classes: Sequence[str]) -> dict[str, Any]:
    """What the registry keeps of a model's evaluation on held-out rows.

    Of more than two classes, `auc` and the curves are over all pairs of a row and a class (micro-averaged).

    Args:
        truth: the place of each row's class in `classes`.
        chances: shape (rows, classes), each row's sum 1.

    Raises:
        ValueError: no rows; or two classes of which the rows have one only.
    """
    if not len(truth):
        raise ValueError("there are no rows to measure on")
    if len(classes) == 2:
        return dict(evaluate(truth, chances[:, 1], classes=(classes[0], classes[1])))
    values = chances.astype(np.float64)
    guess = values.argmax(axis=1)
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts, (truth, guess), 1)
    matrix = counts.tolist()
    is_of = np.zeros(values.shape, dtype=bool)
    is_of[np.arange(len(truth)), truth] = True
    steps = Steps(is_of.ravel(), values.ravel())
    own = np.clip(values[np.arange(len(truth)), truth], TINY, 1)
    found: dict[str, Any] = {
        "auc": _area(steps),
        "accuracy": float((guess == truth).mean()),
        "average_precision": steps.average_precision(),
        "log_loss": float(-np.log(own).mean()),
        "classes": class_measures(matrix, classes)[:CLASSES_SHOWN],
        "roc": steps.roc(),
        "precision_recall": steps.precision_recall(),
        "rows": len(truth),
    }
    return found | ({"confusion_matrix": matrix} if len(classes) <= CLASSES_SHOWN else {})


def metrics_of(evaluation: dict[str, Any]) -> dict[str, float]:
    """The numbers by which versions of a model are compared."""
    return {
        "test_auc": evaluation["auc"],
        "test_accuracy": evaluation["accuracy"],
        "test_log_loss": evaluation["log_loss"],
    }


def _area(steps: Steps) -> float:
    """Under the ROC curve, a tie counting one half."""
    hits = np.concatenate([[0], steps.true_positives]) / steps.positives
    alarms = np.concatenate([[0], steps.false_positives]) / steps.negatives
    return float((np.diff(alarms) * (hits[1:] + hits[:-1]) / 2).sum())
