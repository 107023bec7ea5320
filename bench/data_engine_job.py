"""One data job in a process of its own, as the control plane would start it, on files in a folder.

    python -m bench.data_engine_job VERB FOLDER [RUNNER [MEMORY_BYTES]]

`FOLDER/bedplate-local/` holds the input and `parameters.json`; the result is left there, `result.json`.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import workers.runtime.cleaning  # noqa: F401 - before Daft is imported anywhere
from workers.contracts.specs import Resources
from workers.runtime.context import JobContext
from workers.runtime.identity import Identity
from workers.runtime.link import LOCAL_FOLDER, LocalLink


class Granted(LocalLink):
    """A local job that was granted all cores, and so much memory."""

    memory_bytes = 0

    def resources(self) -> Resources | None:
        cores = os.cpu_count() or 1
        return Resources(cpu_millis=1000 * cores, memory_bytes=self.memory_bytes) if self.memory_bytes else None


def main(verb: str, place: str, runner: str = "native", memory_bytes: str = "0") -> None:
    folder = Path(place) / LOCAL_FOLDER
    link = Granted(folder)
    link.memory_bytes = int(memory_bytes)
    identity = Identity(result_file=folder / "result.json", data_runner=runner)
    ctx = JobContext(identity, link, Path(place))
    job: Any = getattr(importlib.import_module(f"workers.runtime.cleaning.{verb}"), verb)
    ctx.report(job(ctx))


if __name__ == "__main__":
    main(*sys.argv[1:])
