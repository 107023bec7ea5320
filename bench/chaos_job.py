"""The script of a run under chaos: `examples/credit_risk/train.py`, which also leaves evidence outside of Bedplate.

`bench.chaos` puts the example's text in the place of `TRAIN` and the folder for the evidence among the parameters.
Every line of evidence is one write of one JSON object, so a kill leaves whole lines. What is given to Bedplate is
noted before, what Bedplate has acknowledged afterwards: nothing may be stored that was not noted, nothing noted as
acknowledged may be missing. A lock per workload shows whether two processes of one run ever lived at the same time.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workers.runtime.context import Checkpoint, JobContext, hash_file, job_context
from workers.runtime.stored_file import StoredFile

TRAIN = ""
"""The example's text."""


class Evidence:
    """What this process did, in a file of its own: `<workload>.<attempt number>.<pid>.jsonl`."""

    def __init__(self, folder: Path, ctx: JobContext) -> None:
        name = f"{ctx.workload_id}.{ctx.attempt_number}.{os.getpid()}.jsonl"
        self._file = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._lock = os.open(folder / f"{ctx.workload_id}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        self.lines = 0
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            alone = True
        except BlockingIOError:
            alone = False
        self.note(begin=ctx.attempt_id, alone=alone)

    def note(self, **what: Any) -> None:
        os.write(self._file, json.dumps({"at": time.monotonic()} | what).encode() + b"\n")


class WatchedContext(JobContext):
    """The context of the job, which notes what goes through it. A job's own context is turned into one."""

    evidence: Evidence

    def log_metrics(self, values: Mapping[str, float], step: int) -> None:
        self.evidence.lines += 1
        self.evidence.note(metrics=dict(values), step=step, line=self.evidence.lines)
        print(f"chaos {self.attempt_number} {self.evidence.lines}")
        super().log_metrics(values, step)

    def save_checkpoint(self, source: Any, step: int, metadata: dict[str, Any] | None = None) -> Checkpoint:
        kept = super().save_checkpoint(source, step, metadata)
        self.evidence.note(checkpoint=step, sha256=hash_file(kept.path), acknowledged=kept.acknowledged)
        return kept

    def log_artifact(
        self, name: str, path: Path | str, kind: str = "file", metadata: dict[str, Any] | None = None
    ) -> StoredFile:
        stored = super().log_artifact(name, path, kind, metadata)
        self.evidence.note(artifact=name, sha256=stored.sha256)
        return stored


def main() -> int:
    ctx = job_context()
    folder = Path(ctx.parameters.pop("evidence"))
    ctx.__class__ = WatchedContext
    ctx.evidence = Evidence(folder, ctx)  # type: ignore[attr-defined]
    train = types.ModuleType("train")
    sys.modules["train"] = train
    exec(compile(TRAIN, "train.py", "exec"), vars(train))
    status: int = train.main()
    ctx.close()
    ctx.evidence.note(end=status)  # type: ignore[attr-defined]
    return status


if __name__ == "__main__":
    sys.exit(main())
