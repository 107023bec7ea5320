"""The built-in trainer that predicts a number from the numbers of a table.

Features are the columns of numbers beside the target: of a cleaned version those that its preprocessor makes, of
another all. What turns records into them is stored beside the model (`served_numbers`). Their means and deviations over
the rows trained on are part of the model, which says the target in the unit that the version has it in. Parameters:
`workers.contracts.trainers.TABULAR_REGRESSOR`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import nn

from workers.contracts.exit_codes import PREEMPTED
from workers.contracts.trainers import TABULAR_REGRESSOR, parameters_checked
from workers.runtime.context import JobContext, job_context
from workers.runtime.training.evaluation_numbers import evaluate_numbers
from workers.runtime.training.export import export_onnx, onnx_scores
from workers.runtime.training.loop import DEVICE, Loop, Parameters, Plan, Preempted, begin
from workers.runtime.training.served_numbers import Document, served_numbers
from workers.runtime.training.table_parts import columns_of, read_parts

ONNX_TOLERANCE = 1e-4
"""Of the target's deviation."""
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Rows of one part: features (rows, columns) and the target."""

    features: Floats
    target: Floats


@dataclass(frozen=True, slots=True)
class Data:
    """What a run trains on, watches, and is measured by."""

    rest: Numbers
    validation: Numbers
    test: Numbers
    preprocessor: Document
    """Records to features; see `served_numbers`."""


class Network(nn.Module):
    """Rows scaled by what was learned of their spread; layers; the target, scaled back."""

    shift: torch.Tensor
    scale: torch.Tensor
    target_shift: torch.Tensor
    target_scale: torch.Tensor

    def __init__(self, rest: Numbers, *, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.register_buffer("shift", torch.from_numpy(rest.features.mean(axis=0)))
        self.register_buffer("scale", torch.from_numpy(_spread(rest.features.std(axis=0))))
        self.register_buffer("target_shift", torch.tensor(float(rest.target.mean())))
        self.register_buffer("target_scale", torch.tensor(float(_spread(rest.target.std()[None])[0])))
        parts: list[nn.Module] = []
        width = rest.features.shape[1]
        for _ in range(layers):
            parts += [nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout)]
            width = hidden
        self.layers = nn.Sequential(*parts, nn.Linear(width, 1))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.layers((features - self.shift) / self.scale).squeeze(1)
        return found * self.target_scale + self.target_shift


class Regression:
    """Learn the target."""

    goal, higher_is_better = "validation/rmse", False

    def __init__(self, model: Network, data: Data) -> None:
        self.model: nn.Module = model
        self._data, self._scale = data, float(model.target_scale)
        self._features = torch.from_numpy(data.rest.features).to(DEVICE)
        self._target = torch.from_numpy(data.rest.target).to(DEVICE)

    def __len__(self) -> int:
        return len(self._data.rest.target)

    def loss(self, model: nn.Module, rows: torch.Tensor) -> torch.Tensor:
        distance = (model(self._features[rows]).float() - self._target[rows]) / self._scale
        return torch.mean(distance**2)

    def watch(self) -> dict[str, float]:
        measured = evaluate_numbers(self._data.validation.target, predict(self.model, self._data.validation.features))
        found = measured["regression"]
        r2 = {} if found["r2"] is None else {"validation/r2": found["r2"]}
        return {"validation/rmse": found["rmse"], "validation/mae": found["mae"], **r2}


def main() -> int:
    return run(job_context())


def run(ctx: JobContext) -> int:
    """Train, evaluate and store, or leave when told to; the status to end with."""
    parameters = parameters_checked(TABULAR_REGRESSOR, ctx.parameters)
    with begin(ctx, parameters) as team:
        data = load_data(ctx, parameters)
        model = Network(
            data.rest,
            hidden=int(parameters["hidden"]),
            layers=int(parameters["layers"]),
            dropout=float(parameters["dropout"]),
        ).to(DEVICE)
        try:
            Loop(ctx, Regression(model, data), Plan.of(parameters), team).run()
        except Preempted:
            print(f"told to leave ({ctx.stop_reason}): the next attempt continues from the last checkpoint")
            return PREEMPTED
        if team.is_main:
            finish(ctx, model, data)
    return 0


def load_data(ctx: JobContext, parameters: Parameters) -> Data:
    """The parts of the input.

    Raises:
        ValueError: there is no such target, or no column of numbers beside it, or a part has no rows.
    """
    found, target = ctx.input("data"), str(parameters["target"])
    preprocessor = served_numbers(found.path / "preprocessor.json", columns_of(found.files), target)
    features = tuple(preprocessor["outputs"])
    parts = read_parts(
        found.files,
        (*features, target),
        validation_ratio=float(parameters["validation_ratio"]),
        test_ratio=float(parameters["test_ratio"]),
        seed=int(parameters["seed"]),
    )
    print(f"{parts.said()}; {len(features)} features; on {DEVICE}")
    rest, validation, test = (_numbers(part, features, target) for part in (parts.train, parts.validation, parts.test))
    return Data(rest, validation, test, preprocessor)


@torch.no_grad()
def predict(model: nn.Module, features: Floats) -> Floats:
    """One number per row."""
    model.eval()
    found: Floats = model(torch.from_numpy(features).to(DEVICE)).float().cpu().numpy()
    return found


def finish(ctx: JobContext, model: Network, data: Data) -> None:
    """Evaluate on the held-out rows, store the model and what it takes, and report.

    Raises:
        ValueError: the exported model does not compute what the trained one does.
    """
    predicted = predict(model, data.test.features)
    evaluation = evaluate_numbers(data.test.target, predicted)
    measured = evaluation["regression"]
    print(f"held-out RMSE {measured['rmse']:.6g}, mean error {measured['mae']:.6g}")
    path, description = Path("model.onnx"), Path("preprocessor.json")
    features: list[str] = data.preprocessor["outputs"]
    export_onnx(model, path, n_features=len(features))
    difference = float(np.abs(onnx_scores(path, data.test.features) - predicted).max())
    if difference > ONNX_TOLERANCE * float(model.target_scale):
        raise ValueError(f"the exported model differs from the trained one by up to {difference}")
    description.write_text(json.dumps(data.preprocessor, ensure_ascii=False), encoding="utf-8")
    target: str = data.preprocessor["target"]["column"]
    described = {"onnx_difference": difference, "features": features, "target": target}
    ctx.log_artifact("model", path, kind="model", metadata=described)
    ctx.log_artifact("preprocessor", description, kind="preprocessor")
    metrics = {f"test_{name}": measured[name] for name in ("r2", "mae", "rmse") if measured[name] is not None}
    ctx.report({"metrics": metrics, "evaluation": evaluation, "model": {"artifact": "model"}})


def _numbers(part: pa.Table, features: tuple[str, ...], target: str) -> Numbers:
    columns = [_floats(part, name) for name in (*features, target)]
    return Numbers(np.stack(columns[:-1], axis=1), columns[-1])


def _floats(part: pa.Table, name: str) -> Floats:
    values: Floats = part.column(name).cast(pa.float64()).to_numpy().astype(np.float32)
    if not np.isfinite(values).all():
        raise ValueError(f"column {name} has values that are not finite: clean them in a recipe")
    return values


def _spread(deviations: Floats) -> Floats:
    """What is the same in all rows is not scaled."""
    found: Floats = np.where(deviations > 0, deviations, 1).astype(np.float32)
    return found
