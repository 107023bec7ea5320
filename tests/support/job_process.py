"""A server of the runtime as a process of its own, and its log."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from tests.support.waiting import until

ROOT = Path(__file__).resolve().parents[2]


class JobProcess:
    """`python -m <module>`; its JSON log lines are read as they come.

    Leaving the block kills it if it is still there.
    """

    def __init__(self, module: str, environment: Mapping[str, str], cwd: Path = ROOT) -> None:
        self.lines: list[dict[str, Any]] = []
        self.other: list[str] = []
        """Lines that are no JSON."""
        base = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=cwd,
            env={**base, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.ended()

    def said(self, message: str) -> dict[str, Any]:
        """The first log line with this message, waiting for it."""
        found: list[dict[str, Any]] = []

        def seen() -> bool:
            found[:] = [line for line in list(self.lines) if line["message"] == message]
            if not found and self.process.poll() is not None and not self._reader.is_alive():
                raise AssertionError(f"it ended with {self.process.returncode}: {self.lines} {self.other}")
            return bool(found)

        until(seen, timeout_seconds=30)
        return found[0]

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def ended(self) -> int:
        """Its exit status, waiting for it."""
        status = self.process.wait(timeout=30)
        self._reader.join(timeout=5)
        return status

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                try:
                    self.lines.append(json.loads(line))
                except ValueError:
                    self.other.append(line)
