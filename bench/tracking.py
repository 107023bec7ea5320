"""Tracking at speed: what clients of MLflow log and read, the native form, curves of millions of points, a search.

One web process as `manage.py up` starts it, PostgreSQL in its durable defaults. The peer is an MLflow server with one
worker and a database of its own on the same PostgreSQL; the same program sends the same requests to either, in the same
run. Whatever sends and reads shares the machine's cores.

    python -m bench.tracking [--seconds 8] [--points 10] [--runs 20000] [--only log,history,…] [--peer]

Figures: `log_batch_points_per_second` (4 clients, 1,000 points of ten metrics a request), `log_metric_per_second` (8
clients), `native_points_per_second` (8 runs, 1,000 points a batch; of 10,000 beside it), `history_100k_seconds` (by
MLflow's own client), `history_100k_server_seconds` (the whole answer, not decoded), `buckets_10m_seconds`,
`buckets_1m_seconds` (640 points of one curve over REST, its least and greatest in each of 320 buckets),
`search_p50_ms` (the 100 newest of 20,000 runs that meet a metric and a parameter), `bytes_per_point` (the table with
its indexes, after compaction; values without a pattern, times that jitter by milliseconds), `logging_overhead_ratio` (a
torch loop of 1 ms steps). The peer runs where its environment exists (`var/bench/mlflow`), or with `--peer`.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import httpx
import msgspec
import numpy as np

from bench import figures, mlflow_peer
from bench.mlflow_server import is_installed, mlflow_server, store_of
from bench.web_alone import WebAlone, web_alone
from tests.support.stack import ROOT

BENCH = "tracking"
PEER = "MLflow 3.17 with one worker"
BATCH_CLIENTS, METRIC_CLIENTS, NATIVE_RUNS = 4, 8, 8
HISTORY = 100_000
MILLION = 1_000_000
ROUND_POINTS = 500_000
"""After so many points compaction has its turn, as it has all the time where points come for days."""
SEARCH = {
    "filter": "metrics.auc > 0.8 and params.learning_rate = '0.01'",
    "max_results": 100,
    "order_by": ["attributes.start_time DESC"],
}
CLIENT = """
import sys, time
from mlflow.tracking import MlflowClient
client = MlflowClient(sys.argv[1])
took = []
for _ in range(3):
    began = time.perf_counter()
    assert len(client.get_metric_history(sys.argv[2], "loss")) == int(sys.argv[3])
    took.append(time.perf_counter() - began)
