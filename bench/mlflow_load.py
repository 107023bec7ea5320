"""What clients of MLflow send, from a process of its own: `python -m bench.mlflow_load SPEC` prints what was answered.

SPEC is JSON: `{"url", "prefix", "token", "runs", "points", "seconds"}`. Each run has a client with one connection,
which sends the next request as soon as the one before was answered: log-batch of so many points of ten metrics, or
log-metric where it is one. The same requests go to whatever server the address names.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from itertools import count
from typing import Any

import msgspec

from bench.ingest_load import Connection, Sent

KEYS = 10


def request(prefix: str, run: str, points: int, number: int) -> Sent:
    """The `number`-th request of a client; no two have a point in common."""
    now = int(time.time() * 1000)
    first = number * points
    metrics = [
        {"key": f"m{at % KEYS}", "value": random.random(), "timestamp": now, "step": first + at} for at in range(points)
    ]
    one = points == 1
    body = {"run_id": run, **metrics[0]} if one else {"run_id": run, "metrics": metrics}
    path = f"{prefix}/api/2.0/mlflow/runs/{'log-metric' if one else 'log-batch'}"
    return Sent(path, {"Content-Type": "application/json"}, msgspec.json.encode(body), points)


async def send(spec: dict[str, Any], run: str, deadline: float) -> dict[str, Any]:
    connection = Connection(spec["url"], spec["token"])
    await connection.open()
    took: list[float] = []
    for number in count():
        sent = request(spec["prefix"], run, spec["points"], number)
        began = time.monotonic()
        if began > deadline:
            break
        status = await connection.post(sent)
        if status != 200:
            raise RuntimeError(f"answered with {status}")
        took.append(time.monotonic() - began)
    connection.writer.close()
    return {"requests": len(took), "seconds": took}


async def load(spec: dict[str, Any]) -> dict[str, Any]:
    started = time.monotonic()
    deadline = started + spec["seconds"]
    done = await asyncio.gather(*(send(spec, run, deadline) for run in spec["runs"]))
    return {
        "seconds": time.monotonic() - started,
        "requests": sum(one["requests"] for one in done),
        "took": [second for one in done for second in one["seconds"]],
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(load(json.loads(sys.argv[1])))))
