"""How quick admission is: the pure cycle at the size of a cluster, and workloads a second from submit to admitted.

    python -m bench.scheduling [--only cycle|admissions] [--shapes 15k,50k]

Figures: `cycle_50k_seconds`, `cycle_10k_seconds` (one call of `scheduling.cycle` on a snapshot of 50,000 or 10,000
waiting and 5,000 running workloads, 1,200 nodes with 8,800 GPUs of two kinds, 30 queues in 6 cohorts; what is asked
for is drawn from the shapes of a recorded cluster; the best of three), `cycle_growth` (the time for 50,000 over that
for 10,000, beside what n·log n would make of it), `admissions_15k_per_second` (15,000 workloads in 5 cohorts of 6
queues) and `admissions_50k_per_second` (50,000 in 1,000 queues): submitted one by one through the service by four
processes, as by four clients, each in a transaction of its own that is on the disk when it returns; admitted by another
process, on a PostgreSQL of the benchmark's own, from the first submit to the last admission. Beside them: the seconds
of processor time that a workload took in all of these together, PostgreSQL included.
Peer: the 42.7 admissions a second that Kueue's own performance test reports for that shape (15,000 in 351 s); it needs
a Kubernetes API server and is not measured here.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from subprocess import PIPE

import psutil

from bench import figures
from bench.scheduling_world import snapshot_of
from controlplane.embedded.home import Home
from controlplane.embedded.postgres import EmbeddedPostgres
from controlplane.embedded.processes import spawn, stop, until

BENCH = "scheduling"
ROOT = Path(__file__).resolve().parents[1]
KUEUE = "Kueue's own performance test, as published"
KUEUE_PER_SECOND = 15_000 / 351
SUBMITTERS = 4
RUN_SECONDS = 2.0
"""What is admitted gives its place back after so long."""
SHAPES = {"15k": (15_000, 5, 6, 9600), "50k": (50_000, 10, 100, 9600)}
"""Workloads, cohorts, queues in each, cores."""


def main() -> None:
    options = _options()
    figures.say_machine(BENCH)
    if options.only in ("", "cycle"):
        cycles()
    if options.only in ("", "admissions"):
        for name in options.shapes.split(","):
            admissions(name)


def cycles() -> None:
    from apps.quotas.scheduling.cycle import cycle  # noqa: PLC0415 - the other parts need no numpy

    took: dict[int, float] = {}
    for waiting in (10_000, 50_000):
        snapshot = snapshot_of(waiting=waiting, running=5_000, nodes=1_200, queues=30)
        best = math.inf
        for _ in range(3):
            began = time.perf_counter()
            decisions = cycle(snapshot)
            best = min(best, time.perf_counter() - began)
        took[waiting] = best
        counts: dict[str, int] = {}
        for decision in decisions:
            counts[type(decision).__name__.lower()] = counts.get(type(decision).__name__.lower(), 0) + 1
        figures.say(BENCH, f"cycle_{waiting // 1000}k_seconds", best, "s", decisions=counts)
    least, most = sorted(took)
    allowed = most * math.log(most) / (least * math.log(least))
    figures.say(BENCH, "cycle_growth", took[most] / took[least], "times", n_log_n=round(allowed, 2))


def admissions(name: str) -> None:
    count, cohorts, queues, cores = SHAPES[name]
    with tempfile.TemporaryDirectory(prefix="bedplate-bench-", dir="/tmp") as folder:
        home = Home(Path(folder))
        home.ensure()
        postgres = EmbeddedPostgres(home)
        program = postgres.program()
        with (home.logs / "postgres.log").open("ab") as log:
            process = spawn(program, log)
            try:
                if not until(postgres.answers, 60):
                    raise SystemExit(f"PostgreSQL did not start; see {home.logs}")
                _run(name, home, postgres.url, process.pid, count, (cohorts, queues, cores))
            finally:
                stop(process, program.stop_signals)


def _run(name: str, home: Home, url: str, server: int, count: int, tree: tuple[int, int, int]) -> None:
    environment = os.environ | {
        "BEDPLATE_HOME": str(home.path),
        "BEDPLATE_DATABASE_URL": url,
        "BEDPLATE_REDIS_URL": "redis://127.0.0.1:1/0",
        "BEDPLATE_ENV_FILE": "",
        "DJANGO_SETTINGS_MODULE": "controlplane.settings.test",
        "BEDPLATE_HINTS": "0",
    }
    subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], cwd=ROOT, env=environment, check=True)

    def part(*words: object) -> subprocess.Popen[str]:
        line = [sys.executable, "-m", "bench.scheduling_load", *map(str, words)]
        return subprocess.Popen(line, cwd=ROOT, env=environment, stdin=PIPE, stdout=PIPE, text=True)

    pool = str(part("make", *tree).communicate()[0]).strip()
    finisher, admitter = part("finish", pool, count, RUN_SECONDS), part("admit", pool, count)
    submitters = [part("submit", pool, count, first, SUBMITTERS) for first in range(SUBMITTERS)]
    _begin(every := [finisher, admitter, *submitters])
    processor, began = _processor_seconds(server, every), time.perf_counter()
    if any(one.wait() for one in submitters):
        raise SystemExit("submitting failed")
    submitted = time.perf_counter() - began
    cycles = int(str(admitter.communicate()[0]).strip() or 0)
    seconds = time.perf_counter() - began
    finisher.wait()
    if admitter.returncode or finisher.returncode:
        raise SystemExit("admission failed")
    figures.say(
        BENCH,
        f"admissions_{name}_per_second",
        count / seconds,
        "1/s",
        peer=KUEUE,
        peer_value=KUEUE_PER_SECOND,
        submitted_per_second=round(count / submitted, 1),
        cycles=cycles,
        processor_ms_each=round(1000 * (_processor_seconds(server, ()) - processor) / count, 2),
        load_average=os.getloadavg()[0],
    )


def _begin(parts: list[subprocess.Popen[str]]) -> None:
    """Let all begin, once each of them is ready."""
    for one in parts:
        if one.stdout is None or one.stdout.readline() != "ready\n":
            raise SystemExit("a part of the load did not start")
    for one in parts:
        if one.stdin is not None:
            one.stdin.write("begin\n")
            one.stdin.flush()


def _processor_seconds(server: int, running: Iterable[subprocess.Popen[str]]) -> float:
    """What the server with all its processes, the parts of the load that have ended, and those that run have used."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = ended.ru_utime + ended.ru_stime
    for pid in (server, *(one.pid for one in running)):
        times = psutil.Process(pid).cpu_times()
        total += times.user + times.system
    master = psutil.Process(server)
    total += master.cpu_times().children_user + master.cpu_times().children_system
    return total + sum(sum(child.cpu_times()[:2]) for child in master.children())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("", "cycle", "admissions"), default="")
    parser.add_argument("--shapes", default="15k,50k", help="of admissions")
    return parser.parse_args()


if __name__ == "__main__":
    main()
