"""Measures against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from workers.runtime.training.evaluation import accuracy, confusion_matrix, evaluate, roc_auc

CASES = {
    "every positive above every negative": ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], 1.0),
    "every positive below every negative": ([1, 1, 0, 0], [0.1, 0.2, 0.8, 0.9], 0.0),
    "all scores tied": ([0, 1, 0, 1, 1], [0.5] * 5, 0.5),
    "three of four pairs right": ([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], 0.75),
    "one pair tied, the others right": ([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.8], 0.875),
    "order of rows does not matter": ([1, 0, 1, 0], [0.8, 0.4, 0.4, 0.1], 0.875),
    "one positive between two tied pairs of negatives": ([0, 0, 1, 0, 0], [0.1, 0.1, 0.3, 0.6, 0.6], 0.5),
    "scores need not be chances": ([0, 1], [-7.0, 1e9], 1.0),
}


@pytest.mark.parametrize(("labels", "scores", "expected"), CASES.values(), ids=CASES.keys())
def test_auc(labels: list[int], scores: list[float], expected: float) -> None:
    assert roc_auc(labels, scores) == expected


def test_auc_is_the_share_of_pairs_in_order_ties_counting_half() -> None:
    random = np.random.default_rng(1)
    labels = random.integers(0, 2, 200)
    scores = random.integers(0, 20, 200) / 20  # many ties
    positives, negatives = scores[labels == 1], scores[labels == 0]
    wins = (positives[:, None] > negatives).sum() + 0.5 * (positives[:, None] == negatives).sum()
    assert roc_auc(labels, scores) == wins / (len(positives) * len(negatives))


@pytest.mark.parametrize(
    ("labels", "scores", "says"),
    [
        ([0, 0], [0.1, 0.2], "both classes"),
        ([1, 1], [0.1, 0.2], "both classes"),
        ([0, 2], [0.1, 0.2], "labels are 0 or 1"),
        ([0, 1], [0.1, float("nan")], "not numbers"),
        ([0, 1], [0.1], "one length"),
        ([], [], "no rows"),
    ],
)
def test_what_cannot_be_measured_is_refused(labels: list[int], scores: list[float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        roc_auc(labels, scores)


def test_confusion_matrix_has_truth_in_rows_and_guess_in_columns() -> None:
    labels = [0, 0, 0, 1, 1, 1]
    scores = [0.1, 0.2, 0.9, 0.4, 0.5, 0.6]
    assert confusion_matrix(labels, scores) == [[2, 1], [1, 2]]
    assert confusion_matrix(labels, scores, threshold=0.55) == [[2, 1], [2, 1]]
    assert accuracy(labels, scores) == 4 / 6


def test_evaluation_has_it_all() -> None:
    assert evaluate([0, 0, 1, 1], [0.1, 0.6, 0.35, 0.8]) == {
        "auc": 0.75,
        "accuracy": 0.5,
        "confusion_matrix": [[1, 1], [1, 1]],
        "rows": 4,
    }
