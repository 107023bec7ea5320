"""How soon what a job logs is seen, and by how many at once, through one web process.

A web process as `manage.py up` starts it, a publisher, the servers, and a process of viewers that shares the cores.

    python -m bench.live_socket [--points 120] [--viewers 1000] [--updates 300]

Figures: `live_visible_p95_ms`: a point is acknowledged → it is at a client's socket, one point at a time. Then a
thousand viewers of one run that logs ten times a second: `viewers_1000_lost` and `viewers_1000_doubled` (points ×
viewers), `viewers_1000_p99_seconds` (the point's own time → at a viewer; points are gathered for up to 0.25 s),
`viewers_1000_cpu_cores` (of the web process). There is no peer here: FIELD figures of Channels' own layers were
measured elsewhere (500 viewers at 10 messages a second: 9 % dropped, or p50 1.55 s).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import subprocess
import sys
import time
from typing import Any

import httpx
import psutil
import websockets

from bench import figures
from bench.web_alone import WebAlone, web_alone
from tests.support.stack import ROOT

BENCH = "live_socket"
UPDATES_PER_SECOND = 10
OPEN_FILES = 8192


def main() -> None:
    options = _options()
    figures.say_machine(BENCH)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(OPEN_FILES, hard), hard))
    with web_alone(publisher=True) as web:
        made = web.python("bench.live_rows", "2")
        visible(web, made, options.points)
        viewers(web, made, options.viewers, options.updates)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=120)
    parser.add_argument("--viewers", type=int, default=1000)
    parser.add_argument("--updates", type=int, default=300)
    return parser.parse_args()


class Job:
    """Logs one point at a time."""

    def __init__(self, web: WebAlone, token: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=web.url, headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False
        )

    async def log(self, step: int) -> float:
        """Returns when it was acknowledged."""
        point = {"key": "loss", "steps": [step], "values": [1.0 / (step + 1)], "times": [time.time()]}
        batch = {"rank": 0, "sequence": step, "points": [point]}
        (await self._http.post("/api/v1/runtime/metrics", json=batch)).raise_for_status()
        return time.time()


def visible(web: WebAlone, made: dict[str, Any], points: int) -> None:
    seconds = asyncio.run(_visible(web, made, points))
    figures.say(
        BENCH,
        "live_visible_p95_ms",
        figures.percentile(seconds, 95) * 1000,
        "ms",
        p50=round(figures.percentile(seconds, 50) * 1000, 2),
        most=round(max(seconds) * 1000, 2),
        points=points,
    )


async def _visible(web: WebAlone, made: dict[str, Any], points: int) -> list[float]:
    run, job = made["runs"][0], Job(web, made["runs"][0]["token"])
    headers = {"Authorization": f"Bearer {made['token']}"}
    address = web.url.replace("http", "ws", 1) + "/ws/v1/live/"
    async with websockets.connect(address, additional_headers=headers, compression=None, proxy=None) as socket:
        await socket.send(json.dumps({"type": "subscribe", "subject": f"run.{run['run']}"}))
        await socket.recv()
        took = []
        for step in range(points):
            await asyncio.sleep(random.uniform(0.3, 0.5))  # longer than updates are gathered: each is a leading edge
            receiving = asyncio.create_task(_arrival(socket, step))
            acknowledged = await job.log(step)
            took.append(max(0.0, await receiving - acknowledged))
    return took


async def _arrival(socket: Any, step: int) -> float:
    while True:
        message = json.loads(await socket.recv())
        if any(step in points["steps"] for points in message.get("points", ())):
            return time.time()


def viewers(web: WebAlone, made: dict[str, Any], count: int, updates: int) -> None:
    run = made["runs"][1]
    spec = {
        "url": web.url,
        "tokens": made["tokens"],
        "run": run["run"],
        "viewers": count,
        "points": updates,
        "seconds": updates / UPDATES_PER_SECOND + 15,
    }
    argv = [sys.executable, "-m", "bench.live_viewers", json.dumps(spec)]
    with subprocess.Popen(argv, cwd=ROOT, env=web.environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        if "ready" not in process.stdout.readline():
            raise RuntimeError("the viewers did not come in")
        server = psutil.Process(web.pid)
        before, began = sum(server.cpu_times()[:2]), time.monotonic()
        asyncio.run(_log_steadily(web, run["token"], updates))
        cores = (sum(server.cpu_times()[:2]) - before) / (time.monotonic() - began)
        saw = json.loads(process.stdout.readline())
    name = f"viewers_{count}"
    more = {"updates_per_second": UPDATES_PER_SECOND, "messages": saw["messages"], "gaps": saw["gaps"]}
    figures.say(BENCH, f"{name}_lost", saw["lost"], "points", **more)
    figures.say(BENCH, f"{name}_doubled", saw["doubled"], "points")
    figures.say(BENCH, f"{name}_p99_seconds", saw["p99"], "s", p50=round(saw["p50"], 3), most=round(saw["most"], 3))
    figures.say(BENCH, f"{name}_cpu_cores", cores, "cores", rss_mb=round(server.memory_info().rss / 1e6, 1))


async def _log_steadily(web: WebAlone, token: str, updates: int) -> None:
    job, began = Job(web, token), time.monotonic()
    for step in range(updates):
        await asyncio.sleep(max(0.0, began + step / UPDATES_PER_SECOND - time.monotonic()))
        await job.log(step)


if __name__ == "__main__":
    main()
