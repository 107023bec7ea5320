"""A wrapper as a real process, and the API that it speaks to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiting import until
from tests.workers.wrapper.misbehaving_api import MisbehavingApi
from workers.contracts import environment as names
from workers.runtime import wrapper

WRAPPER = [sys.executable, "-I", "-S", wrapper.__file__]


@dataclass
class Wrapped:
    """A folder of a member in which wrappers are started."""

    folder: Path
    api_url: str
    environment: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)
    limits: tuple[str, ...] = ()
    """Words before the wrapper: `prlimit --fsize=…`."""

    def start(self, *command: str, options: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
        (self.folder / "token").write_text("attempt-token\n")
        environment = {
            "PATH": os.environ["PATH"],
            names.API_URL: self.api_url,
            names.TOKEN_FILE: str(self.folder / "token"),
            names.RANK: "2",
            names.RESULT_FILE: str(self.folder / "result.json"),
            names.REPORT_FILE: str(self.folder / "report.json"),
            names.PATIENCE_SECONDS: "0",
            **self.environment,
        }
        with (self.folder / "output.log").open("ab") as output:
            process = subprocess.Popen(
                [*self.limits, *WRAPPER, *options, "--", *command],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self.started.append(process)
        return process

    def run(self, *command: str, options: tuple[str, ...] = ()) -> tuple[int, float]:
        """Exit status, and seconds it took."""
        began = time.monotonic()
        status = self.start(*command, options=options).wait(60)
        return status, time.monotonic() - began

    def sh(self, script: str, *, options: tuple[str, ...] = ()) -> int:
        return self.run("sh", "-c", script, options=options)[0]

    def output(self) -> str:
        return (self.folder / "output.log").read_text(errors="replace")

    def prints(self, text: str) -> None:
        until(lambda: text in self.output(), what=f"{text!r} in the output")

    def report(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "report.json").read_text()))


@pytest.fixture
def api() -> Iterator[MisbehavingApi]:
    with MisbehavingApi() as server:
        yield server


@pytest.fixture
def wrapped(tmp_path: Path, api: MisbehavingApi) -> Iterator[Wrapped]:
    """A wrapper that speaks to `api`; what still runs at the end is killed."""
    made = Wrapped(tmp_path, api.url)
    yield made
    for process in made.started:
        if process.poll() is None:
            process.kill()
            process.wait(10)


@pytest.fixture
def alone(tmp_path: Path) -> Wrapped:
    """A wrapper without a control plane."""
    return Wrapped(tmp_path, "")
