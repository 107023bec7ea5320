"""How long a run takes to its first statement when every hint is lost and only the ticks find it.

Starts two installations of its own, one after the other: one without hints, one with them to compare. Figures:
`run_start_no_hints_p50_seconds` (the moment of the POST → the process's own clock at its first statement, same
machine), and for both `idle_cpu_cores`: what web, worker and beat use while nothing is to be done.

    python -m bench.live_hints [--runs 20] [--idle-seconds 30]
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from statistics import median

import httpx

from bench import figures
from bench.control_plane import RESOURCES, SCRIPT, post, prepare
from tests.support.stack import Stack, finished, running_stack
from tests.support.waiting import until

BENCH = "live_hints"
PARTS = ("web", "worker", "beat")
PEER = "the same with hints"
STAGGER_SECONDS = 0.137
"""Between two runs, so that they do not all meet the ticks at the same moment."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one installation."""

    starts: list[float]
    idle_cores: float


def main() -> None:
    options = _options()
    figures.say_machine(BENCH)
    with_hints = measure("true", options.runs, options.idle_seconds)
    without = measure("false", options.runs, options.idle_seconds)
    figures.say(
        BENCH,
        "run_start_no_hints_p50_seconds",
        median(without.starts),
        "s",
        peer=PEER,
        peer_value=median(with_hints.starts),
        p95=round(figures.percentile(without.starts, 95), 4),
        runs=options.runs,
    )
    figures.say(
        BENCH, "idle_cpu_cores", without.idle_cores, "cores", peer=PEER, peer_value=with_hints.idle_cores, parts=PARTS
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--idle-seconds", type=int, default=30)
    return parser.parse_args()


def measure(hints: str, runs: int, idle_seconds: int) -> Measured:
    """Start an installation with or without hints, and ask it for runs, one after the other."""
    with running_stack(BEDPLATE_HINTS=hints) as stack, stack.client() as client:
        project, version = prepare(client)
        experiment = post(client, "/experiments", {"project": project, "name": "start"})["id"]
        starts = [_start(client, experiment, version, number) for number in range(runs)]
        return Measured(starts, _idle_cores(stack, idle_seconds))


def _start(client: httpx.Client, experiment: str, version: str, number: int) -> float:
    body = {"experiment": experiment, "name": f"start-{number}", "script": SCRIPT, "dataset_version": version}
    _pass_seconds(number * STAGGER_SECONDS % 1)
    sent_at = time.time()
    run = post(client, "/runs", {**body, "resources": RESOURCES})
    done = finished(client, f"/runs/{run['id']}")
    if done["state"] != "succeeded":
        raise RuntimeError(f"run {number} ended as {done['state']}: {done['state_detail']}")
    return float(done["result"]["started"]) - sent_at


def _idle_cores(stack: Stack, seconds: int) -> float:
    processes = [stack.child(part) for part in PARTS]

    def used() -> float:
        return sum(sum(process.cpu_times()[:2]) for process in processes)

    before, began = used(), time.monotonic()
    _pass_seconds(seconds)
    return (used() - before) / (time.monotonic() - began)


def _pass_seconds(seconds: float) -> None:
    end = time.monotonic() + seconds
    until(lambda: time.monotonic() >= end, seconds + 10)


if __name__ == "__main__":
    main()
