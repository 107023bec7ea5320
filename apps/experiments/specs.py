"""What a run executes: plain values → JobSpec. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workers.contracts.specs import DataRef, JobSpec, Resources

SCRIPT_NAME = "train.py"
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


def run_spec(
    *,
    script: str,
    data: DataRef,
    parameters: Mapping[str, Any],
    resources: Resources,
    secrets: Sequence[str],
    time_limit_seconds: int,
) -> JobSpec:
    """`python train.py` with the script beside it, reading `data`, writing checkpoints and artifacts."""
    return JobSpec(
        command=("python", SCRIPT_NAME),
        resources=resources,
        inputs=(data,),
        outputs=(DataRef(CHECKPOINTS, ""), DataRef(ARTIFACTS, "")),
        parameters=dict(parameters),
        files={SCRIPT_NAME: script},
        secrets=tuple(secrets),
        time_limit_seconds=time_limit_seconds,
    )