print(sorted(took)[1])
"""


class Server:
    """One of the two that are compared."""

    def __init__(self, url: str, prefix: str = "", token: str = "none") -> None:
        self.url, self.prefix, self.token = url, prefix, token
        self.client = httpx.Client(
            base_url=url + prefix, headers={"Authorization": f"Bearer {token}"}, timeout=120, trust_env=False
        )
        self.made = 0

    def call(self, path: str, body: dict[str, Any]) -> Any:
        return self.client.post(f"/api/2.0/mlflow/{path}", json=body).raise_for_status().json()

    def runs(self, count: int) -> list[str]:
        self.made += 1
        experiment = self.call("experiments/create", {"name": f"bench-{self.made}"})["experiment_id"]
        found = [self.call("runs/create", {"experiment_id": experiment}) for _ in range(count)]
        return [one["run"]["info"]["run_id"] for one in found]


def main() -> None:
    options = _options()
    figures.say_machine(BENCH)
    if set(options.only) & {"log", "history", "search", "native"}:
        served(options)
    if "buckets" in options.only:
        with web_alone() as web:  # of its own: what other parts leave behind would be counted in its bytes
            large(web, web.python("bench.tracking_rows", "place", "2"), options.points)
    if "overhead" in options.only:
        overhead()


def served(options: argparse.Namespace) -> None:
    """What needs a web process, but for the long curves."""
    with web_alone() as web:
        made = web.python("bench.tracking_rows", "place", str(2 * NATIVE_RUNS))
        ours = Server(web.url, "/mlflow/bench", made["token"])
        if options.peer or is_installed():
            with mlflow_server(web) as url:
                compared(web, ours, Server(url), options)
        else:
            compared(web, ours, None, options)
        if "native" in options.only:
            native(web, made["jobs"], options.seconds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = ["log", "history", "search", "native", "buckets", "overhead"]
    parser.add_argument("--seconds", type=float, default=8.0, help="of each load")
    parser.add_argument("--points", type=int, default=10, help="millions of the long curve")
    parser.add_argument("--runs", type=int, default=20_000, help="to search")
    parser.add_argument("--only", type=lambda text: text.split(","), default=parts, help=",".join(parts))
    parser.add_argument("--peer", action="store_true", help="install MLflow for the peer (it takes minutes)")
    return parser.parse_args()


def compared(web: WebAlone, ours: Server, theirs: Server | None, options: argparse.Namespace) -> None:
    """What both can do."""
    if "log" in options.only:
        for metric, clients, points in (
            ("log_batch_points_per_second", BATCH_CLIENTS, 1000),
            ("log_metric_per_second", METRIC_CLIENTS, 1),
        ):
            peer = logged(theirs, clients, points, options.seconds) if theirs else None
            done = logged(ours, clients, points, options.seconds)
            milliseconds = [1000 * second for second in done["took"]]
            figures.say(
                BENCH, metric, done["rate"], "points/s", peer=PEER, peer_value=peer["rate"] if peer else None,
                clients=clients,
                p50_ms=round(figures.percentile(milliseconds, 50), 2),
                p99_ms=round(figures.percentile(milliseconds, 99), 2),
            )  # fmt: skip
    if "history" in options.only:
        histories(ours, theirs)
    if "search" in options.only:
        search(web, ours, theirs, options.runs)


def logged(server: Server, clients: int, points: int, seconds: float) -> dict[str, Any]:
    spec = {
        "url": server.url, "prefix": server.prefix, "token": server.token, "runs": server.runs(clients),
        "points": points, "seconds": seconds,
    }  # fmt: skip
    argv = [sys.executable, "-m", "bench.mlflow_load", json.dumps(spec)]
    done = json.loads(subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)
    return {**done, "rate": done["requests"] * points / done["seconds"]}


def histories(ours: Server, theirs: Server | None) -> None:
    """Of one metric of 100,000 points, by MLflow's client and by a plain one."""
    found: dict[Server, tuple[float | None, float]] = {}
    for server in [ours, *([theirs] if theirs else [])]:
        (run,) = server.runs(1)
        for first in range(0, HISTORY, 1000):
            metrics = [
                {"key": "loss", "value": random.random(), "timestamp": 1_772_443_800_000 + 10 * step, "step": step}
                for step in range(first, first + 1000)
            ]
            server.call("runs/log-batch", {"run_id": run, "metrics": metrics})
        query = {"run_id": run, "metric_key": "loss"}
        plain = timed(lambda: server.client.get("/api/2.0/mlflow/metrics/get-history", params=query), 5)  # noqa: B023
        found[server] = (by_client(server, run) if is_installed() else None, plain)
    peer: tuple[float | None, float | None] = found[theirs] if theirs else (None, None)
    took = found[ours][0]
    if took is not None:
        figures.say(BENCH, "history_100k_seconds", took, "s", peer=PEER, peer_value=peer[0])
    figures.say(BENCH, "history_100k_server_seconds", found[ours][1], "s", peer=PEER, peer_value=peer[1])


def by_client(server: Server, run: str) -> float:
    argv = [mlflow_peer.environment(), "-c", CLIENT, server.url + server.prefix, run, str(HISTORY)]
    environment = {"MLFLOW_TRACKING_TOKEN": server.token, "PATH": "/usr/bin:/bin", "HOME": tempfile.gettempdir()}
    return float(subprocess.run(argv, stdout=subprocess.PIPE, env=environment, check=True).stdout)


