"""Many viewers of one run, in a process of their own: `python -m bench.live_viewers SPEC` prints what they saw.

SPEC is JSON: `{"url", "tokens", "run", "viewers", "points", "seconds"}`. Says `{"ready": true}` once all are
subscribed; then waits until everybody has every point, or the seconds are over. Of each point and viewer the time
from its own time stamp to its arrival is noted.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from array import array
from typing import Any

import msgspec
import uvloop
import websockets

CONNECTING = 16


class Points(msgspec.Struct):
    steps: list[int]
    times: list[float]


class Message(msgspec.Struct):
    type: str
    points: list[Points] = []
    points_missing: bool = False


decode = msgspec.json.Decoder(Message).decode


class Viewers:
    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.subject = f"run.{spec['run']}"
        self.address = spec["url"].replace("http", "ws", 1) + "/ws/v1/live/"
        self.delays = array("d")
        self.seen: list[dict[int, int]] = [{} for _ in range(spec["viewers"])]
        self.messages = self.gaps = 0
        self.subscribed = 0
        self.all_in = asyncio.Event()

    async def view(self, number: int, door: asyncio.Semaphore) -> None:
        tokens = self.spec["tokens"]
        headers = {"Authorization": f"Bearer {tokens[number % len(tokens)]}"}
        async with door:
            socket = await websockets.connect(
                self.address, additional_headers=headers, compression=None, open_timeout=60, proxy=None
            )
            await socket.send(json.dumps({"type": "subscribe", "subject": self.subject}))
            first = decode(await socket.recv())
            if first.type != "subscribed":
                raise RuntimeError(f"viewer {number} was answered {first.type}")
        self.subscribed += 1
        if self.subscribed == self.spec["viewers"]:
            self.all_in.set()
        mine = self.seen[number]
        async with socket:
            while len(mine) < self.spec["points"]:
                message = decode(await socket.recv())
                now = time.time()
                self.messages += 1
                self.gaps += message.type == "gap" or message.points_missing
                for points in message.points:
                    for step, at in zip(points.steps, points.times, strict=True):
                        mine[step] = mine.get(step, 0) + 1
                        self.delays.append(now - at)

    async def run(self) -> dict[str, Any]:
        door = asyncio.Semaphore(CONNECTING)
        tasks = [asyncio.create_task(self.view(number, door)) for number in range(self.spec["viewers"])]
        opening = asyncio.create_task(self.all_in.wait())
        await asyncio.wait([opening, *tasks], return_when=asyncio.FIRST_COMPLETED)
        if not self.all_in.is_set():
            await asyncio.gather(*tasks)
        print(json.dumps({"ready": True}), flush=True)
        _, late = await asyncio.wait(tasks, timeout=self.spec["seconds"])
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        wanted = self.spec["points"] * self.spec["viewers"]
        ordered = sorted(self.delays)
        return {
            "lost": wanted - sum(len(seen) for seen in self.seen),
            "doubled": sum(times - 1 for seen in self.seen for times in seen.values()),
            "p50": ordered[len(ordered) // 2] if ordered else None,
            "p99": ordered[int(len(ordered) * 0.99)] if ordered else None,
            "most": ordered[-1] if ordered else None,
            "messages": self.messages,
            "gaps": self.gaps,
        }


async def main() -> None:
    print(json.dumps(await Viewers(json.loads(sys.argv[1])).run()), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
