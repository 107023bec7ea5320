"""The backend of clusters against the API server of the tests, which takes 5 ms for every answer.

- `observe_10k_seconds`, `observe_10k_mb`: one look at 10,000 running jobs, by a process that does nothing else: its
  time, the median of five, and the most memory that it ever had. Jobs say of themselves that all their pods run, so
  pods are not asked for; the peer reads Jobs and pods with the official client as it comes.
- `submit_1000_seconds`: 1,000 jobs from the first call to the last answer, by eight threads that together ask no more
  than 100 times a second. `lost_submits`: of 1,000 more, while of all answers 20 % are 429 or 500, connections that
  close before or after the server acted or amid the answer, and answers that never come: jobs that are not there, not
  whole, or there twice, after callers have repeated what was unavailable.
- `event_to_state_p95_seconds`: a container ends → the database has the job's end, of an installation with one cluster;
  with watches, and (`watches: false`) while watches say nothing.

    python -m bench.kubernetes [--jobs 10000] [--submits 1000] [--events 60]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from statistics import median
from typing import Any

from bench import figures
from bench.kubernetes_cluster import PODS_OF_A_NODE, Cluster
from bench.kubernetes_events import event_to_state
from bench.kubernetes_load import backend_of, launches, submit_all

BENCH = "kubernetes"
LATENCY_SECONDS = 0.005
FAULTS = 0.2
CLIENT = "the official client's own lists"


def main() -> None:
    options = _options()
    figures.say_machine(BENCH)
    with Cluster(nodes=2 + 3 * options.submits // PODS_OF_A_NODE) as cluster:
        _submits(cluster, options.submits)
        _observe(cluster, options.jobs)
    event_to_state(BENCH, options.events, LATENCY_SECONDS)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--submits", type=int, default=1_000)
    parser.add_argument("--events", type=int, default=60)
    return parser.parse_args()


def _submits(cluster: Cluster, count: int) -> None:
    cluster.ask("latency", seconds=LATENCY_SECONDS)
    before = cluster.ask("count")["requests"]
    seconds, _, _ = submit_all(backend_of(cluster.kubeconfig), launches(count, "well"))
    asked = cluster.ask("count")["requests"] - before
    figures.say(BENCH, f"submit_{count}_seconds", seconds, "s", requests=asked, per_second=round(asked / seconds, 1))
    cluster.ask("faults", ratio=FAULTS, seed=1)
    todo = launches(count, "ill")
    seconds, _, again = submit_all(backend_of(cluster.kubeconfig), todo)
    happened = cluster.ask("count")["happened"]
    cluster.ask("well")
    found = _settled(cluster, "bedplate-bench-ill", count)
    whole = {"jobs": 1, "secrets": 1, "pods": 1}
    lost = sum(found.get(launch.attempt_id) != whole for launch in todo)
    strangers = len(set(found) - {launch.attempt_id for launch in todo})
    more = {"seconds": round(seconds, 1), "called_again": again, "answers": happened}
    figures.say(BENCH, "lost_submits", lost + strangers, "1", submits=count, **more)


def _settled(cluster: Cluster, namespaces: str, count: int) -> dict[str, dict[str, int]]:
    """What is there, once as many pods run or nothing comes any more."""
    deadline = time.monotonic() + 60
    found: dict[str, Any] = {}
    while time.monotonic() < deadline:
        found = cluster.ask("jobs", namespace=namespaces)["attempts"]
        if sum(one.get("pods", 0) for one in found.values()) >= count:
            break
    return found


def _observe(cluster: Cluster, count: int) -> None:
    handles = cluster.ask("load", count=count)["handles"]
    cluster.ask("latency", seconds=LATENCY_SECONDS)
    order = json.dumps({"kubeconfig": cluster.kubeconfig, "handles": handles})
    asked = cluster.ask("count")["requests"]
    ours = _looked("bench.kubernetes_look", order)
    requests = (cluster.ask("count")["requests"] - asked) // ours["looks"]
    client = _looked("bench.kubernetes_peer", order)
    if ours["running"] != count:
        raise RuntimeError(f"of {count} jobs {ours['running']} were seen running")
    name = f"observe_{count // 1000}k"
    figures.say(
        BENCH, f"{name}_seconds", ours["seconds"], "s", peer=CLIENT, peer_value=client["seconds"], requests=requests
    )
    figures.say(BENCH, f"{name}_mb", ours["mb"], "MB", peer=CLIENT, peer_value=client["mb"])


def _looked(program: str, order: str) -> dict[str, Any]:
    command = [sys.executable, "-m", program]
    done = subprocess.run(command, input=order, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout)
    return found | {"seconds": median(found["seconds"])}


if __name__ == "__main__":
    main()
