"""Mixed precision: half where the device has it and it is wanted, whole elsewhere."""

from __future__ import annotations

from typing import Any

import torch

KINDS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Precision:
    """Of the steps of one loop.

    Args:
        wanted: `auto` (bfloat16 on a GPU that has it, float16 on another, float32 on a CPU), or one of `KINDS`.

    Raises:
        ValueError: the device has no such precision.
    """

    def __init__(self, wanted: str, device: torch.device) -> None:
        self._device = device
        self.dtype = self._best() if wanted == "auto" else KINDS[wanted]
        if self.dtype is torch.float16 and device.type != "cuda":
            raise ValueError("precision float16 needs a GPU; use bfloat16 or float32")
        # Gradients of half precision become 0 unless they are made larger for the way.
        self._scaler = torch.amp.GradScaler(device.type, enabled=self.dtype is torch.float16)

    def autocast(self) -> Any:
        """Compute within it."""
        return torch.autocast(self._device.type, dtype=self.dtype or torch.bfloat16, enabled=self.dtype is not None)

    def step(self, loss: torch.Tensor, optimiser: torch.optim.Optimizer) -> None:
        """Take one step against the loss."""
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]  # of the library
        self._scaler.step(optimiser)
        self._scaler.update()

    def state(self) -> dict[str, Any]:
        return dict(self._scaler.state_dict())

    def load(self, state: dict[str, Any]) -> None:
        """What `state` gave, of a loop of the same precision; of another it says nothing."""
        if state and self._scaler.is_enabled():
            self._scaler.load_state_dict(state)

    def _best(self) -> torch.dtype | None:
        if self._device.type != "cuda":
            return None
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
