"""Long outages: what a job does while PostgreSQL, or the network between it and the web process, is gone for minutes.

    python -m bench.outages [--postgres-seconds 60] [--network-seconds 300]

A job logs a point and a line fifty times a second all the while. Figures, for each outage: `…_steps`: how many steps
it made meanwhile; `…_catch_up_seconds`: from the end of the outage until every point made by then is stored;
`…_lost`, `…_doubled`: points and lines, once the run has ended. There is no peer: the tests in `tests/e2e` do the same
in seconds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx

from bench import figures
from bench.control_plane import post, prepare
from tests.e2e.conftest import Ground
from tests.e2e.outages import EndlessRun, held_down, is_ready
from tests.support.proxy import Proxy
from tests.support.stack import finished, free_ports, running_stack
from tests.support.waiting import until

BENCH = "outages"
BEFORE_STEPS = 50
CATCH_UP_SECONDS = 120


def main() -> None:
    options = _options()
    figures.say_machine(BENCH)
    (port,) = free_ports(1)
    with (
        Proxy(port) as network,
        running_stack(BEDPLATE_PORT=str(port), BEDPLATE_JOB_API_URL=network.url) as stack,
        stack.client() as client,
        tempfile.TemporaryDirectory() as folder,
    ):
        project, version = prepare(client)
        experiment = post(client, "/experiments", {"project": project, "name": "outages"})["id"]
        ground = Ground(project, "", "", "", version, experiment)
        outage(client, ground, "postgres", Path(folder), lambda: held_down(stack, "postgres"), options.postgres_seconds)
        until(lambda: is_ready(stack.url), 60, what="the installation")
        outage(client, ground, "network", Path(folder), lambda: cut(network), options.network_seconds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--postgres-seconds", type=float, default=60)
    parser.add_argument("--network-seconds", type=float, default=300)
    return parser.parse_args()


@contextmanager
def cut(network: Proxy) -> Iterator[None]:
    network.cut()
    yield
    network.mend()


def outage(
    client: httpx.Client,
    ground: Ground,
    name: str,
    folder: Path,
    gone: Callable[[], AbstractContextManager[None]],
    seconds: float,
) -> None:
    """One outage of so many seconds, with a run of its own."""
    gate = folder / name
    gate.mkdir()
    run = EndlessRun(client, ground, name, gate)
    run.makes(BEFORE_STEPS)
    before = run.steps
    with gone():
        time.sleep(seconds)
        made, ended = run.steps - before, time.monotonic()
    wanted = run.steps
    until(lambda: _stored(client, run) >= wanted, CATCH_UP_SECONDS, what=f"{wanted} points stored")
    figures.say(BENCH, f"{name}_steps", made, "steps", seconds=seconds)
    figures.say(BENCH, f"{name}_catch_up_seconds", time.monotonic() - ended, "s")
    (gate / "stop").touch()
    done = finished(client, f"/runs/{run.row['id']}", timeout_seconds=CATCH_UP_SECONDS)
    if done["state"] != "succeeded":
        raise RuntimeError(f"the run ended as {done['state']}: {done['state_detail']}")
    until(lambda: _stored(client, run) >= run.steps, CATCH_UP_SECONDS, what="every point stored")
    lines = Counter(run.lines())
    points = _stored(client, run)
    lost = max(0, run.steps - points) + sum(f"line {step}" not in lines for step in range(run.steps))
    doubled = max(0, points - run.steps) + sum(times - 1 for times in lines.values())
    figures.say(BENCH, f"{name}_lost", lost, "points and lines", of=2 * run.steps)
    figures.say(BENCH, f"{name}_doubled", doubled, "points and lines")


def _stored(client: httpx.Client, run: EndlessRun) -> int:
    """How many points of the run are stored; -1 while nobody answers."""
    try:
        answer = client.get(f"/runs/{run.row['id']}")
    except httpx.HTTPError:
        return -1
    return int(answer.json()["summary"].get("x", {}).get("count", 0)) if answer.is_success else -1


if __name__ == "__main__":
    main()
