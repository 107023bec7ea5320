"""Who is killed, and how long it takes until what was killed makes progress again.

Progress means, for each kind of victim:

| killed | until |
|---|---|
| web, gateway | its `/readyz` says 200 |
| worker | its `/readyz` says 200 and it has run a task |
| beat | the worker runs a tick that came after it |
| publisher | news come through Redis |
| Redis | it answers, and the worker runs a tick that came after it |
| PostgreSQL | `/readyz` of web says 200, the database among its checks |
| keeper or wrapper of a run | the next attempt logs its first point, or the run ends without one |
| keeper's child of an endpoint | a prediction is answered |
| command of a run | nothing: the run ends with that reason |
"""

from __future__ import annotations

import json
import random
import re
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import redis

from apps.common.rounds import CHANNEL
from bench.chaos_client import Predictions
from tests.support.stack import Stack

PARTS = ("web", "worker", "beat", "publisher", "gateway", "redis", "postgres")
OF_JOBS = ("wrapper", "command", "keeper")
KINDS = (*PARTS, *OF_JOBS)
TICKS = re.compile(r'^bedplate_tasks_total\{.*task="[a-z]+\.tick_[a-z_]+".*\} ([0-9.e+]+)$', re.MULTILINE)
QUEUE_SECONDS = 0.5
"""What beat had sent before it was killed is done by then."""


@dataclass
class Kill:
    """One SIGKILL: of which kind, which process, of which attempt if of one, and when it was made good."""

    kind: str
    pid: int
    at: float
    attempt: str = ""
    workload: str = ""
    number: int = 0
    serving: bool = False
    recovered: float | None = None
    """Seconds; None: not yet, or nothing to recover."""
    expects: bool = True
    seen: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """A job that runs: its processes by kind."""

    attempt: str
    workload: str
    number: int
    serving: bool
    pids: dict[str, int]


def jobs_of(home: Path) -> list[Job]:
    """The jobs whose keeper, wrapper and command all live."""
    found = []
    for folder in sorted((home / "jobs").iterdir()):
        with suppress(OSError, ValueError, KeyError, IndexError, psutil.Error):  # it starts or ends just now
            state = json.loads((folder / "state.json").read_text())
            if state["phase"] not in ("running", "pending"):
                continue
            wrapper = int(state["members"][0]["pid"])
            command = psutil.Process(wrapper).children()[0]
            plan = json.loads((folder / "launch.json").read_text())
            variables = plan["environment"]
            found.append(
                Job(
                    folder.name,
                    variables["BEDPLATE_WORKLOAD_ID"],
                    int(variables["BEDPLATE_ATTEMPT_NUMBER"]),
                    plan["kind"] == "serving",
                    {"keeper": int(state["supervisor"]["pid"]), "wrapper": wrapper, "command": command.pid},
                )
            )
    return found


class News(threading.Thread):
    """Notes when the publisher last told something."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self.at = 0.0

    def run(self) -> None:
        while True:
            with suppress(redis.RedisError, OSError), redis.Redis.from_url(self._url, socket_timeout=5) as link:
                listening = link.pubsub()
                listening.subscribe(CHANNEL)
                while True:
                    message = listening.get_message(ignore_subscribe_messages=True, timeout=5.0)
                    if message is not None:
                        self.at = time.monotonic()
            time.sleep(0.1)


class Chaos(threading.Thread):
    """Kills until told to stop, and watches what is made good."""

    def __init__(
        self, stack: Stack, evidence: Path, predictions: Predictions, *, seed: int, every: tuple[float, float]
    ) -> None:
        super().__init__(daemon=True)
        self._stack, self._evidence, self._predictions = stack, evidence, predictions
        self._random = random.Random(seed)
        self._every = every
        self._done = threading.Event()
        self._redis_url = json.loads((stack.home / "run" / "embedded.json").read_text())["redis_url"]
        self._news = News(self._redis_url)
        self._worker = f"http://127.0.0.1:{stack.environment['BEDPLATE_WORKER_METRICS_PORT']}"
        self._http = httpx.Client(timeout=5, trust_env=False)
        self.kills: list[Kill] = []
        self.ended: Callable[[str], bool] = lambda workload: False
        """Whether a run has ended, by its workload."""

    def run(self) -> None:
        self._news.start()
        threading.Thread(target=self._watch, daemon=True).start()
        while not self._done.wait(self._random.uniform(*self._every)):
            victim = None
            while victim is None:
                victim = self._victim(self._random.choice(KINDS))
            kill, process = victim
            with suppress(psutil.NoSuchProcess):  # it ended by itself
                process.send_signal(signal.SIGKILL)
                kill.at = time.monotonic()
                self.kills.append(kill)

    def stop(self) -> None:
        """No more kills; recoveries are still watched."""
        self._done.set()
        self.join(30)

    def waits(self) -> list[Kill]:
        """What has not been made good yet."""
        return [kill for kill in list(self.kills) if kill.expects and kill.recovered is None]

    def _victim(self, kind: str) -> tuple[Kill, psutil.Process] | None:
        with suppress(psutil.Error, LookupError, OSError):  # it is not there at this moment
            if kind in PARTS:
                process = self._stack.child(kind)
                return Kill(kind, process.pid, 0.0), process
            # A served model that loses its keeper three times within an hour is given up: that is not for chance.
            jobs = [job for job in jobs_of(self._stack.home) if not (job.serving and kind == "keeper")]
            if jobs:
                job = self._random.choice(jobs)
                process = psutil.Process(job.pids[kind])
                expects = job.serving or kind != "command"
                kill = Kill(kind, process.pid, 0.0, job.attempt, job.workload, job.number, job.serving, expects=expects)
                return kill, process
        return None

    def _watch(self) -> None:
        while True:
            for kill in self.waits():
                with suppress(httpx.HTTPError, redis.RedisError, OSError):  # not yet
                    if self._makes_progress(kill):
                        kill.recovered = time.monotonic() - kill.at
            time.sleep(0.1)

    def _makes_progress(self, kill: Kill) -> bool:
        if kill.kind in ("web", "postgres"):
            return self._ready(self._stack.url)
        if kill.kind == "gateway":
            return self._ready(self._stack.gateway_url)
        if kill.kind == "worker":
            return self._ready(self._worker) and self._ticks() > 0
        if kill.kind == "publisher":
            return self._news.at > kill.at
        if kill.kind in ("beat", "redis"):
            return self._ticks_go_on(kill)
        if kill.serving:
            return self._predictions.answered_at > kill.at
        later = [path for path in self._evidence.glob(f"{kill.workload}.*.jsonl") if number_of(path) > kill.number]
        return any(b'"metrics"' in path.read_bytes() for path in later) or self.ended(kill.workload)

    def _ready(self, url: str) -> bool:
        return self._http.get(f"{url}/readyz").status_code == 200

    def _ticks(self) -> float:
        return sum(map(float, TICKS.findall(self._http.get(f"{self._worker}/metrics").text)))

    def _ticks_go_on(self, kill: Kill) -> bool:
        if time.monotonic() < kill.at + QUEUE_SECONDS:
            return False
        now, before = self._ticks(), kill.seen.setdefault("ticks", None)
        kill.seen["ticks"] = now if before is None or now < before else before  # a new worker counts from nothing
        return before is not None and now > before


def number_of(path: Path) -> int:
    """The attempt's number in the name of a piece of evidence."""
    return int(path.name.split(".")[1])
