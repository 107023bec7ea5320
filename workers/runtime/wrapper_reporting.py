"""What the wrapper says to the control plane while a command runs: see `wrapper.py`, which loads this file late.

Standard library only, and nothing from the rest of the project: it is copied into images that have neither.
"""
# ruff: noqa: PTH123

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import threading
import time
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from workers.runtime.wrapper import Command
    from workers.runtime.wrapper_gpus import Nvml
    from workers.runtime.wrapper_logs import Chunk, Logs
    from workers.runtime.wrapper_system import System

API_PREFIX = "/api/v1/runtime"
SELF = "/attempts/self"
API_URL = "BEDPLATE_JOB_API_URL"
TOKEN_FILE = "BEDPLATE_TOKEN_FILE"  # noqa: S105 - the name of a variable, not a token
RANK = "BEDPLATE_RANK"
DEVICES = "CUDA_VISIBLE_DEVICES"

DEFLATED_BYTES = 4 * 1024  # a chunk of at least so much is sent deflated
ANSWER_BYTES = 64 * 1024  # of an answer are read
REQUEST_SECONDS = 5.0
SHIP_SECONDS = 0.25
GPU_SECONDS = 10.0
LEAST_SECONDS = 0.5
"""The kernel counts hundredths of a second: of a shorter time they would make many cores."""
MOST_FAILURES = 4  # beyond it the pauses grow no more
SUPERSEDED_GRACE_SECONDS = 10.0
DEFAULT_GRACE_SECONDS = 30.0
LONGEST_GRACE_SECONDS = 86_400.0
HURRIED_SECONDS = 1.0
JSON = {"Content-Type": "application/json"}
UNAUTHORISED, TOO_LARGE = 401, 413
PASSING = frozenset({401, 408, 425, 429})  # refusals after which the same may be sent again; 5xx too


