"""What a run executes: plain values → JobSpec. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workers.contracts.environment import SEED as SEED
from workers.contracts.source import LOCK_NAME as LOCK_NAME
from workers.contracts.source import SOURCE as SOURCE
from workers.contracts.specs import DataRef, JobSpec, Resources

SCRIPT_NAME = "train.py"
SCRIPT_COMMAND: tuple[str, ...] = ("python", SCRIPT_NAME)
DATA, CHECKPOINTS, ARTIFACTS = "data", "checkpoints", "artifacts"
_TRAINER_SCRIPT = '''"""The built-in trainer of runs of the kind `{kind}`."""

import sys

from workers.runtime.training.{kind} import main

if __name__ == "__main__":
    sys.exit(main())
'''


def trainer_script(kind: str) -> str:
    """The script of runs of a kind that brings its own: the module of its name is the trainer."""
    return _TRAINER_SCRIPT.format(kind=kind)


def bundle_command(words: Sequence[str]) -> tuple[str, ...]:
    """Has the source and its packages in their places, and turns into the command."""
    return ("python", "-m", "workers.runtime.source", "--", *words)


def run_spec(
    *,
    command: Sequence[str],
    files: Mapping[str, str],
    inputs: Sequence[DataRef],
    parameters: Mapping[str, Any],
    resources: Resources,
    secrets: Sequence[str],
    time_limit_seconds: int,
    image: str = "",
    environment: Mapping[str, str] | None = None,
) -> JobSpec:
    """A command with files beside it, reading `inputs`, writing checkpoints and artifacts."""
    return JobSpec(
        command=tuple(command),
        resources=resources,
        image=image,
        inputs=tuple(inputs),
        outputs=(DataRef(CHECKPOINTS, ""), DataRef(ARTIFACTS, "")),
        parameters=dict(parameters),
        files=dict(files),
        environment=dict(environment or {}),
        secrets=tuple(secrets),
        time_limit_seconds=time_limit_seconds,
    )
