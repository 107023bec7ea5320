"""The members of a job as one team of torch processes; alone, everything here does nothing.

    team = Distributed(rank=ctx.rank, world_size=ctx.world_size)
    team.start()
    model = team.wrapped(model)
    ...
    team.stop()

Where the members meet is in the environment that every member finds (`MASTER_ADDR`, `MASTER_PORT`, `RANK`,
`WORLD_SIZE`, `LOCAL_RANK`). torch is loaded when a team of several starts, and not before.
"""

from __future__ import annotations

import datetime
import importlib
from typing import Any, Self

JOIN_SECONDS = 600.0


class Distributed:
    """One member of the team.

    Args:
        rank: of this member, from 0.
        world_size: how many there are.
    """

    def __init__(self, *, rank: int = 0, world_size: int = 1) -> None:
        self.rank, self.world_size = rank, world_size
        self._torch: Any = None

    @property
    def is_main(self) -> bool:
        """The member that speaks for all: it alone logs parameters and artifacts."""
        return self.rank == 0

    @property
    def is_team(self) -> bool:
        """There are others."""
        return self.world_size > 1

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, backend: str = "") -> None:
        """Meet the others. Blocks until all are there, `JOIN_SECONDS` at most.

        Args:
            backend: of torch; by default `nccl` where this member has a GPU, else `gloo`.

        Raises:
            RuntimeError: somebody did not come.
        """
        if not self.is_team or self._torch is not None:
            return
        torch: Any = importlib.import_module("torch")
        importlib.import_module("torch.distributed")
        chosen = backend or ("nccl" if torch.cuda.is_available() else "gloo")
        torch.distributed.init_process_group(
            chosen,
            rank=self.rank,
            world_size=self.world_size,
            timeout=datetime.timedelta(seconds=JOIN_SECONDS),
        )
        self._torch = torch

    def stop(self) -> None:
        """Leave the team. Twice does nothing more."""
        if self._torch is not None:
            self._torch.distributed.destroy_process_group()
            self._torch = None

    def barrier(self) -> None:
        """Wait for all others to come here too."""
        if self._torch is not None:
            self._torch.distributed.barrier()

    def wrapped(self, model: Any) -> Any:
        """The model, with gradients that are the mean over all members; itself where there is one."""
        if self._torch is None:
            return model
        return self._torch.nn.parallel.DistributedDataParallel(model)

    def most(self, value: float) -> float:
        """The greatest of the members' values. All must ask."""
        return self._reduced(value, "MAX")

    def total(self, value: float) -> float:
        """The sum of the members' values. All must ask."""
        return self._reduced(value, "SUM")

    def from_main(self, value: float) -> float:
        """The value of member 0. All must ask."""
        if self._torch is None:
            return value
        tensor = self._tensor(value)
        self._torch.distributed.broadcast(tensor, src=0)
        return float(tensor.item())

    def share(self, rows: Any) -> Any:
        """This member's part of the rows of a step: every `world_size`-th, and those of all members make the whole."""
        return rows[self.rank :: self.world_size]

    def _reduced(self, value: float, how: str) -> float:
        if self._torch is None:
            return value
        tensor = self._tensor(value)
        self._torch.distributed.all_reduce(tensor, op=getattr(self._torch.distributed.ReduceOp, how))
        return float(tensor.item())

    def _tensor(self, value: float) -> Any:
        torch = self._torch
        device = "cuda" if torch.distributed.get_backend() == "nccl" else "cpu"
        return torch.tensor(value, dtype=torch.float64, device=device)
