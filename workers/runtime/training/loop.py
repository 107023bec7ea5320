"""The loop of the built-in trainers: epochs in batches, on one member or many, that can be left and gone on with.

Every step takes `batch_size` rows, of all members together. After an epoch the rows that are watched are scored, a
checkpoint is stored, and the loop may end early. A loop that is told to leave stores where it is, and the next attempt,
of as many members as it gets, goes on from there; alone it does so as if there had been no break.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import torch
from torch import nn

from workers.runtime.context import JobContext
from workers.runtime.distributed import Distributed
from workers.runtime.training.checkpoints import Position, load_extra, load_state, save_state, seed_everything
from workers.runtime.training.precision import Precision

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
Parameters = Mapping[str, int | float | str]


class Preempted(Exception):
    """The job was told to leave; what it has done so far is in a checkpoint."""


class Task(Protocol):
    """What is learned."""

    model: nn.Module
    goal: str
    """The metric of `watch` that ending early goes by."""
    higher_is_better: bool

    def __len__(self) -> int:
        """Rows to train on."""

    def loss(self, model: nn.Module, rows: torch.Tensor) -> torch.Tensor:
        """Mean loss of these rows by `model`, which is `self.model`, or it with the other members behind it."""

    def watch(self) -> dict[str, float]:
        """What is measured after an epoch."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How the loop goes."""

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    patience: int
    """Epochs without a better value of the goal after which it ends, with the best weights; 0: it does not."""
    precision: str
    seed: int

    @classmethod
    def of(cls, parameters: Parameters) -> Self:
        """As the parameters of a trainer have it."""
        return cls(
            epochs=int(parameters["epochs"]),
            batch_size=int(parameters["batch_size"]),
            learning_rate=float(parameters["learning_rate"]),
            weight_decay=float(parameters["weight_decay"]),
            patience=int(parameters["patience"]),
            precision=str(parameters["precision"]),
            seed=int(parameters["seed"]),
        )


class Loop:
    """One attempt at a task.

    Raises:
        ValueError: the device has no such precision.
    """

    def __init__(self, ctx: JobContext, task: Task, plan: Plan, team: Distributed | None = None) -> None:
        self._ctx, self._task, self._plan = ctx, task, plan
        self._team = team or Distributed()
        self._precision = Precision(plan.precision, DEVICE)
        task.model.to(DEVICE)
        self._optimiser = torch.optim.AdamW(
            task.model.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay
        )
        self._best: dict[str, Any] = {"value": None, "epoch": 0, "model": None}

    def run(self) -> None:
        """All epochs that are still to do. With `patience`, the model has its best weights afterwards.

        Raises:
            Preempted: told to leave.
            FloatingPointError: the loss is no number.
        """
        at = self._resumed()
        model = self._team.wrapped(self._task.model)
        while at.epoch < self._plan.epochs and not self._is_enough(at.epoch):
            at = self._epoch(model, at)
            self._measure(at)
        if self._plan.patience and self._best["model"] is not None:
            self._task.model.load_state_dict(self._best["model"])

    # Below ------------------------------------------------------------------------------------------------------

    def _resumed(self) -> Position:
        checkpoint = self._ctx.latest_checkpoint()
        if checkpoint is None:
            if self._team.rank:  # what is random in a step differs between members
                torch.manual_seed(self._plan.seed + self._team.rank)
            return Position(0, 0)
        at = load_state(checkpoint.path, model=self._task.model, optimiser=self._optimiser, device=DEVICE)
        extra = load_extra(checkpoint.path, device=DEVICE)
        self._best = extra.get("best") or self._best
        self._precision.load(extra.get("precision") or {})
        if self._team.rank:
            torch.manual_seed(self._plan.seed + self._team.rank + at.step)
        print(f"continuing after epoch {at.epoch} (step {at.step})")
        return at

    def _epoch(self, model: nn.Module, at: Position) -> Position:
        """One pass over the rows in a new random order, or the rest of one that was left in its midst."""
        model.train()
        size, step = self._plan.batch_size, at.step
        order = self._order(at.epoch) if at.left is None else at.left.cpu()
        for rows in torch.split(order, size):
            if self._team.most(float(self._ctx.should_stop)):
                if step > at.step:  # else the checkpoint before is all there is
                    left = order[(step - at.step) * size :]
                    self._keep(Position(at.epoch, step, left), {"epoch": at.epoch})
                raise Preempted
            step += 1
            self._step(model, rows, step)
        return Position(at.epoch + 1, step)

    def _order(self, epoch: int) -> torch.Tensor:
        """The same for every member."""
        random = torch.Generator().manual_seed(self._plan.seed * 1_000_003 + epoch)
        return torch.randperm(len(self._task), generator=random)

    def _step(self, model: nn.Module, rows: torch.Tensor, step: int) -> None:
        own = self._team.share(rows)
        part = len(own) * self._team.world_size / len(rows)
        own = own if len(own) else rows[:1]  # every member takes part, if only with a row that does not count
        self._optimiser.zero_grad()
        with self._precision.autocast():
            loss = self._task.loss(model, own.to(DEVICE)) * part
        value = self._team.total(loss.item()) / self._team.world_size
        if not math.isfinite(value):
            raise FloatingPointError(f"the loss is {value} at step {step}: lower the learning rate, look at the data")
        self._precision.step(loss, self._optimiser)
        if self._team.is_main:
            self._ctx.log_metrics({"train/loss": value}, step=step)

    def _measure(self, at: Position) -> None:
        """Score what is watched, note whether it is better than before, and store where the loop is."""
        values = self._task.watch() if self._team.is_main else {}
        value = self._team.from_main(values.get(self._task.goal, math.nan))
        if self._is_better(value):
            weights = copy.deepcopy(self._task.model.state_dict()) if self._plan.patience else None
            self._best = {"value": value, "epoch": at.epoch, "model": weights}
        if self._team.is_main:
            metrics = {"epoch": float(at.epoch), **values}
            self._ctx.log_metrics(metrics, step=at.step)
            said = ", ".join(f"{name} {value:.4f}" for name, value in values.items())
            print(f"epoch {at.epoch}: {said}")
            self._keep(at, {**metrics, "epoch": at.epoch})
        self._team.barrier()

    def _is_better(self, value: float) -> bool:
        best = self._best["value"]
        if best is None or math.isnan(value):
            return best is None
        return bool(value > best if self._task.higher_is_better else value < best)

    def _is_enough(self, epoch: int) -> bool:
        return 0 < self._plan.patience <= epoch - int(self._best["epoch"])

    def _keep(self, at: Position, metadata: dict[str, Any]) -> None:
        """Store a checkpoint from which the next attempt goes on."""
        if not self._team.is_main:
            return
        path = Path(f"step-{at.step}.pt")
        save_state(
            path,
            model=self._task.model,
            optimiser=self._optimiser,
            epoch=at.epoch,
            step=at.step,
            left=at.left,
            extra={"best": self._best, "precision": self._precision.state()},
        )
        self._ctx.save_checkpoint(path, step=at.step, metadata=metadata)
        path.unlink()


def begin(ctx: JobContext, parameters: Parameters) -> Distributed:
    """Seed everything, and meet the other members. Blocks until they are there."""
    seed_everything(int(parameters["seed"]))
    team = Distributed(rank=ctx.rank, world_size=ctx.world_size)
    team.start()
    return team
