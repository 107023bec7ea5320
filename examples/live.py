"""Follow a run in a terminal: its state, its curves and its output, as they come.

    BEDPLATE_URL=http://127.0.0.1:8000 BEDPLATE_TOKEN=bp_… python examples/live.py RUN_ID

Needs Python 3.11, httpx and websockets. It is written to be copied: it shows how a client of the live socket misses
nothing. Subscribe first, then read over REST what is there; what the socket tells from then on comes after it. Keep
the cursor of the last message. After a lost connection subscribe with it as `after`; where an update says
`points_missing`, or a `gap` comes, fetch what is missing over REST. Ends when the run has ended, with status 0 when
it succeeded. Ctrl-C leaves.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections import defaultdict
from itertools import pairwise
from typing import Any

import httpx
import websockets

ENDS = {"succeeded", "failed", "cancelled"}
PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)
SILENT_SECONDS = 40.0
"""The server says something every 15 s: a line that is silent for longer is dead."""
BLOCKS = "▁▂▃▄▅▆▇█"
POINTS = 400


class Follower:
    """What is known of one run, and how far."""

    def __init__(self, url: str, token: str, run_id: str) -> None:
        self.headers = {"Authorization": f"Bearer {token}"}
        self.http = httpx.AsyncClient(base_url=f"{url}/api/v1", headers=self.headers, timeout=30, trust_env=False)
        self.socket_url = url.replace("http", "ws", 1) + "/ws/v1/live/"
        self.run_id = run_id
        self.workload = ""
        self.state = ""
        self.curves: dict[str, dict[int, float]] = defaultdict(dict)
        self.points_after = ""
        self.logs_after = 0
        self.cursors: dict[str, str] = {}

    async def follow(self) -> int:
        """Until the run has ended; returns the exit status."""
        failures = 0
        while self.state not in ENDS:
            try:
                async with websockets.connect(self.socket_url, additional_headers=self.headers, proxy=None) as socket:
                    await self.listen(socket)
                failures = 0
            except (OSError, TimeoutError, websockets.WebSocketException, httpx.TransportError) as error:
                if failures == 0:
                    say(f"… not connected: {error}; trying again")
                await asyncio.sleep(PAUSES_SECONDS[min(failures, len(PAUSES_SECONDS) - 1)])
                failures += 1
        await self.fetch_logs()
        await self.fetch_points()
        self.draw()
        return 0 if self.state == "succeeded" else 1

    async def listen(self, socket: Any) -> None:
        await self.subscribe(socket, f"run.{self.run_id}")
        await self.fetch_state()
        if self.workload:
            await self.subscribe(socket, f"workload.{self.workload}")
        await self.fetch_points()
        await self.fetch_logs()
        while self.state not in ENDS:
            message = json.loads(await asyncio.wait_for(socket.recv(), SILENT_SECONDS))
            await self.take(socket, message)

    async def subscribe(self, socket: Any, subject: str) -> None:
        """Returns once it is followed: what is read over REST from then on has no hole to what is told."""
        after = {"after": self.cursors[subject]} if subject in self.cursors else {}
        await socket.send(json.dumps({"type": "subscribe", "subject": subject, **after}))
        while True:
            message = json.loads(await asyncio.wait_for(socket.recv(), SILENT_SECONDS))
            if message["type"] == "subscribed" and message["subject"] == subject:
                return
            await self.take(socket, message)

    async def take(self, socket: Any, message: dict[str, Any]) -> None:
        kind, subject = message["type"], message.get("subject", "")
        if kind == "refused":
            raise SystemExit(f"{subject}: {message['detail']}")
        if kind == "gap":  # something was left out: read all again
            await self.fetch_state()
            await self.fetch_points()
            await self.fetch_logs()
        elif kind == "update":
            self.cursors[subject] = message["cursor"]
            await self.take_update(socket, subject, message)

    async def take_update(self, socket: Any, subject: str, update: dict[str, Any]) -> None:
        for event in update.get("events", ()):
            if event["kind"] == "run.resumed":  # later points of the attempt before count no more
                self.points_after = ""
                self.curves.clear()
                await self.fetch_points()
        for points in update.get("points", ()):
            self.curves[points["key"]].update(zip(points["steps"], points["values"], strict=True))
        if update.get("points"):
            self.draw()
        if update.get("points_missing"):
            await self.fetch_points()
        if update.get("logs") or update.get("logs_missing"):
            await self.fetch_logs()
        if update.get("events"):
            known = self.workload
            await self.fetch_state()
            if self.workload and not known:
                await self.subscribe(socket, f"workload.{self.workload}")

    async def fetch_state(self) -> None:
        answer = await self.http.get(f"/runs/{self.run_id}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise SystemExit(f"there is no run {self.run_id}, or you may not see it")
        run = answer.raise_for_status().json()
        self.workload = run["workload"] or ""
        if run["state"] != self.state:
            self.state = run["state"]
            why = f" ({run['state_reason']}) {run['state_detail']}" if run["state_reason"] else ""
            say(f"── {run['name']} is {self.state}{why}")

    async def fetch_points(self) -> None:
        """What came after the last that was fetched; the first time, or after a reset, all of it."""
        more = True
        while more:
            query: dict[str, Any] = {"points": POINTS}
            if self.points_after:
                query["after"] = self.points_after
            answer = (await self.http.get(f"/runs/{self.run_id}/metrics", params=query)).raise_for_status().json()
            if answer["reset"]:
                self.curves.clear()
            for key, curve in answer["series"].items():
                self.curves[key].update(zip(curve["steps"], curve["values"], strict=True))
            self.points_after, more = answer["next_after"], answer["more"]
        self.draw()

    async def fetch_logs(self) -> None:
        if not self.workload:
            return
        while True:
            query = {"after": self.logs_after}
            page = (await self.http.get(f"/workloads/{self.workload}/logs", params=query)).raise_for_status().json()
            for chunk in page["chunks"]:
                sys.stdout.write(chunk["text"])
            sys.stdout.flush()
            if not page["chunks"]:
                return
            self.logs_after = page["next_after"]

    def draw(self) -> None:
        """A line per metric: its shape, its last value."""
        width = max(20, shutil.get_terminal_size().columns - 50)
        for key, curve in sorted(self.curves.items()):
            if curve:
                steps = sorted(curve)
                say(f"   {key:<24.24} {shape([curve[step] for step in steps], width)} {curve[steps[-1]]:.5g}")


def shape(values: list[float], width: int) -> str:
    """The curve in blocks, the mean of each."""
    count = min(width, len(values))
    ends = [len(values) * place // count for place in range(count + 1)]
    means = [sum(values[low:high]) / (high - low) for low, high in pairwise(ends)]
    low, high = min(means), max(means)
    scale = (len(BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(BLOCKS[round((mean - low) * scale)] for mean in means)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    if len(sys.argv) != 2 or not os.environ.get("BEDPLATE_TOKEN"):
        say("usage: BEDPLATE_URL=… BEDPLATE_TOKEN=bp_… python examples/live.py RUN_ID")
        return 2
    url = os.environ.get("BEDPLATE_URL", "http://127.0.0.1:8000").rstrip("/")
    try:
        return asyncio.run(Follower(url, os.environ["BEDPLATE_TOKEN"], sys.argv[1]).follow())
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
