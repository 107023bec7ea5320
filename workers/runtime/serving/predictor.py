"""Raw records in, scores and labels or numbers out: the preprocessor that was fitted with the data, then the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import onnxruntime

from workers.runtime.preprocessor import Preprocessor


class Prediction(msgspec.Struct, frozen=True):
    score: float
    """Between 0 and 1: how sure the model is of the positive label."""
    label: str


class Estimate(msgspec.Struct, frozen=True):
    value: float
    """Of the target, in the unit that the version trained on has it in."""


class NoScore(Exception):
    """A record's values are numbers, but so large that the model has no score for it."""

    def __init__(self, index: int, detail: str) -> None:
        super().__init__(detail)
        self.index = index
        self.detail = detail


class Predictor:
    """Not safe for use from several threads at once; a prediction of 1,000 records takes milliseconds.

    Args:
        threshold: a score of at least this much has the label 1.

    Raises:
        ValueError: the model does not take what the preprocessor makes.
    """

    def __init__(self, model: Path, preprocessor: Preprocessor, *, threshold: float) -> None:
        options = onnxruntime.SessionOptions()
        # One thread: a replica has the cores it was granted, and more replicas are the way to more.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._preprocessor = preprocessor
        self._labels = _label_names(preprocessor.label)
        self._threshold = threshold
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            raise ValueError(f"the model takes {len(inputs)} inputs; a replica gives it one, the features")
        self._input, self._output = inputs[0].name, self._session.get_outputs()[0].name
        takes, width = inputs[0].shape[-1], len(preprocessor.outputs)
        if isinstance(takes, int) and takes != width:  # otherwise it takes any number
            raise ValueError(f"the model takes {takes} features and its preprocessor makes {width}")
        self._scores(np.zeros((1, width), dtype=np.float32))  # what is slow the first time is not left to a caller

    def predict(self, records: list[dict[str, Any]]) -> list[Prediction] | list[Estimate]:
        """One prediction per record, in order.

        Raises:
            RecordError: a value that the preprocessor cannot take.
            NoScore: a record that gets no number for a score.
        """
        scores = self._scores(self._preprocessor.transform(records))
        finite = np.isfinite(scores)
        if not finite.all():
            raise NoScore(int(np.argmin(finite)), "its values are too large to be scored")
        if self._preprocessor.target is not None:
            return [Estimate(value) for value in scores.tolist()]
        return [Prediction(score, self._labels[score >= self._threshold]) for score in scores.tolist()]

    def _scores(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Raises ValueError when the model does not give one score per row."""
        scores: npt.NDArray[np.float32] = self._session.run([self._output], {self._input: features})[0]
        if scores.size != len(features):
            raise ValueError(
                f"the model gives {scores.shape} for {len(features)} rows; a replica needs one score a row"
            )
        return scores.reshape(len(features))


def _label_names(label: dict[str, Any] | None) -> tuple[str, str]:
    """Names of the labels 0 and 1, as the recipe encoded them."""
    by_value = {int(value): str(name) for name, value in ((label or {}).get("mapping") or {}).items()}
    return by_value.get(0, "0"), by_value.get(1, "1")
