"""What the trainers of text and images share: labels of any number of classes, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as compute
import torch
from torch import nn

from workers.contracts.exit_codes import PREEMPTED
from workers.runtime.context import JobContext
from workers.runtime.training.evaluation_classes import evaluate_classes, metrics_of
from workers.runtime.training.loop import DEVICE, Loop, Plan, Preempted, begin
from workers.runtime.training.tensor_file import load_tensors, save_tensors

SCORED_AT_ONCE = 256
CLASSES_MOST = 10_000
TOLERANCE = 1e-5
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rows:
    """Of one part: what the model takes, a row each, and the place of each row's class."""

    inputs: torch.Tensor
    labels: Labels


def classes_of(column: pa.ChunkedArray) -> tuple[str, ...]:
    """The different labels of the rows trained on, by name.

    Raises:
        ValueError: fewer than two, or so many that they are no classes.
    """
    found = sorted({str(value) for value in compute.unique(column).to_pylist()})
    if not 2 <= len(found) <= CLASSES_MOST:
        raise ValueError(f"the rows to train on have {len(found)} different labels; there are 2 to {CLASSES_MOST}")
    return tuple(found)


def labels_of(column: pa.ChunkedArray, classes: Sequence[str]) -> Labels:
    """The place of each row's label. Raises ValueError for a label that no row trained on has."""
    places = {name: place for place, name in enumerate(classes)}
    values = [str(value) for value in column.to_pylist()]
    strange = sorted(set(values) - places.keys())
    if strange:
        raise ValueError(f"no row to train on has the label {strange[0]!r}: divide the dataset by labels")
    return np.array([places[value] for value in values], dtype=np.int64)


class Classification:
    """Learn which class a row is of."""

    goal, higher_is_better = "validation/loss", False

    def __init__(self, model: nn.Module, rest: Rows, validation: Rows) -> None:
        self.model = model
        self._inputs, self._labels = rest.inputs, torch.from_numpy(rest.labels)
        self._validation = validation

    def __len__(self) -> int:
        return len(self._labels)

    def loss(self, model: nn.Module, rows: torch.Tensor) -> torch.Tensor:
        here = rows.cpu()
        logits = model(self._inputs[here].to(DEVICE)).float()
        return nn.functional.cross_entropy(logits, self._labels[here].to(DEVICE))

    def watch(self) -> dict[str, float]:
        chances, truth = chances_of(self.model, self._validation.inputs), self._validation.labels
        own = np.clip(chances[np.arange(len(truth)), truth].astype(np.float64), 1e-15, 1)
        return {
            "validation/loss": float(-np.log(own).mean()),
            "validation/accuracy": float((chances.argmax(axis=1) == truth).mean()),
        }


@torch.no_grad()
def chances_of(model: nn.Module, inputs: torch.Tensor) -> npt.NDArray[np.float32]:
    """Shape (rows, classes): how likely each class is."""
    model.eval()
    parts = [torch.softmax(model(part.to(DEVICE)).float(), dim=1).cpu() for part in torch.split(inputs, SCORED_AT_ONCE)]
    found: npt.NDArray[np.float32] = torch.cat(parts).numpy()
    return found


def train(
    ctx: JobContext,
    parameters: Mapping[str, Any],
    load_data: Callable[[JobContext, Any], tuple[list[Rows], dict[str, Any]]],
    network_of: Callable[[Mapping[str, Any]], nn.Module],
) -> int:
    """Train, evaluate and store, or leave when told to; the status to end with.

    Args:
        load_data: rows to train on, to watch and to be measured by, and the description of a model for them.
        network_of: a new network as a description has it.
    """
    with begin(ctx, parameters) as team:
        parts, description = load_data(ctx, parameters)
        model = network_of(description).to(DEVICE)
        return learn(
            ctx,
            Classification(model, parts[0], parts[1]),
            Plan.of(parameters),
            team,
            lambda: finish(ctx, model, parts[2], lambda: network_of(description), description),
        )


def learn(ctx: JobContext, task: Classification, plan: Plan, team: Any, end: Callable[[], None]) -> int:
    """Train, then `end` on the main member; the status to leave with."""
    try:
        Loop(ctx, task, plan, team).run()
    except Preempted:
        print(f"told to leave ({ctx.stop_reason}): the next attempt continues from the last checkpoint")
        return PREEMPTED
    if team.is_main:
        end()
    return 0


def finish(
    ctx: JobContext, model: nn.Module, test: Rows, rebuilt: Callable[[], nn.Module], description: dict[str, Any]
) -> None:
    """Evaluate on the held-out rows, store the weights and what they are of, and report.

    Args:
        rebuilt: makes a new model from `description` alone.
        description: `format`, `classes`, and what the inputs are made by.

    Raises:
        ValueError: the stored model does not say what the trained one does.
    """
    chances = chances_of(model, test.inputs)
    evaluation = evaluate_classes(test.labels, chances, description["classes"])
    print(f"held-out accuracy {evaluation['accuracy']:.4f}, log loss {evaluation['log_loss']:.4f}")
    weights, beside = Path("model.safetensors"), Path(f"{description['format'].rpartition('/')[0]}.json")
    save_tensors(weights, model.state_dict(), {"bedplate": description["format"]})
    beside.write_text(json.dumps(description, ensure_ascii=False), encoding="utf-8")
    again = load_weights(rebuilt(), weights)
    if not np.allclose(chances_of(again, test.inputs), chances, atol=TOLERANCE):
        raise ValueError("the stored model does not say what the trained one does")
    ctx.log_artifact("model", weights, kind="model", metadata={"format": description["format"]})
    ctx.log_artifact("preprocessor", beside, kind="preprocessor")
    ctx.report({"metrics": metrics_of(evaluation), "evaluation": evaluation, "model": {"artifact": "model"}})


def signature(form: str, column: str, kind: str, label: str, classes: Sequence[str]) -> dict[str, Any]:
    """What a description begins with: its format, the column that the model takes, and the classes of its label.

    Named as in the preprocessor of a table, so that who reads what a model takes reads both.
    """
    mapping = {name: place for place, name in enumerate(classes)}
    taken = {"inputs": [{"name": column, "type": kind}], "steps": []}
    return {"format": form, "classes": list(classes), **taken, "label": {"column": label, "mapping": mapping}}


def load_weights(model: nn.Module, path: Path) -> nn.Module:
    """The model with the weights of a file, on the device. Raises ValueError or RuntimeError: they are not its."""
    model.load_state_dict(load_tensors(path))
    return model.to(DEVICE)
