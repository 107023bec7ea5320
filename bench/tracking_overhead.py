"""What logging every step costs a torch loop of 1 ms steps: `python -m bench.tracking_overhead URL-OF-SINK FOLDER`.

The same loop with and without `ctx.log_metrics` of four values, by turns; prints JSON: the median of what a step with
it takes, by one without, less 1, and the median time of a step without, in milliseconds.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from tests.support.runtime_api import RuntimeApi
from workers.contracts import environment as names
from workers.runtime.context import context_from

STEPS = 200
PAIRS = 31
STEP_SECONDS = 0.001


def main(url: str, folder: Path) -> dict[str, float]:
    torch.set_num_threads(1)
    with RuntimeApi(folder) as api:  # for what a job finds when it starts
        environment = api.job_environment()
    ctx = context_from(environment | {names.API_URL: url}, api.work_dir)
    step = step_of(STEP_SECONDS)

    def log(number: int, loss: float) -> None:
        ctx.log_metrics({"loss": loss, "lr": 0.1, "grad_norm": loss, "accuracy": 0.5}, number)

    def nothing(number: int, loss: float) -> None:
        """A step that logs nothing."""

    loop(step, log)
    ratios, plain = [], []
    for turn in range(PAIRS):
        order = (log, nothing) if turn % 2 else (nothing, log)
        seconds = {use.__name__: loop(step, use) for use in order}
        ratios.append(seconds["log"] / seconds["nothing"] - 1)
        plain.append(seconds["nothing"] / STEPS)
    ctx.close()
    return {"ratio": statistics.median(ratios), "step_ms": statistics.median(plain) * 1000}


def step_of(seconds: float) -> Callable[[], float]:
    """A step of training a small network that takes about so long: the batch is as large as that needs."""
    model = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 1))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01)

    def made(rows: int) -> Callable[[], float]:
        inputs, targets = torch.randn(rows, 64), torch.randn(rows, 1)

        def step() -> float:
            optimiser.zero_grad()
            loss = torch.nn.functional.mse_loss(model(inputs), targets)
            loss.backward()  # type: ignore[no-untyped-call]  # of the library
            optimiser.step()
            return loss.item()

        return step

    rows = 32
    while statistics.median(timed(made(rows)) for _ in range(50)) < seconds:
        rows = rows * 5 // 4
    return made(rows)


def timed(step: Callable[[], float]) -> float:
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def loop(step: Callable[[], float], use: Callable[[int, float], None]) -> float:
    began = time.perf_counter()
    for number in range(STEPS):
        use(number, step())
    return time.perf_counter() - began


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]))))