def search(web: WebAlone, ours: Server, theirs: Server | None, runs: int) -> None:
    made = {ours: str(web.python("bench.tracking_rows", "runs", str(runs))["experiment"])}
    if theirs is not None:
        script = str(ROOT / "bench" / "tracking_search.py")
        argv = [mlflow_peer.environment(), script, store_of(web), str(web.home / "mlflow"), str(runs)]
        made[theirs] = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout.split()[-1]
    took = {}
    for server, experiment in made.items():
        body = {**SEARCH, "experiment_ids": [experiment]}
        if len(server.call("runs/search", body)["runs"]) != min(100, runs // 20):
            raise RuntimeError("a search did not find what it should")
        took[server] = 1000 * timed(lambda: server.client.post("/api/2.0/mlflow/runs/search", json=body), 40)  # noqa: B023
    peer = took[theirs] if theirs else None
    figures.say(BENCH, "search_p50_ms", took[ours], "ms", peer=PEER, peer_value=peer, runs=runs)


def timed(call: Callable[[], httpx.Response], times: int) -> float:
    """The median, in seconds, after a first one that is not counted."""
    took = []
    for _ in range(times + 1):
        began = time.perf_counter()
        call().raise_for_status()
        took.append(time.perf_counter() - began)
    return median(took[1:])


def native(web: WebAlone, jobs: list[dict[str, str]], seconds: float) -> None:
    for points, name in ((1_000, ""), (10_000, ".packed_10000")):
        runs = [jobs.pop() for _ in range(NATIVE_RUNS)]
        spec = {"url": web.url, "form": "packed", "points": points, "seconds": seconds, "senders": runs}
        done = web.python("bench.ingest_load", json.dumps(spec))
        rate = sum(sender["units"] for sender in done["senders"]) / done["seconds"]
        figures.say(BENCH, f"native_points_per_second{name}", rate, "points/s")


def large(web: WebAlone, made: dict[str, Any], millions: int) -> None:
    """One curve of a million points, one of ten, and what they take."""
    after = before = web.python("bench.tracking_rows", "settle")
    small, big = made["jobs"][:2]
    for run, count in ((small, MILLION), (big, millions * MILLION)):
        for first in range(0, count, ROUND_POINTS):
            send_curve(web, run["token"], first, min(ROUND_POINTS, count - first))
            after = web.python("bench.tracking_rows", "settle")
    for run, count in ((small, 1), (big, millions)):
        address = f"{web.url}/api/v1/runs/{run['run']}/metrics"
        with httpx.Client(headers={"Authorization": f"Bearer {made['admin']}"}, timeout=60, trust_env=False) as client:
            found = client.get(address, params={"keys": "loss", "points": 640}).raise_for_status().json()
            series = found["series"]["loss"]
            if (series["steps"][-1], max(series["values"])) != (count * MILLION - 1, 1000.0):
                raise RuntimeError("the curve does not end where it should, or lost its spike")
            took = timed(lambda: client.get(address, params={"keys": "loss", "points": 640}), 15)  # noqa: B023
        figures.say(BENCH, f"buckets_{count}m_seconds", took, "s", points=len(series["steps"]))
    points = after["points"] - before["points"]
    figures.say(BENCH, "bytes_per_point", (after["bytes"] - before["bytes"]) / points, "bytes", points=points)


def send_curve(web: WebAlone, token: str, start: int, count: int) -> None:
    """Values without a pattern, one of them a spike; a step each 10 ms, give or take some."""
    chance, each = np.random.default_rng(start), 10_000
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-msgpack"}
    with httpx.Client(headers=headers, timeout=60, trust_env=False) as client:
        for first in range(start, start + count, each):
            steps = np.arange(first, first + each, dtype="<i8")
            values = chance.normal(size=each)
            values[each // 3] = 1000.0 if first == start else values[each // 3]
            times = 1.7e9 + steps * 0.01 + chance.normal(scale=0.001, size=each)
            columns = {"steps": steps.tobytes(), "values": values.tobytes(), "times": times.tobytes()}
            body = {"rank": 0, "sequence": first // each, "points": [{"key": "loss", **columns}]}
            answer = client.post(f"{web.url}/api/v1/runtime/metrics", content=msgspec.msgpack.encode(body))
            answer.raise_for_status()


def overhead() -> None:
    sink = subprocess.Popen([sys.executable, "-m", "bench.job_sink"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        if sink.stdout is None:
            raise RuntimeError("the sink says nothing")
        url = f"http://127.0.0.1:{int(sink.stdout.readline())}"
        with tempfile.TemporaryDirectory() as folder:
            argv = [sys.executable, "-m", "bench.tracking_overhead", url, folder]
            done = json.loads(subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)
    finally:
        sink.kill()
        sink.wait()
    figures.say(BENCH, "logging_overhead_ratio", done["ratio"], "", step_ms=round(done["step_ms"], 3))


if __name__ == "__main__":
    main()