class Api:
    """The runtime API over one connection that is kept. Every failure is an answer: (0, {})."""

    def __init__(self, url: str, token_file: str) -> None:
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=REQUEST_SECONDS)
        self._prefix = parts.path.rstrip("/") + API_PREFIX
        self._token_file = token_file

    def post(self, path: str, content: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Send one request; returns its status and the JSON object in the answer.

        The status is 0 when there was no answer, or one that says yes without being the control plane's.
        """
        try:
            with open(self._token_file, encoding="ascii") as file:  # each time: it may have been renewed
                headers = {**headers, "Authorization": f"Bearer {file.read().strip()}"}
            self._connection.request("POST", self._prefix + path, content, headers)
            response = self._connection.getresponse()
            answer = _json_object(response.read(ANSWER_BYTES))
            if not response.isclosed():  # there is more than we would read
                self._connection.close()
        except (OSError, ValueError, http.client.HTTPException):
            self._connection.close()
            return 0, {}
        if answer is None and 200 <= response.status < 300:
            return 0, {}
        return response.status, answer or {}


class Usage:
    """What the command and everything below it use. `nvml` opens the driver's library for some devices."""

    def __init__(self, descendants: Callable[[], list[int]], nvml: Callable[[str], Nvml | None] | None = None) -> None:
        self._descendants, self._nvml = descendants, nvml
        self.gpus: list[dict[str, Any]] = []
        """As they were seen last; empty: nothing is known."""
        self._last, self._busy = (time.monotonic(), 0.0), 0.0

    def sample(self) -> dict[str, Any]:
        """`cpu_ratio`: cores kept busy since the last sample, or before it where that is too near to be measured.
        `memory_bytes`: private pages, and the most shared.
        """
        ticks, private, shared = 0, 0, 0
        for pid in self._descendants():
            with contextlib.suppress(OSError, ValueError):  # it may have ended
                with open(f"/proc/{pid}/stat", "rb") as file:
                    ticks += sum(map(int, file.read().rpartition(b")")[2].split()[11:15]))  # with reaped children
                with open(f"/proc/{pid}/statm", "rb") as file:
                    resident, common = map(int, file.read().split()[1:3])
                private, shared = private + resident - common, max(shared, common)
        now, seconds = time.monotonic(), ticks / os.sysconf("SC_CLK_TCK")
        if now - self._last[0] >= LEAST_SECONDS:
            self._busy = max(seconds - self._last[1], 0.0) / (now - self._last[0])
            self._last = (now, seconds)
        memory = (private + shared) * os.sysconf("SC_PAGE_SIZE")
        return {"cpu_ratio": round(self._busy, 4), "memory_bytes": memory, "gpus": self.gpus}

    def watch_gpus(self) -> None:
        """Ask the driver's library now and then, or nvidia-smi where there is none. Until it answers again nothing is
        known: old figures would tell of work, or of none, that nobody saw. Gives up where there is none; one that fails
        or is slow is asked less often."""
        nvml = self._nvml(os.environ[DEVICES]) if self._nvml is not None else None
        query = ["nvidia-smi", "--query-gpu=index,utilization.gpu,memory.used", "--format=csv,noheader,nounits"]
        query += ["-i", os.environ[DEVICES]]
        failures = 0
        while True:
            try:
                self.gpus, failures = nvml.read() if nvml is not None else _gpus_in(_asked(query)), 0
            except (FileNotFoundError, PermissionError):
                self.gpus = []
                return
            except (OSError, ValueError, subprocess.SubprocessError):
                self.gpus, failures = [], min(failures + 1, MOST_FAILURES)
            time.sleep(GPU_SECONDS * 2**failures)


class Teller:
    """One connection to the control plane, and what its answers mean."""

    def __init__(self, command: Command) -> None:
        self.failures = 0
        """In a row; 0 while it answers."""
        self.refused = False
        """The last thing told was refused for good."""
        self.unwelcome = False
        """The control plane itself says that it does not know our token."""
        self.command = command
        self.rank = int(os.environ.get(RANK) or 0)
        self._api = Api(os.environ[API_URL], os.environ.get(TOKEN_FILE, ""))

    def tell(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """POST JSON. The answer; empty when it was refused for good; None when it should be sent again."""
        content = json.dumps({"rank": self.rank, **body}, ensure_ascii=False).encode("utf-8", "replace")
        return self._judge(*self._api.post(SELF + path, content, JSON))

    def tell_chunk(self, chunk: Chunk) -> bool:
        """POST a chunk of the log. True: it is done with, also when it was refused for good."""
        headers, content = {"Content-Type": "text/plain; charset=utf-8"}, chunk.text
        if len(content) >= DEFLATED_BYTES:
            headers["Content-Encoding"], content = "deflate", zlib.compress(content, 1)
        path = f"{SELF}/logs?rank={self.rank}&sequence={chunk.sequence}&first_line={chunk.first_line}"
        return self._judge(*self._api.post(path, content, headers)) is not None

    def tell_points(self, batch: bytes) -> bool:
        """POST a batch of metric points. True: it is done with, also when it was refused for good."""
        return self._judge(*self._api.post("/metrics", batch, JSON)) is not None

    def _judge(self, status: int, answer: dict[str, Any]) -> dict[str, Any] | None:
        if status in (401, 410) and answer.get("code") == "attempt_superseded":
            self.command.superseded = True
            self.command.leave(SUPERSEDED_GRACE_SECONDS)
        self.refused = self.unwelcome = False
        if 200 <= status < 300:
            self.failures = 0
            return answer
        # Only the control plane's own word is final: a proxy before one that is away answers whatever it likes.
        if 400 <= status < 500 and status not in PASSING and (answer.get("code") or status == TOO_LARGE):
            self.failures, self.refused = 0, True
            return {}
        self.failures = min(self.failures + 1, MOST_FAILURES)
        self.unwelcome = status == UNAUTHORISED and bool(answer.get("code"))
        return None


class Heart(threading.Thread):
    """Beats as long as the process lives, whatever becomes of the logs."""

    def __init__(self, command: Command, logs: Logs, usage: Usage, seconds: float) -> None:
        super().__init__(daemon=True)
        self._command, self._logs, self._usage, self._seconds = command, logs, usage, seconds

    def run(self) -> None:
        teller = Teller(self._command)
        while not self._command.superseded:
            began = time.monotonic()
            sample = {**self._usage.sample(), "dropped_log_lines": self._logs.dropped_lines}
            self._obey(teller.tell("/heartbeat", sample) or {})
            time.sleep(max(began + self._seconds - time.monotonic(), 0.0))

    def _obey(self, answer: dict[str, Any]) -> None:
        should_stop, grace = answer.get("should_stop"), answer.get("grace_seconds")
        if isinstance(should_stop, str) and should_stop:
            sane = isinstance(grace, int | float) and 0 <= grace <= LONGEST_GRACE_SECONDS
            self._command.leave(float(grace or 0) if sane else DEFAULT_GRACE_SECONDS)


class Reporter(threading.Thread):
    """Sends the logs while the command runs, and for a bounded time after its end the rest of them and the exit."""

    def __init__(
        self,
        command: Command,
        logs: Logs,
        usage: Usage,
        options: dict[str, float],
        system: Callable[[Teller], System] | None = None,
    ) -> None:
        super().__init__(daemon=True)
        self._command, self._logs, self._usage = command, logs, usage
        self._options, self._make_system = options, system
        self._system: System | None = None
        self._ended = threading.Event()
        self._report: dict[str, Any] = {}
        self._teller: Teller | None = None
        self._began = self._short_since = 0.0
        self._latest = float("inf")

    def run(self) -> None:
        self._teller = teller = Teller(self._command)
        Heart(self._command, self._logs, self._usage, self._options["heartbeat_seconds"]).start()
        if os.environ.get(DEVICES):
            threading.Thread(target=self._usage.watch_gpus, daemon=True).start()
        if self._make_system is not None:
            self._system = self._make_system(Teller(self._command))
            self._system.start()
        while not self._ended.is_set() and not self._command.superseded:
            more = self._ship(teller)
            self._ended.wait(0.0 if more else SHIP_SECONDS * 2**teller.failures)
        self._ended.wait()
        self._last_words(teller)

    def end(self, report: dict[str, Any]) -> None:
        """Say the last words; returns when they are said or the time for them is over."""
        self._report = report
        self._began = self._short_since = time.monotonic()
        self._ended.set()
        while self.is_alive() and time.monotonic() < self._deadline():
            self.join(0.05)

    def _deadline(self) -> float:
        """Until when to try. Far while the control plane is away; near when told to stop, or not known any more."""
        now, short = time.monotonic(), self._options["last_words_seconds"]
        if self._command.hurry.is_set():
            self._latest = min(self._latest, now + HURRIED_SECONDS)
        unwelcome = self._teller is not None and self._teller.unwelcome
        if self._command.told_to_stop or self._options["replica"] or unwelcome:
            return min(self._latest, self._short_since + short)
        self._short_since = now
        return min(self._latest, self._began + max(self._options["patience_seconds"], short))

    def _last_words(self, teller: Teller) -> None:
        """The rest of the logs, in the first half of the time at most; then the exit."""
        teller.failures = 0
        while not self._command.superseded and time.monotonic() < (self._began + self._deadline()) / 2:
            if not self._ship(teller):
                if not teller.failures:
                    break
                time.sleep(0.1 * 2**teller.failures)
        if self._system is not None and not self._command.superseded:
            self._system.last()
        while not self._command.superseded and not self._options["replica"]:
            if teller.tell("/exit", self._report) is not None:
                break
            time.sleep(0.1 * 2**teller.failures)

    def _ship(self, teller: Teller) -> bool:
        """Send one chunk. True: it is done with, there may be more at once."""
        chunk = self._logs.take()
        if chunk is None or not teller.tell_chunk(chunk):
            return False
        if teller.refused:
            self._logs.drop(chunk.text.count(b"\n"))
        self._logs.taken()
        return True


def _asked(query: list[str]) -> str:
    return subprocess.run(query, capture_output=True, text=True, timeout=5, check=True).stdout


def _gpus_in(text: str) -> list[dict[str, Any]]:
    """What nvidia-smi said: index, per cent, MiB on each line; raises ValueError for anything else."""
    rows = [[int(cell) for cell in line.split(",")] for line in text.splitlines()]
    return [
        {"index": index, "utilisation_ratio": busy / 100, "memory_bytes": used * 1024 * 1024}
        for index, busy, used in rows
    ]


def _json_object(text: bytes) -> dict[str, Any] | None:
    """The object in an answer; None when there is none."""
    with contextlib.suppress(ValueError):  # a page, or nothing
        answer = json.loads(text)
        return answer if isinstance(answer, dict) else None
    return None
