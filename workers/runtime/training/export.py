"""A torch model as one ONNX file, and the file run again to prove that it says the same."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch

INPUT = "features"
OUTPUT = "score"


def export_onnx(model: torch.nn.Module, path: str | Path, *, n_features: int) -> None:
    """Write `model` (rows, n_features) → (rows,) as ONNX: input `features`, output `score`, any number of rows.

    The model is moved to the CPU and put into evaluation mode.
    """
    model = model.cpu().eval()
    with warnings.catch_warnings():
        # The exporter that needs no tracing of Python bytecode is marked deprecated; for models of this kind it
        # gives one small file in a fraction of a second, where its successor takes seconds.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            model,
            (torch.zeros(2, n_features),),
            str(path),
            dynamo=False,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: {0: "batch"}, OUTPUT: {0: "batch"}},
        )


def onnx_scores(path: str | Path, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Scores of an exported model, computed by ONNX Runtime as serving computes them: one thread, on the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (scores,) = session.run([OUTPUT], {INPUT: features})
    return np.asarray(scores, dtype=np.float32)
