"""How quick the control plane is: a run's way to its process, lists of 10,000 rows, memory of the web process.

Starts a whole installation of its own on free ports, measures over the public REST API, stops it again.

    python -m bench.control_plane [--runs 30] [--rows 10000] [--reads 60] [--no-peer]

Figures: `run_start_p50_seconds` (POST answered by a process of the job: its own clock at its first statement, same
machine), `list_p95_ms` (the slowest of all list endpoints, first page of 50 and one page deep inside),
`web_rss_mb` (after all of that).
Peers: the same script started by `subprocess` alone (the floor), and MLflow's `runs/search` on the same PostgreSQL
with as many runs, in an environment of its own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import httpx

from bench import figures, mlflow_peer
from tests.support.stack import ROOT, Stack, finished, running_stack

BENCH = "control_plane"
SCRIPT = (
    "import json, os, time\n"
    "started = time.time()\n"
    "with open(os.environ['BEDPLATE_RESULT_FILE'], 'w') as file:\n"
    "    json.dump({'started': started}, file)\n"
)
RESOURCES = {"cpu_millis": 100, "memory_bytes": 128 << 20, "gpus": 0}
LISTS = (
    "projects",
    "datasets",
    "sources",
    "ingestions",
    "dataset-versions",
    "profiles",
    "recipes",
    "cleaning-runs",
    "lineage-edges",
    "experiments",
    "runs",
    "artifacts",
    "checkpoints",
    "models",
    "model-versions",
    "endpoints",
    "revisions",
    "workloads",
    "attempts",
    "usage-records",
    "audit-events",
    "approvals",
    "secrets",
    "tokens",
    "queues",
)


def main() -> None:
    options = _options()
    figures.say_machine(BENCH)
    with running_stack() as stack, stack.client() as client:
        project, version = prepare(client)
        run_start(client, project, version, options.runs)
        stack_fill(stack, project, options.rows)
        worst = lists(client, project, options.reads)
        web = stack.child("web").memory_info().rss / 1e6
        peer = None if options.no_peer else mlflow_peer.measure(stack, options.rows, options.reads)
        say_lists(worst, options.rows, peer)
        figures.say(
            BENCH, "web_rss_mb", web, "MB", peer="mlflow server, one worker", peer_value=peer.rss_mb if peer else None
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--reads", type=int, default=60)
    parser.add_argument("--no-peer", action="store_true", help="leave MLflow out (it takes minutes to install)")
    return parser.parse_args()


def post(client: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(path, json=body)
    if answer.is_error:
        raise RuntimeError(f"POST {path}: {answer.status_code} {answer.text}")
    created: dict[str, Any] = answer.json()
    return created


def prepare(client: httpx.Client) -> tuple[str, str]:
    """A project with one small published dataset version; returns both ids."""
    project = post(client, "/projects", {"name": "bench", "title": "Benchmark"})["id"]
    dataset = post(client, "/datasets", {"project": project, "name": "tiny"})["id"]
    sent = client.post("/sources", data={"dataset": dataset}, files={"file": ("tiny.csv", b"a,b\n1,2\n3,4\n")})
    source = sent.raise_for_status().json()["id"]
    asked = post(client, "/ingestions", {"dataset": dataset, "source": source, "options": {"format": "csv"}})
    done = finished(client, f"/ingestions/{asked['id']}")
    if done["state"] != "succeeded":
        raise RuntimeError(f"the ingestion ended as {done['state']}: {done['state_detail']}")
    return project, str(done["version"])


def run_start(client: httpx.Client, project: str, version: str, count: int) -> None:
    """POST a run, wait for its end, compare the job's clock with the moment of the POST; one at a time."""
    experiment = post(client, "/experiments", {"project": project, "name": "start"})["id"]
    seconds = []
    for number in range(count):
        sent_at = time.time()
        run = post(
            client,
            "/runs",
            {
                "experiment": experiment,
                "name": f"start-{number}",
                "script": SCRIPT,
                "dataset_version": version,
                "resources": RESOURCES,
            },
        )
        done = finished(client, f"/runs/{run['id']}")
        if done["state"] != "succeeded":
            raise RuntimeError(f"run {number} ended as {done['state']}: {done['state_detail']}")
        seconds.append(done["result"]["started"] - sent_at)
    figures.say(
        BENCH,
        "run_start_p50_seconds",
        median(seconds),
        "s",
        peer="the same script by subprocess alone",
        peer_value=_floor(count),
        p95=round(figures.percentile(seconds, 95), 4),
        runs=count,
    )


def _floor(count: int) -> float:
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        for _ in range(count):
            sent_at = time.time()
            subprocess.run([sys.executable, "-c", SCRIPT], env={"BEDPLATE_RESULT_FILE": str(result)}, check=True)
            seconds.append(float(result.read_text().split(":")[1].strip(" }")) - sent_at)
    return median(seconds)


def stack_fill(stack: Stack, project: str, rows: int) -> None:
    """Give every list about `rows` rows, through the tables' factories."""
    subprocess.run(
        [sys.executable, "-m", "bench.fill", project, str(rows)], cwd=ROOT, env=stack.environment, check=True
    )


def lists(client: httpx.Client, project: str, reads: int) -> dict[str, list[float]]:
    """Milliseconds of every list's first page and of a page reached by its cursor, one reader."""
    found: dict[str, list[float]] = {}
    for name in LISTS:
        first = f"/{name}?page_size=50"
        answer = client.get(first, headers={"X-Request-ID": uuid4().hex}).raise_for_status().json()
        pages = [first] + ([answer["next"]] if answer["next"] else [])
        client.get(pages[-1]).raise_for_status()
        found[name] = [_timed(client, pages[read % len(pages)]) for read in range(reads)]
    return found


def _timed(client: httpx.Client, path: str) -> float:
    start = time.perf_counter()
    client.get(path).raise_for_status()
    return (time.perf_counter() - start) * 1000


def say_lists(found: dict[str, list[float]], rows: int, peer: mlflow_peer.Peer | None) -> None:
    p95 = {name: figures.percentile(values, 95) for name, values in found.items()}
    worst = max(p95, key=lambda name: p95[name])
    for name, value in sorted(p95.items(), key=lambda item: -item[1]):
        figures.say(BENCH, f"list_p95_ms.{name}", value, "ms")
    figures.say(
        BENCH,
        "list_p95_ms",
        p95[worst],
        "ms",
        peer="mlflow runs/search, first 50",
        peer_value=figures.percentile(peer.milliseconds, 95) if peer else None,
        slowest=worst,
        rows=rows,
        runs_list_ms=round(p95["runs"], 2),
    )


if __name__ == "__main__":
    main()
