"""What jobs send, from a process of its own: `python -m bench.ingest_load SPEC` prints what was acknowledged.

SPEC is JSON: `{"url", "form", "points", "seconds", "senders": [{"token"}]}`. Each sender has one connection and sends
its batches in order, the next one as soon as the one before was acknowledged, as the clients in jobs do.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
import zlib
from array import array
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import msgspec

KEYS = 10
CHUNK_BYTES = 512 << 10
METRICS, LOGS = "/api/v1/runtime/metrics", "/api/v1/runtime/attempts/self/logs"


@dataclass(frozen=True)
class Sent:
    """One request: what it has and how much of it counts."""

    path: str
    headers: dict[str, str]
    body: bytes
    units: int
    """Points, or lines."""
    size: int = 0
    """Bytes of text."""


class Points:
    """Batches of `KEYS` metrics."""

    def __init__(self, form: str, points: int) -> None:
        self.native, self.each = form == "packed", points // KEYS
        self.values = [random.random() for _ in range(self.each)]

    def batch(self, sequence: int) -> Sent:
        steps = array("q", range(sequence * self.each, (sequence + 1) * self.each))
        times = array("d", [1.7e9 + step * 0.01 for step in steps])
        self.values[sequence % self.each] = random.random()
        values = array("d", self.values)
        columns: Any = {"steps": steps, "values": values, "times": times}
        packed = {name: column.tobytes() if self.native else column.tolist() for name, column in columns.items()}
        content = {"rank": 0, "sequence": sequence, "points": [{"key": f"m{key}", **packed} for key in range(KEYS)]}
        body = msgspec.msgpack.encode(content) if self.native else msgspec.json.encode(content)
        kind = "application/x-msgpack" if self.native else "application/json"
        return Sent(METRICS, {"Content-Type": kind}, body, self.each * KEYS)


class Lines:
    """Chunks of what a training loop prints; some are made before the clock starts and sent again as others."""

    def __init__(self, form: str, _: int) -> None:
        self.deflated = form == "deflated"
        self.made = [printed(number * 4000) for number in range(16)]
        self.bodies = [zlib.compress(text, 1) if self.deflated else text for text, _ in self.made]
        self.first_line = 1

    def batch(self, sequence: int) -> Sent:
        text, lines = self.made[sequence % 16]
        path = f"{LOGS}?rank=0&sequence={sequence}&first_line={self.first_line}"
        self.first_line += lines
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        if self.deflated:
            headers["Content-Encoding"] = "deflate"
        return Sent(path, headers, self.bodies[sequence % 16], lines, len(text))


def printed(first: int) -> tuple[bytes, int]:
    """About `CHUNK_BYTES` of text, and how many lines it has."""
    words = ("loss", "accuracy", "grad_norm", "learning_rate", "tokens_per_second")
    lines: list[str] = []
    size = 0
    while size < CHUNK_BYTES:
        said = " ".join(f"{word}={random.random():.6f}" for word in words)
        second, fraction = len(lines) % 60, random.randrange(1000)
        lines.append(f"2026-03-02 09:30:{second:02d},{fraction:03d} INFO trainer: step {first + len(lines)} {said}\n")
        size += len(lines[-1])
    return "".join(lines).encode(), len(lines)


class Connection:
    """HTTP/1.1 as little as it takes, so that the load costs little of the machine."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        self.host, self.port, self.token = parts.hostname or "", parts.port or 80, token

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection(self.host, self.port)

    async def post(self, sent: Sent) -> int:
        head = f"POST {sent.path} HTTP/1.1\r\nHost: {self.host}\r\nAuthorization: Bearer {self.token}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in sent.headers.items())
        self.writer.write(f"{head}Content-Length: {len(sent.body)}\r\n\r\n".encode() + sent.body)
        answered = await self.reader.readuntil(b"\r\n\r\n")
        size = int(answered.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await self.reader.readexactly(size)
        return int(answered[9:12])


async def send(spec: dict[str, Any], token: str, source: Points | Lines, deadline: float) -> dict[str, Any]:
    """One sender; returns what was acknowledged to it."""
    connection = Connection(spec["url"], token)
    await connection.open()
    done = {"batches": 0, "units": 0, "size": 0, "refused": 0}
    took: list[float] = []
    batch = source.batch(0)
    for sequence in count(1):
        began = time.monotonic()
        if began > deadline:
            break
        status = await connection.post(batch)
        took.append(time.monotonic() - began)
        if status == 200:
            done = {**done, "batches": done["batches"] + 1, "units": done["units"] + batch.units,
                    "size": done["size"] + batch.size}  # fmt: skip
            batch = source.batch(sequence)
        elif status in (429, 503):
            done["refused"] += 1
            await asyncio.sleep(0.1)
        else:
            raise RuntimeError(f"answered with {status}")
    connection.writer.close()
    return {**done, "seconds": took}


async def load(spec: dict[str, Any]) -> dict[str, Any]:
    made = Points if spec["form"] in ("packed", "json") else Lines
    sources = [made(spec["form"], spec["points"]) for _ in spec["senders"]]
    started = time.monotonic()
    deadline = started + spec["seconds"]
    senders = zip(spec["senders"], sources, strict=True)
    done = await asyncio.gather(*(send(spec, sender["token"], source, deadline) for sender, source in senders))
    return {"seconds": time.monotonic() - started, "senders": done}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(load(json.loads(sys.argv[1])))))
