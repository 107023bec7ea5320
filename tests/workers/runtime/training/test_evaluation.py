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
    found = evaluate([0, 0, 1, 1], [0.1, 0.6, 0.35, 0.8], classes=("good", "bad"))
    assert {name: found[name] for name in ("auc", "accuracy", "confusion_matrix", "rows", "threshold")} == {
        "auc": 0.75,
        "accuracy": 0.5,
        "confusion_matrix": [[1, 1], [1, 1]],
        "rows": 4,
        "threshold": 0.5,
    }
    assert found["roc"] == {
        "false_positive_rate": [0.0, 0.0, 0.5, 0.5, 1.0],
        "true_positive_rate": [0.0, 0.5, 0.5, 1.0, 1.0],
        "thresholds": [None, 0.8, 0.6, 0.35, 0.1],
    }
    assert found["precision_recall"] == {
        "recall": [0.5, 0.5, 1.0, 1.0],
        "precision": [1.0, 0.5, 0.666666667, 0.5],
        "thresholds": [0.8, 0.6, 0.35, 0.1],
    }
    assert found["average_precision"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert found["brier"] == pytest.approx((0.01 + 0.36 + 0.65**2 + 0.04) / 4)
    assert found["log_loss"] == pytest.approx(-np.log([0.9, 0.4, 0.35, 0.8]).mean())
    half = {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2}
    assert found["classes"] == [{"label": "good", **half}, {"label": "bad", **half}]


def test_a_table_has_the_counts_of_every_threshold() -> None:
    rows = evaluate([0, 0, 1, 1], [0.1, 0.6, 0.35, 0.8])["thresholds"]
    assert [row["threshold"] for row in rows] == [round(0.05 * step, 2) for step in range(21)]
    by_threshold = {row["threshold"]: row for row in rows}
    assert by_threshold[0.35] == {
        "threshold": 0.35,
        "true_positives": 2,
        "false_positives": 1,
        "true_negatives": 1,
        "false_negatives": 0,
        "precision": 2 / 3,
        "recall": 1.0,
        "f1": pytest.approx(0.8),
        "accuracy": 0.75,
    }
    none = by_threshold[1.0]
    assert (none["precision"], none["recall"], none["f1"]) == (None, 0.0, None)


def test_bins_say_how_often_what_was_foretold_came_true() -> None:
    bins = evaluate([0, 1, 1, 0], [0.02, 0.05, 1.0, 0.95])["calibration"]
    assert [one["count"] for one in bins] == [2, 0, 0, 0, 0, 0, 0, 0, 0, 2]
    assert (bins[0]["lower"], bins[0]["upper"], bins[9]["upper"]) == (0.0, 0.1, 1.0)
    assert bins[0]["mean_predicted"] == pytest.approx(0.035)
    assert (bins[0]["fraction_positive"], bins[9]["fraction_positive"], bins[1]["fraction_positive"]) == (
        0.5,
        0.5,
        None,
    )


def test_curves_of_many_rows_are_short_and_keep_their_ends() -> None:
    random = np.random.default_rng(2)
    labels = random.integers(0, 2, 5000)
    found = evaluate(labels, np.clip(0.3 * labels + 0.7 * random.random(5000), 0, 1))
    roc = found["roc"]
    assert len(roc["thresholds"]) == 200
    assert (roc["false_positive_rate"][0], roc["true_positive_rate"][0]) == (0.0, 0.0)
    assert (roc["false_positive_rate"][-1], roc["true_positive_rate"][-1]) == (1.0, 1.0)
    area = np.trapezoid(roc["true_positive_rate"], roc["false_positive_rate"])
    assert area == pytest.approx(found["auc"], abs=1e-3)
    assert len(found["precision_recall"]["recall"]) == 200


def test_scores_that_are_no_chances_have_no_calibration() -> None:
    found = evaluate([0, 1], [-7.0, 1e9])
    assert found["auc"] == 1.0
    assert not {"brier", "log_loss", "calibration", "thresholds"} & found.keys()
