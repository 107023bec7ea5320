"""What Bedplate costs a job: a value logged, a step of training, a megabyte printed.

    .venv/bin/python -m bench.job_client

The other side is a small server on this machine that takes everything. Peers, in the same run: the same values written
as JSON lines to a file; the same output into a pipe that is read and thrown away.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.figures import say, say_machine
from tests.support.runtime_api import RuntimeApi
from workers.contracts import environment as names
from workers.runtime import wrapper
from workers.runtime.context import context_from

BENCH = "job_client"
VALUES = 200_000
KEYS = 4
ROUNDS = 5
STEPS = 100
PAIRS = 30
STEP_SECONDS = 0.004
"""With four values a step: 1,000 values a second."""
PRINTED_BYTES = 500_000_000
LINE = "2026-01-01 00:00:00 INFO epoch 12 step 12345 loss 0.1234 lr 0.001 grad 1.2345"


def main() -> int:
    say_machine(BENCH)
    sink = subprocess.Popen([sys.executable, "-m", "bench.job_sink"], stdout=subprocess.PIPE, text=True)
    try:
        assert sink.stdout is not None
        url = f"http://127.0.0.1:{int(sink.stdout.readline())}"
        with tempfile.TemporaryDirectory() as name:
            log_values(url, Path(name))
        with tempfile.TemporaryDirectory() as name:
            print_much(url, Path(name))
    finally:
        sink.kill()
        sink.wait()
    return 0


def log_values(url: str, folder: Path) -> None:
    """Microseconds per value, and the share of a step that logging takes."""
    with RuntimeApi(folder) as api:  # for what a job finds when it starts
        environment = api.job_environment()
    ctx = context_from(environment | {names.API_URL: url}, api.work_dir)
    row = {f"metric/{number}": 0.5 for number in range(KEYS)}
    with (folder / "values.jsonl").open("w", encoding="utf-8") as file:

        def write(step: int) -> None:
            file.write(json.dumps({"step": step, "time": time.time(), **row}) + "\n")

        def log(step: int) -> None:
            ctx.log_metrics(row, step)

        ours = statistics.median(per_value(log) for _ in range(ROUNDS))
        theirs = statistics.median(per_value(write) for _ in range(ROUNDS))
        say(BENCH, "log_metrics_us_per_value", ours, "us", peer="JSON lines to a file", peer_value=theirs)
        slowed = [[step_seconds(use) / step_seconds(nothing) - 1 for use in (log, write)] for _ in range(PAIRS)]
        ratios = [statistics.median(column) for column in zip(*slowed, strict=True)]
    ctx.close()
    say(BENCH, "step_slowed_percent_at_1000_values", 100 * ratios[0], "%")
    say(BENCH, "step_slowed_percent_by_json_lines", 100 * ratios[1], "%")


def per_value(use: Callable[[int], None]) -> float:
    began = time.perf_counter()
    for step in range(VALUES // KEYS):
        use(step)
    return (time.perf_counter() - began) / VALUES * 1e6


def nothing(step: int) -> None:
    """A step that logs nothing."""


def step_seconds(use: Callable[[int], None]) -> float:
    """Time per step of pure computing, in a loop that logs after each."""
    began = time.perf_counter()
    for step in range(STEPS):
        until = time.thread_time() + STEP_SECONDS
        while time.thread_time() < until:
            pass
        use(step)
    return (time.perf_counter() - began) / STEPS


def print_much(url: str, folder: Path) -> None:
    """Megabytes of output a second: from the start of a job that prints to the last chunk that was taken."""
    script = f"yes '{LINE}' | head -c {PRINTED_BYTES}"
    (folder / "token").write_text("t")
    environment = {
        "PATH": os.environ["PATH"],
        names.API_URL: url,
        names.TOKEN_FILE: str(folder / "token"),
        names.REPORT_FILE: str(folder / "report.json"),
    }
    command = [sys.executable, "-I", "-S", wrapper.__file__, "--", "sh", "-c", script]
    ours = statistics.median(timed(command, environment) for _ in range(3))
    theirs = timed(["sh", "-c", script], environment)
    rates = [PRINTED_BYTES / 1e6 / each for each in (ours, theirs)]
    say(BENCH, "wrapper_mb_per_second", rates[0], "MB/s", peer="the same into a pipe", peer_value=rates[1])


def timed(command: list[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while process.stdout.read(1 << 20):
            continue
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
