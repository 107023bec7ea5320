"""The whole state of a torch training loop in one file, so that a resumed run continues as if never stopped."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch


class Position(NamedTuple):
    """How far a training loop has come."""

    epoch: int
    """Epochs that are done."""
    step: int
    """Steps that are done."""
    left: torch.Tensor | None = None
    """Rows that an epoch which was left in its midst still has to go through, in their order."""


def save_state(
    path: str | Path,
    *,
    model: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    epoch: int,
    step: int,
    left: torch.Tensor | None = None,
    extra: dict[str, Any] | None = None,
) -> None:
    """Write model, optimiser, position, and the states of every random generator. `left`: see `Position`.

    Args:
        extra: tensors and plain values, which `load_extra` gives back.
    """
    torch.save(
        {
            "model": model.state_dict(),
            "optimiser": optimiser.state_dict(),
            "epoch": epoch,
            "step": step,
            "left": left,
            "random": _random_states(),
            "extra": extra or {},
        },
        path,
    )


def load_state(
    path: str | Path, *, model: torch.nn.Module, optimiser: torch.optim.Optimizer, device: torch.device
) -> Position:
    """Restore what `save_state` wrote.

    Only tensors and plain values are read: a checkpoint cannot run code.
    """
    state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    _restore_random_states(state["random"])
    return Position(int(state["epoch"]), int(state["step"]), state.get("left"))


def load_extra(path: str | Path, *, device: torch.device) -> dict[str, Any]:
    """What `save_state` was given beside the state."""
    return dict(torch.load(path, map_location=device, weights_only=True).get("extra") or {})


def seed_everything(seed: int) -> None:
    """Seed Python, numpy and torch on every device."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def _random_states() -> dict[str, Any]:
    kind, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    return {
        "python": random.getstate(),
        "numpy": (kind, [int(key) for key in keys], position, has_gauss, cached),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def _restore_random_states(states: dict[str, Any]) -> None:
    random.setstate(states["python"])
    kind, keys, position, has_gauss, cached = states["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), position, has_gauss, cached))
    torch.set_rng_state(states["torch"].cpu())
    if torch.cuda.is_available() and len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all([state.cpu() for state in states["cuda"]])
