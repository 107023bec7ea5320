"""The built-in trainer for tables: a small network that scores rows of a cleaned dataset version from 0 to 1.

It trains on the split `train`, watches a part of it, and is evaluated on the split `test`. Where the recipe balances
classes by weights (`__weight`), a row counts in the loss that is minimised as often as its weight says; what is watched
and evaluated are the rows as they are met. Parameters: `workers.contracts.trainers.TABULAR_CLASSIFIER`. Run by
`python train.py` with a script that calls `main`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from workers.contracts.exit_codes import PREEMPTED
from workers.contracts.trainers import TABULAR_CLASSIFIER, parameters_checked
from workers.runtime.context import JobContext, job_context
from workers.runtime.training.data import Split, has_split, load_split, split_off
from workers.runtime.training.evaluation import evaluate, roc_auc
from workers.runtime.training.export import export_onnx, onnx_scores
from workers.runtime.training.loop import DEVICE, Loop, Parameters, Plan, Preempted, begin

ONNX_TOLERANCE = 1e-5


class Network(nn.Module):
    """Linear, ReLU and dropout as often as there are layers; then one number per row, the logit."""

    def __init__(self, n_features: int, *, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        width = n_features
        for _ in range(layers):
            parts += [nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout)]
            width = hidden
        self.layers = nn.Sequential(*parts, nn.Linear(width, 1))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.layers(features).squeeze(1)
        return logits


class Scored(nn.Module):
    """A network as it is served: with a score from 0 to 1 per row."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.network(features))


@dataclass(frozen=True, slots=True)
class Data:
    """What a run trains on, watches, and is measured by."""

    rest: Split
    validation: Split
    test: Split
    preprocessor: Path
    classes: tuple[str, str]
    """Names of the labels 0 and 1."""


class Classification:
    """Learn the label of two classes."""

    goal, higher_is_better = "validation/auc", True

    def __init__(self, model: Network, rest: Split, validation: Split) -> None:
        self.model: nn.Module = model
        self._rest, self._validation = rest, validation
        self._features, self._labels = tensors(rest)
        self._weights = weights_of(rest)

    def __len__(self) -> int:
        return len(self._rest)

    def loss(self, model: nn.Module, rows: torch.Tensor) -> torch.Tensor:
        weight = None if self._weights is None else self._weights[rows]
        # Logits in full precision: the loss is exact in either.
        logits = model(self._features[rows]).float()
        return nn.functional.binary_cross_entropy_with_logits(logits, self._labels[rows], weight=weight)

    def watch(self) -> dict[str, float]:
        return {
            "train/auc": roc_auc(self._rest.labels, score(self.model, self._rest)),
            "validation/auc": roc_auc(self._validation.labels, score(self.model, self._validation)),
            "validation/loss": loss_of(self.model, self._validation),
        }


def main() -> int:
    return run(job_context())


def run(ctx: JobContext) -> int:
    """Train, evaluate and store, or leave when told to; the status to end with."""
    parameters = parameters_checked(TABULAR_CLASSIFIER, ctx.parameters)
    with begin(ctx, parameters) as team:
        data = load_data(ctx, parameters)
        model = network_of(data, parameters)
        weighted = "" if data.rest.weights is None else ", by their weights"
        print(
            f"{len(data.rest)} rows to train on{weighted}, {len(data.validation)} to watch, {len(data.test)} held out;"
            f" on {DEVICE}"
        )
        task = Classification(model.to(DEVICE), data.rest, data.validation)
        try:
            Loop(ctx, task, Plan.of(parameters), team).run()
        except Preempted:
            print(f"told to leave ({ctx.stop_reason}): the next attempt continues from the last checkpoint")
            return PREEMPTED
        if team.is_main:
            finish(ctx, model, data, threshold=float(parameters["threshold"]))
    return 0


def network_of(data: Data, parameters: Parameters) -> Network:
    """A new network for the data."""
    return Network(
        len(data.rest.names),
        hidden=int(parameters["hidden"]),
        layers=int(parameters["layers"]),
        dropout=float(parameters["dropout"]),
    )


