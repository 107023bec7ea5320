"""What a run executes: plain values → JobSpec. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workers.contracts.specs import DataRef, JobSpec, Resources

SCRIPT_NAME = "train.py"
DATA, CHECKPOINTS, ARTIFACTS = "data", "checkpoints", "artifacts"
TABULAR_SCRIPT = '''"""The built-in trainer for tables."""

import sys

from workers.runtime.training.tabular import main

if __name__ == "__main__":
    sys.exit(main())
'''
"""Of runs of the kind `tabular`."""


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
