"""What the wrapper says to the control plane while a command runs: see `wrapper.py`, which loads this file late.

Standard library only, and nothing from the rest of the project: it is copied into images that have neither.
"""
# ruff: noqa: PTH105, PTH118, PTH123

from __future__ import annotations

import codecs
import contextlib
import http.client
import io
import json
import os
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from workers.runtime.wrapper import Command

API_PREFIX = "/api/v1/runtime/attempts/self"
API_URL = "BEDPLATE_JOB_API_URL"
TOKEN_FILE = "BEDPLATE_TOKEN_FILE"  # noqa: S105 - the name of a variable, not a token
RANK = "BEDPLATE_RANK"
DEVICES = "CUDA_VISIBLE_DEVICES"

LONGEST_LINE = 16 * 1024  # characters; a longer one is cut
CHUNK_BYTES = 256 * 1024
PENDING_BYTES = 4 * 1024 * 1024  # of logs not yet sent; beyond it the oldest go and are counted: errors come last
REQUEST_SECONDS = 5.0
SHIP_SECONDS = 0.5
GPU_SECONDS = 10.0
SUPERSEDED_GRACE_SECONDS = 10.0
DEFAULT_GRACE_SECONDS = 30.0
LONGEST_GRACE_SECONDS = 86_400.0
HURRIED_SECONDS = 1.0
PASSING = frozenset({401, 408, 425, 429})  # refusals after which the same may be sent again; 5xx too


class Logs:
    """Whole lines on their way to the control plane, in order and numbered; bounded, beyond that only counted.

    `folder` keeps the position, so that a replica that is started again goes on from it: a number of a chunk is
    never used twice within an attempt. Empty: the position is kept nowhere.
    """

    def __init__(self, folder: str) -> None:
        self.dropped_lines = 0
        self._position_file = os.path.join(folder, "log_position.json") if folder else ""
        self._sequence, self._line = self._read_position()
        self._decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8")("replace"), translate=True)
        self._partial = ""
        self._blocks: deque[tuple[int, int, str]] = deque()  # first line, size in bytes, text
        self._pending_bytes = 0
        self._lock = threading.Lock()

    def feed(self, data: bytes, *, final: bool = False) -> None:
        """Take more output. `\\r` ends a line too; what is not UTF-8, and NUL, is replaced."""
        text = self._partial + self._decoder.decode(data, final=final).replace("\0", "\ufffd")
        cut = text.rfind("\n") + 1
        if len(text) - cut > (0 if final else LONGEST_LINE):
            text += "\n"
            cut = len(text)
        block, self._partial = text[:cut], text[cut:]
        lines, size = block.count("\n"), len(block.encode())
        with self._lock:
            if block:
                self._blocks.append((self._line, size, block))
                self._pending_bytes += size
            self._line += lines
            while self._pending_bytes > PENDING_BYTES:
                _, size, oldest = self._blocks.popleft()
                self._pending_bytes -= size
                self.dropped_lines += oldest.count("\n")

    def drop(self, lines: int) -> None:
        with self._lock:
            self.dropped_lines += lines

    def take(self) -> dict[str, Any] | None:
        """The next chunk; its lines follow on each other. A jump in `first_line` is a gap."""
        with self._lock:
            if not self._blocks:
                return None
            first, size, text = self._blocks.popleft()
            parts, following = [text], first + text.count("\n")
            while self._blocks and self._blocks[0][0] == following and size + self._blocks[0][1] <= CHUNK_BYTES:
                _, more, text = self._blocks.popleft()
                parts.append(text)
                size, following = size + more, following + text.count("\n")
            self._pending_bytes -= size
        chunk = {"sequence": self._sequence, "first_line": first, "text": "".join(parts)}
        self._sequence += 1
        self._write_position(following)
        return chunk

    def _read_position(self) -> tuple[int, int]:
        with contextlib.suppress(OSError, ValueError):  # a first start
            with open(self._position_file, encoding="ascii") as file:
                sequence, line = map(int, file.read().split())
            return sequence, line
        return 0, 1

    def _write_position(self, line: int) -> None:
        if self._position_file:
            with contextlib.suppress(OSError):  # a full disk: at worst the next start repeats numbers
                with open(self._position_file + ".new", "w", encoding="ascii") as file:
                    file.write(f"{self._sequence} {line}")
                os.replace(self._position_file + ".new", self._position_file)


