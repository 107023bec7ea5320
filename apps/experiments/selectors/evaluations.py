"""Evaluations as clients draw them: a script may report anything, so what has not the known form is left out. Pure."""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec


class Roc(msgspec.Struct):
    false_positive_rate: list[float]
    true_positive_rate: list[float]
    thresholds: list[float | None]


class PrecisionRecall(msgspec.Struct):
    recall: list[float]
    precision: list[float]
    thresholds: list[float]


class Threshold(msgspec.Struct):
    threshold: float
    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int
    precision: float | None
    recall: float
    f1: float | None
    accuracy: float


class CalibrationBin(msgspec.Struct):
    lower: float
    upper: float
    mean_predicted: float | None
    fraction_positive: float | None
    count: int


class ClassMeasures(msgspec.Struct):
    label: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int


class Residuals(msgspec.Struct):
    edges: list[float]
    counts: list[int]


class Regression(msgspec.Struct):
    r2: float | None
    mae: float
    rmse: float
    mean_error: float
    residuals: Residuals
    actual: list[float]
    predicted: list[float]


FORMS: Final[dict[str, Any]] = {
    "auc": float,
    "accuracy": float,
    "average_precision": float,
    "brier": float,
    "log_loss": float,
    "rows": int,
    "threshold": float,
    "confusion_matrix": list[list[int]],
    "roc": Roc,
    "precision_recall": PrecisionRecall,
    "thresholds": list[Threshold],
    "calibration": list[CalibrationBin],
    "classes": list[ClassMeasures],
    "regression": Regression,
}
"""Part of an evaluation → its form."""


def evaluation_typed(value: Any) -> dict[str, Any]:
    """The evaluation without parts of another form than `FORMS` says; what is not named there stays."""
    if not isinstance(value, dict):
        return {}
    return {name: part for name, part in value.items() if name not in FORMS or _fits(part, FORMS[name])}


def numbers_in(value: Any) -> dict[str, float]:
    """The numbers of an object."""
    if not isinstance(value, dict):
        return {}
    return {name: number for name, number in value.items() if _is_number(number)}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _fits(value: Any, form: Any) -> bool:
    try:
        msgspec.convert(value, form)
    except msgspec.ValidationError:
        return False
    return True
