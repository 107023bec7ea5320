"""How much jobs can send: metric points and output, through one web process, stored in the embedded PostgreSQL.

A web process as `manage.py up` starts it, PostgreSQL in its durable defaults, and nothing else. A process of its own
(`bench.ingest_load`) sends over HTTP and shares the machine's cores. A point or a line counts once its batch was
acknowledged; afterwards the database is asked for every one of them, before and after compaction.

    python -m bench.live_ingest [--seconds 10] [--peer]

Figures: `ingest_points_per_second` (8 runs, native form, 1,000 points a batch; of 10,000, and as JSON, beside it),
`log_mb_per_second` (4 jobs, 512 KiB of text a chunk, deflated as the wrapper sends it; plain beside it; MB of text),
`ingest_lost`, `ingest_doubled` (points and lines), `read_1m_points_seconds` (one curve thinned to 500 over REST, once
it was compacted; as it came beside it).
Peer: MLflow's log-batch on the same PostgreSQL, where its environment exists (`var/bench/mlflow`) or with `--peer`.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from array import array
from typing import Any

import httpx
import msgspec
import psutil
import psycopg

from bench import figures
from bench.mlflow_points import points_per_second
from bench.web_alone import WebAlone, web_alone

BENCH = "live_ingest"
RUNS, JOBS = 8, 4
LOADS = (
    ("ingest_points_per_second.json", "json", 1_000, RUNS),
    ("ingest_points_per_second.packed_10000", "packed", 10_000, RUNS),
    ("ingest_points_per_second", "packed", 1_000, RUNS),
    ("log_mb_per_second.plain", "plain", 0, JOBS),
    ("log_mb_per_second", "deflated", 0, JOBS),
)
READ_POINTS = 1_000_000


def main() -> None:
    options = _options()
    figures.say_machine(BENCH)
    with web_alone() as web:
        peer = points_per_second(web, install=options.peer)
        made = web.python("bench.live_rows", str(1 + sum(load[-1] for load in LOADS)))
        reading = made["runs"].pop()
        loads = []
        lost = doubled = 0
        for metric, form, points, count in LOADS:
            runs = [made["runs"].pop() for _ in range(count)]
            spec = {"url": web.url, "form": form, "points": points, "seconds": options.seconds, "senders": runs}
            busy = psutil.Process(web.pid).cpu_times()
            done = web.python("bench.ingest_load", json.dumps(spec))
            say(metric, done, cores(web, busy, done), peer if metric == "ingest_points_per_second" else None)
            loads.append((metric, runs, done))
            missing, twice = check(web, runs, done, is_log=not points)
            lost, doubled = lost + missing, doubled + twice
        _send_curve(web, reading["token"])
        read("read_1m_points_seconds.as_it_came", web, reading, made["token"])
        web.python("bench.live_rows", "compact")
        read("read_1m_points_seconds", web, reading, made["token"])
        for metric, runs, done in loads:
            missing, twice = check(web, runs, done, is_log=metric.startswith("log"))
            lost, doubled = lost + missing, doubled + twice
        figures.say(BENCH, "ingest_lost", lost, "points and lines", looked="as they came, and merged")
        figures.say(BENCH, "ingest_doubled", doubled, "points and lines", looked="as they came, and merged")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each load")
    parser.add_argument("--peer", action="store_true", help="install MLflow for the peer (it takes minutes)")
    return parser.parse_args()


def cores(web: WebAlone, before: Any, done: dict[str, Any]) -> float:
    """Cores that the web process kept busy."""
    now = psutil.Process(web.pid).cpu_times()
    return float((now.user + now.system - before.user - before.system) / done["seconds"])


def say(metric: str, done: dict[str, Any], busy: float, peer: float | None) -> None:
    of_text = metric.startswith("log")
    amount = sum(sender["size" if of_text else "units"] for sender in done["senders"]) / (1e6 if of_text else 1)
    milliseconds = [second * 1000 for sender in done["senders"] for second in sender["seconds"]]
    figures.say(
        BENCH,
        metric,
        amount / done["seconds"],
        "MB/s" if of_text else "points/s",
        peer="mlflow log-batch, 1,000 points",
        peer_value=peer,
        web_cores=round(busy, 2),
        p50_ms=round(figures.percentile(milliseconds, 50), 1),
        p99_ms=round(figures.percentile(milliseconds, 99), 1),
        refused=sum(sender["refused"] for sender in done["senders"]),
    )


def check(web: WebAlone, runs: list[dict[str, str]], done: dict[str, Any], *, is_log: bool) -> tuple[int, int]:
    """How many acknowledged points or lines are not stored, and how many are stored more than once."""
    missing = twice = 0
    with web.database() as database:
        for run, sender in zip(runs, done["senders"], strict=True):
            stored, different = (_lines if is_log else _points)(database, run["attempt"])
            missing += max(sender["units"] - different, 0)
            twice += stored - different
    return missing, twice


def _points(database: psycopg.Connection[Any], attempt: str) -> tuple[int, int]:
    """Points of an attempt, and how many different (key, step) they are."""
    rows = database.execute("SELECT key, steps FROM experiments_metricbatch WHERE attempt_id = %s", [attempt])
    stored, different = 0, set()
    for key, steps in rows:
        stored += len(steps) // 8
        different.update((key, bytes(steps[at : at + 8])) for at in range(0, len(steps), 8))
    return stored, len(different)


def _lines(database: psycopg.Connection[Any], attempt: str) -> tuple[int, int]:
    """Lines of an attempt, and how many different numbers they have."""
    rows = database.execute("SELECT first_line, lines FROM quotas_logchunk WHERE attempt_id = %s", [attempt])
    stored, different = 0, set()
    for first, lines in rows:
        stored += lines
        different.update(range(first, first + lines))
    return stored, len(different)


def read(metric: str, web: WebAlone, run: dict[str, str], token: str) -> None:
    """One curve of a million points, sent in batches of 10,000, thinned to 500."""
    address = f"{web.url}/api/v1/runs/{run['run']}/metrics"
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(headers=headers, timeout=60, trust_env=False) as client:
        took = []
        for _ in range(7):
            began = time.monotonic()
            answer = client.get(address, params={"keys": "loss", "points": 500}).raise_for_status().json()
            took.append(time.monotonic() - began)
            if answer["series"]["loss"]["steps"][-1] != READ_POINTS - 1:
                raise RuntimeError("the curve does not end where it should")
    figures.say(BENCH, metric, sorted(took)[len(took) // 2], "s", first=round(took[0], 3))


def _send_curve(web: WebAlone, token: str) -> None:
    each = 10_000
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-msgpack"}
    with httpx.Client(headers=headers, timeout=60, trust_env=False) as client:
        for sequence in range(READ_POINTS // each):
            steps = array("q", range(sequence * each, (sequence + 1) * each))
            values = array("d", [random.random() for _ in steps])
            times = array("d", map(float, steps))
            packed = {"steps": steps.tobytes(), "values": values.tobytes(), "times": times.tobytes()}
            batch = {"rank": 0, "sequence": sequence, "points": [{"key": "loss", **packed}]}
            client.post(f"{web.url}/api/v1/runtime/metrics", content=msgspec.msgpack.encode(batch)).raise_for_status()


if __name__ == "__main__":
    main()
