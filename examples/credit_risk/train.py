"""Train the risk model: a small network that scores a loan application from 0 (good) to 1 (bad).

Bedplate runs this file as `python train.py`; beside it, by hand, it reads `./bedplate-local/data/` instead.
Parameters (all optional): seed, epochs, batch_size, learning_rate, hidden, validation_ratio, threshold.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from workers.contracts.exit_codes import PREEMPTED
from workers.runtime.context import JobContext, job_context
from workers.runtime.training.checkpoints import Position, load_state, save_state, seed_everything
from workers.runtime.training.data import Split, load_split, split_off
from workers.runtime.training.evaluation import evaluate, roc_auc
from workers.runtime.training.export import export_onnx, onnx_scores

DEFAULTS: dict[str, Any] = {
    "seed": 0,
    "epochs": 15,
    "batch_size": 64,
    "learning_rate": 1e-3,
    "hidden": 256,
    "validation_ratio": 0.1,  # of the training part, for the curves; epochs and batch size were chosen on such parts
    "threshold": 0.5,
}
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
ONNX_TOLERANCE = 1e-5


class RiskModel(nn.Module):
    """Linear → 256, ReLU, Linear → 1, sigmoid."""

    def __init__(self, n_features: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_features, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        return self.layers(features).squeeze(1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.logits(features))


class Preempted(Exception):
    """The job was told to leave; its last checkpoint is stored."""


def main() -> int:
    ctx = job_context()
    parameters = DEFAULTS | ctx.parameters
    if parameters.keys() != DEFAULTS.keys():
        raise ValueError(f"unknown parameters {parameters.keys() - DEFAULTS.keys()}; there are {', '.join(DEFAULTS)}")
    seed_everything(int(parameters["seed"]))
    rest, validation, test, preprocessor = load_data(ctx, parameters)
    model = RiskModel(len(rest.names), int(parameters["hidden"])).to(DEVICE)
    print(f"{len(rest)} rows to train on, {len(validation)} to watch, {len(test)} held out; on {DEVICE}")
    try:
        train(ctx, model, rest, validation, parameters)
    except Preempted:
        print(f"told to leave ({ctx.stop_reason}): the next attempt continues from the last checkpoint")
        return PREEMPTED
    scores = score(model, test)
    mapping: dict[str, int] = json.loads(preprocessor.read_text(encoding="utf-8"))["label"]["mapping"]
    good, bad = sorted(mapping, key=mapping.__getitem__)
    evaluation = evaluate(test.labels, scores, threshold=float(parameters["threshold"]), classes=(good, bad))
    print(f"held-out AUC {evaluation['auc']:.4f}, accuracy {evaluation['accuracy']:.4f}")
    store_model(ctx, model, preprocessor, test, scores)
    metrics = {"validation_auc": roc_auc(validation.labels, score(model, validation)), "test_auc": evaluation["auc"]}
    ctx.report({"metrics": metrics, "evaluation": dict(evaluation), "model": {"artifact": "model"}})
    return 0


def load_data(ctx: JobContext, parameters: dict[str, Any]) -> tuple[Split, Split, Split, Path]:
    """The training part without its validation part, the validation part, the held-out part, the preprocessor."""
    data = ctx.input("data")
    preprocessor = data.path / "preprocessor.json"
    description = json.loads(preprocessor.read_text(encoding="utf-8"))
    label, features = description["label"]["column"], description["outputs"]
    train_part = load_split(data.files, "train", label=label, features=features)
    test_part = load_split(data.files, "test", label=label, features=features)
    ratio, seed = float(parameters["validation_ratio"]), int(parameters["seed"])
    return *split_off(train_part, ratio, seed=seed), test_part, preprocessor


def train(ctx: JobContext, model: RiskModel, rest: Split, validation: Split, parameters: dict[str, Any]) -> None:
    """All epochs that are still to do, with a checkpoint after each. Raises Preempted."""
    optimiser = torch.optim.Adam(model.parameters(), lr=float(parameters["learning_rate"]))
    at = Position(0, 0)
    checkpoint = ctx.latest_checkpoint()
    if checkpoint is not None:
        at = load_state(checkpoint.path, model=model, optimiser=optimiser, device=DEVICE)
        print(f"continuing after epoch {at.epoch} (step {at.step})")
    while at.epoch < int(parameters["epochs"]):
        at = train_epoch(ctx, model, optimiser, rest, at, int(parameters["batch_size"]))
        epoch, step = at.epoch, at.step
        metrics = {
            "epoch": epoch,
            "train/auc": roc_auc(rest.labels, score(model, rest)),
            "validation/auc": roc_auc(validation.labels, score(model, validation)),
        }
        ctx.log_metrics(metrics, step=step)
        keep(ctx, model, optimiser, at, metrics)
        print(f"epoch {epoch}: AUC {metrics['train/auc']:.4f} train, {metrics['validation/auc']:.4f} validation")


def keep(
    ctx: JobContext, model: RiskModel, optimiser: torch.optim.Optimizer, at: Position, metadata: dict[str, Any]
) -> None:
    """Store a checkpoint from which the next attempt goes on as if there had been no break."""
    path = Path(f"step-{at.step}.pt")
    save_state(path, model=model, optimiser=optimiser, epoch=at.epoch, step=at.step, left=at.left)
    ctx.save_checkpoint(path, step=at.step, metadata=metadata)
    path.unlink()


def train_epoch(
    ctx: JobContext, model: RiskModel, optimiser: torch.optim.Optimizer, rest: Split, at: Position, batch_size: int
) -> Position:
    """One pass over the rows in a new random order, or the rest of one that was left in its midst. Raises Preempted."""
    model.train()
    features, labels = torch.from_numpy(rest.features).to(DEVICE), torch.from_numpy(rest.labels).to(DEVICE)
    order = (torch.randperm(len(rest)) if at.left is None else at.left).to(DEVICE)
    step = at.step
    for rows in order.split(batch_size):
        if ctx.should_stop:  # told to leave: store what is done, then end with status 83
            if step > at.step:
                now = Position(at.epoch, step, order[(step - at.step) * batch_size :].cpu())
                keep(ctx, model, optimiser, now, {"epoch": at.epoch})
            raise Preempted
        # Half precision only where the device has it; the loss takes logits, which is exact in either.
        with torch.autocast(DEVICE.type, dtype=torch.bfloat16, enabled=DEVICE.type == "cuda"):
            logits = model.logits(features[rows])
        loss = nn.functional.binary_cross_entropy_with_logits(logits.float(), labels[rows])
        step += 1
        value = loss.item()
        if not np.isfinite(value):
            raise FloatingPointError(f"the loss is {value} at step {step}: lower the learning rate, look at the data")
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        ctx.log_metrics({"train/loss": value}, step=step)
    return Position(at.epoch + 1, step)


@torch.no_grad()
def score(model: RiskModel, split: Split) -> np.ndarray:
    model.eval()
    return model(torch.from_numpy(split.features).to(DEVICE)).float().cpu().numpy()


def store_model(ctx: JobContext, model: RiskModel, preprocessor: Path, test: Split, scores: np.ndarray) -> None:
    """Export the model, check that serving will compute the same scores, and store it with its preprocessor."""
    path = Path("model.onnx")
    export_onnx(model, path, n_features=len(test.names))
    difference = float(np.abs(onnx_scores(path, test.features) - scores).max())
    if difference > ONNX_TOLERANCE:
        raise ValueError(f"the exported model differs from the trained one by up to {difference}")
    ctx.log_artifact(
        "model", path, kind="model", metadata={"onnx_difference": difference, "features": list(test.names)}
    )
    ctx.log_artifact("preprocessor", preprocessor, kind="preprocessor")


if __name__ == "__main__":
    sys.exit(main())
