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
from workers.runtime.training.checkpoints import Position, load_state, save_state, seed_everything
from workers.runtime.training.data import Split, has_split, load_split, split_off
from workers.runtime.training.evaluation import evaluate, roc_auc
from workers.runtime.training.export import export_onnx, onnx_scores

ONNX_TOLERANCE = 1e-5
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
Parameters = dict[str, int | float]


class Network(nn.Module):
    """Linear, ReLU and dropout as often as there are layers; then one score, through a sigmoid."""

    def __init__(self, n_features: int, *, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        width = n_features
        for _ in range(layers):
            parts += [nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout)]
            width = hidden
        self.layers = nn.Sequential(*parts, nn.Linear(width, 1))

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.layers(features).squeeze(1)
        return logits

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.logits(features))


class Preempted(Exception):
    """The job was told to leave; what it has done so far is in a checkpoint."""


@dataclass(frozen=True, slots=True)
class Data:
    """What a run trains on, watches, and is measured by."""

    rest: Split
    validation: Split
    test: Split
    preprocessor: Path
    classes: tuple[str, str]
    """Names of the labels 0 and 1."""


def main() -> int:
    ctx = job_context()
    parameters = parameters_checked(TABULAR_CLASSIFIER, ctx.parameters)
    seed_everything(int(parameters["seed"]))
    data = load_data(ctx, parameters)
    model = Network(
        len(data.rest.names),
        hidden=int(parameters["hidden"]),
        layers=int(parameters["layers"]),
        dropout=float(parameters["dropout"]),
    ).to(DEVICE)
    weighted = "" if data.rest.weights is None else ", by their weights"
    print(
        f"{len(data.rest)} rows to train on{weighted}, {len(data.validation)} to watch, {len(data.test)} held out;"
        f" on {DEVICE}"
    )
    try:
        train(ctx, model, data, parameters)
    except Preempted:
        print(f"told to leave ({ctx.stop_reason}): the next attempt continues from the last checkpoint")
        return PREEMPTED
    finish(ctx, model, data, threshold=float(parameters["threshold"]))
    return 0


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


def train(ctx: JobContext, model: Network, data: Data, parameters: Parameters) -> None:
    """All epochs that are still to do, with a checkpoint after each. Raises Preempted."""
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=float(parameters["learning_rate"]), weight_decay=float(parameters["weight_decay"])
    )
    at = Position(0, 0)
    checkpoint = ctx.latest_checkpoint()
    if checkpoint is not None:
        at = load_state(checkpoint.path, model=model, optimiser=optimiser, device=DEVICE)
        print(f"continuing after epoch {at.epoch} (step {at.step})")
    while at.epoch < parameters["epochs"]:
        at = train_epoch(ctx, model, optimiser, data.rest, at, int(parameters["batch_size"]))
        epoch, step = at.epoch, at.step
        metrics = {
            "epoch": epoch,
            "train/auc": roc_auc(data.rest.labels, score(model, data.rest)),
            "validation/auc": roc_auc(data.validation.labels, score(model, data.validation)),
            "validation/loss": loss_of(model, data.validation),
        }
        ctx.log_metrics(metrics, step=step)
        keep(ctx, model, optimiser, at, metrics)
        print(f"epoch {epoch}: AUC {metrics['train/auc']:.4f} train, {metrics['validation/auc']:.4f} validation")


def keep(
    ctx: JobContext, model: Network, optimiser: torch.optim.Optimizer, at: Position, metadata: dict[str, Any]
) -> None:
    """Store a checkpoint from which the next attempt goes on as if there had been no break."""
    path = Path(f"step-{at.step}.pt")
    save_state(path, model=model, optimiser=optimiser, epoch=at.epoch, step=at.step, left=at.left)
    ctx.save_checkpoint(path, step=at.step, metadata=metadata)
    path.unlink()


def train_epoch(
    ctx: JobContext, model: Network, optimiser: torch.optim.Optimizer, rest: Split, at: Position, batch_size: int
) -> Position:
    """One pass over the rows in a new random order, or the rest of one that was left in its midst.

    Raises:
        Preempted: told to leave; what is done of the epoch is stored.
    """
    model.train()
    features, labels = tensors(rest)
    weights = weights_of(rest)
    order = (torch.randperm(len(rest)) if at.left is None else at.left).to(DEVICE)
    step = at.step
    for rows in torch.split(order, batch_size):
        if ctx.should_stop:
            if step > at.step:  # else the checkpoint before is all there is
                now = Position(at.epoch, step, order[(step - at.step) * batch_size :].cpu())
                keep(ctx, model, optimiser, now, {"epoch": at.epoch})
            raise Preempted
        # Half precision only where the device has it; the loss takes logits, which is exact in either.
        with torch.autocast(DEVICE.type, dtype=torch.bfloat16, enabled=DEVICE.type == "cuda"):
            logits = model.logits(features[rows])
        weight = None if weights is None else weights[rows]
        loss = nn.functional.binary_cross_entropy_with_logits(logits.float(), labels[rows], weight=weight)
        step += 1
        value = loss.item()
        if not np.isfinite(value):
            raise FloatingPointError(f"the loss is {value} at step {step}: lower the learning rate, look at the data")
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # of the library
        optimiser.step()
        ctx.log_metrics({"train/loss": value}, step=step)
    return Position(at.epoch + 1, step)


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
def score(model: Network, split: Split) -> npt.NDArray[np.float32]:
    """One score per row."""
    model.eval()
    scores: npt.NDArray[np.float32] = model(tensors(split)[0]).float().cpu().numpy()
    return scores


@torch.no_grad()
def loss_of(model: Network, split: Split) -> float:
    """Mean loss of the rows."""
    model.eval()
    features, labels = tensors(split)
    return float(nn.functional.binary_cross_entropy_with_logits(model.logits(features).float(), labels))


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
    export_onnx(model, path, n_features=len(data.test.names))
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