class Api:
    """The runtime API over one connection that is kept. Every failure is an answer: (0, {})."""

    def __init__(self, url: str, token_file: str) -> None:
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=REQUEST_SECONDS)
        self._prefix = parts.path.rstrip("/") + API_PREFIX
        self._token_file = token_file

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Send one request; returns its status (0: no answer) and the JSON object in it (or an empty one)."""
        try:
            with open(self._token_file, encoding="ascii") as file:  # each time: it may have been renewed
                headers = {"Authorization": f"Bearer {file.read().strip()}", "Content-Type": "application/json"}
            content = json.dumps(body, ensure_ascii=False).encode()
            self._connection.request("POST", self._prefix + path, content, headers)
            response = self._connection.getresponse()
            text = response.read(CHUNK_BYTES)
            if not response.isclosed():  # there is more than we would read
                self._connection.close()
            return response.status, _json_object(text)
        except (OSError, ValueError, http.client.HTTPException):
            self._connection.close()
            return 0, {}


class Usage:
    """What the command and everything below it use."""

    def __init__(self, descendants: Callable[[], list[int]]) -> None:
        self._descendants = descendants
        self._gpus: list[dict[str, Any]] = []
        self._last = (time.monotonic(), 0.0)

    def sample(self) -> dict[str, Any]:
        """`cpu_ratio`: cores kept busy since the last sample. `memory_bytes`: private pages, and the most shared."""
        ticks, private, shared = 0, 0, 0
        for pid in self._descendants():
            with contextlib.suppress(OSError, ValueError):  # it may have ended
                with open(f"/proc/{pid}/stat", "rb") as file:
                    ticks += sum(map(int, file.read().rpartition(b")")[2].split()[11:15]))  # with reaped children
                with open(f"/proc/{pid}/statm", "rb") as file:
                    resident, common = map(int, file.read().split()[1:3])
                private, shared = private + resident - common, max(shared, common)
        now, seconds = time.monotonic(), ticks / os.sysconf("SC_CLK_TCK")
        before, self._last = self._last, (now, seconds)
        busy = max(seconds - before[1], 0.0) / max(now - before[0], 0.001)
        memory = (private + shared) * os.sysconf("SC_PAGE_SIZE")
        return {"cpu_ratio": round(busy, 4), "memory_bytes": memory, "gpus": self._gpus}

    def watch_gpus(self) -> None:
        """Ask nvidia-smi now and then; gives up for good when it is absent, fails or is slow."""
        query = ["nvidia-smi", "--query-gpu=index,utilization.gpu,memory.used", "--format=csv,noheader,nounits"]
        query += ["-i", os.environ[DEVICES]]
        with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError):  # the figures are a courtesy
            while True:
                text = subprocess.run(query, capture_output=True, text=True, timeout=5, check=True).stdout
                rows = [[int(cell) for cell in line.split(",")] for line in text.splitlines()]
                self._gpus = [
                    {"index": index, "utilisation_ratio": busy / 100, "memory_bytes": used * 1024 * 1024}
                    for index, busy, used in rows
                ]
                time.sleep(GPU_SECONDS)


class Reporter(threading.Thread):
    """Speaks with the control plane while the command runs, and for a bounded time after its end."""

    def __init__(self, command: Command, logs: Logs, usage: Usage, options: dict[str, float]) -> None:
        super().__init__(daemon=True)
        self._command, self._logs, self._usage = command, logs, usage
        self._options = options
        self._ended = threading.Event()
        self._report: dict[str, Any] = {}
        self._chunk: dict[str, Any] | None = None
        self._failures = 0

    def run(self) -> None:
        self._rank = int(os.environ.get(RANK) or 0)
        self._api = Api(os.environ[API_URL], os.environ.get(TOKEN_FILE, ""))
        if os.environ.get(DEVICES):
            threading.Thread(target=self._usage.watch_gpus, daemon=True).start()
        beat_at = 0.0
        while not self._ended.is_set():
            if time.monotonic() >= beat_at:
                self._heartbeat()
                beat_at = time.monotonic() + self._options["heartbeat_seconds"]
            more = self._ship()
            pause = min(SHIP_SECONDS * 2**self._failures, max(beat_at - time.monotonic(), 0.0))
            self._ended.wait(0.0 if more else pause)
        self._last_words()

    def end(self, report: dict[str, Any]) -> None:
        """Say the last words; returns when they are said or the time for them is over."""
        self._report = report
        self._ended.set()
        deadline = time.monotonic() + self._options["last_words_seconds"]
        while self.is_alive() and time.monotonic() < deadline:
            self.join(0.05)
            if self._command.hurry.is_set():
                self._command.hurry.clear()
                deadline = min(deadline, time.monotonic() + HURRIED_SECONDS)

    def _last_words(self) -> None:
        """The rest of the logs, in the first half of the time at most; then the exit."""
        start, limit = time.monotonic(), self._options["last_words_seconds"]
        self._failures = 0
        while not self._command.superseded and time.monotonic() < start + limit / 2:
            if not self._ship():
                if not self._failures:
                    break
                time.sleep(0.1 * 2**self._failures)
        while not self._command.superseded and not self._options["replica"]:
            if self._post("/exit", self._report) is not None:
                break
            time.sleep(0.1 * 2**self._failures)

    def _heartbeat(self) -> None:
        answer = self._post("/heartbeat", {**self._usage.sample(), "dropped_log_lines": self._logs.dropped_lines})
        should_stop = (answer or {}).get("should_stop")
        if isinstance(should_stop, str) and should_stop:
            grace = (answer or {}).get("grace_seconds")
            sane = isinstance(grace, int | float) and 0 <= grace <= LONGEST_GRACE_SECONDS
            self._command.leave(float(grace or 0) if sane else DEFAULT_GRACE_SECONDS)

    def _ship(self) -> bool:
        """Send one chunk. True: it is done with, there may be more at once."""
        self._chunk = self._chunk or self._logs.take()
        if self._chunk is None or self._post("/logs", self._chunk) is None:
            return False
        self._chunk = None
        return True

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """The answer; empty when it was refused for good; None when it should be sent again."""
        status, answer = self._api.post(path, {"rank": self._rank, **body})
        if status in (401, 410) and answer.get("code") == "attempt_superseded":
            self._command.superseded = True
            self._command.leave(SUPERSEDED_GRACE_SECONDS)
        if 200 <= status < 300:
            self._failures = 0
            return answer
        if 300 <= status < 500 and status not in PASSING:
            self._logs.drop(str(body.get("text", "")).count("\n"))
            return {}
        self._failures = min(self._failures + 1, 4)
        return None


def _json_object(text: bytes) -> dict[str, Any]:
    """Raises ValueError: not JSON."""
    answer = json.loads(text) if text.strip() else {}
    return answer if isinstance(answer, dict) else {}