def load_data(ctx: JobContext, parameters: Parameters) -> Data:
    """The splits of the input; of one that has no validation part the training rows are divided once more.

    Raises:
        ValueError: the dataset version has no preprocessor with a label of two classes, or a split is missing.
    """
    found = ctx.input("data")
    preprocessor = found.path / "preprocessor.json"
    if not preprocessor.exists():
        raise ValueError(
            "the dataset version has no preprocessor: clean it with a recipe that makes every feature a number"
        )
    description = json.loads(preprocessor.read_text(encoding="utf-8"))
    label = description.get("label")
    if not label or len(label.get("mapping") or {}) != 2:
        raise ValueError("the recipe encodes no label of two classes: add the step encode_label")
    names = {int(value): str(name) for name, value in label["mapping"].items()}
    features = description["outputs"]
    train_part = load_split(found.files, "train", label=label["column"], features=features)
    test_part = load_split(found.files, "test", label=label["column"], features=features)
    if has_split(found.files, "validation"):
        rest, validation = train_part, load_split(found.files, "validation", label=label["column"], features=features)
    else:
        rest, validation = split_off(train_part, float(parameters["validation_ratio"]), seed=int(parameters["seed"]))
    return Data(rest, validation, test_part, preprocessor, (names.get(0, "0"), names.get(1, "1")))


def tensors(split: Split) -> tuple[torch.Tensor, torch.Tensor]:
    """Features and labels on the device."""
    return torch.from_numpy(split.features).to(DEVICE), torch.from_numpy(split.labels).to(DEVICE)


def weights_of(split: Split) -> torch.Tensor | None:
    """What rows count, on the device, with the mean 1: the loss of a batch is as large as without weights, and an epoch
    moves the model as if each row were there so many times."""
    if split.weights is None:
        return None
    return torch.from_numpy(split.weights / split.weights.mean(dtype=np.float64).astype(np.float32)).to(DEVICE)


@torch.no_grad()
def score(model: nn.Module, split: Split) -> npt.NDArray[np.float32]:
    """One score per row."""
    model.eval()
    scores: npt.NDArray[np.float32] = torch.sigmoid(model(tensors(split)[0])).float().cpu().numpy()
    return scores


@torch.no_grad()
def loss_of(model: nn.Module, split: Split) -> float:
    """Mean loss of the rows."""
    model.eval()
    features, labels = tensors(split)
    return float(nn.functional.binary_cross_entropy_with_logits(model(features).float(), labels))


def finish(ctx: JobContext, model: Network, data: Data, *, threshold: float) -> None:
    """Evaluate on the held-out rows, store the model and its preprocessor, and report.

    Raises:
        ValueError: the exported model does not compute the scores of the trained one.
    """
    scores = score(model, data.test)
    evaluation = evaluate(data.test.labels, scores, threshold=threshold, classes=data.classes)
    validation_auc = roc_auc(data.validation.labels, score(model, data.validation))
    print(f"held-out AUC {evaluation['auc']:.4f}, accuracy {evaluation['accuracy']:.4f}")
    path = Path("model.onnx")
    export_onnx(Scored(model), path, n_features=len(data.test.names))
    difference = float(np.abs(onnx_scores(path, data.test.features) - scores).max())
    if difference > ONNX_TOLERANCE:
        raise ValueError(f"the exported model differs from the trained one by up to {difference}")
    described: dict[str, Any] = {"onnx_difference": difference, "features": list(data.test.names)}
    ctx.log_artifact("model", path, kind="model", metadata=described)
    ctx.log_artifact("preprocessor", data.preprocessor, kind="preprocessor")
    metrics = {
        "validation_auc": validation_auc,
        "test_auc": evaluation["auc"],
        "test_accuracy": evaluation["accuracy"],
        "test_log_loss": evaluation["log_loss"],
    }
    ctx.report({"metrics": metrics, "evaluation": dict(evaluation), "model": {"artifact": "model"}})
