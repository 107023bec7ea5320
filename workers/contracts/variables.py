"""Environment variables that a user may give to a job: checked where a run is submitted. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

VARIABLES_MOST: Final = 200
VALUE_BYTES_MOST: Final = 32 << 10
"""Of one variable with its name."""
TOTAL_BYTES_MOST: Final = 256 << 10
"""Of all together: a process is given them together with its command."""
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_OURS: Final = ("BEDPLATE_", "MLFLOW_")
_SET: Final = frozenset(
    {
        "CUDA_VISIBLE_DEVICES",
        "HOME",
        "LOCAL_RANK",
        "LOGNAME",
        "MASTER_ADDR",
        "MASTER_PORT",
        "NVIDIA_VISIBLE_DEVICES",
        "PATH",
        "RANK",
        "TMPDIR",
        "USER",
        "WORLD_SIZE",
    }
)
"""What a job is given by where it runs."""
_LOADED: Final = frozenset({"LD_AUDIT", "LD_PRELOAD", "PYTHONHOME"})
"""What would change the program that starts the command and reports on it, too."""
_PASSWORD: Final = re.compile(r"://[^/?#\s:@]*:[^/?#\s@]+@")
"""Begins with what is no part of the rest: long texts are read once."""
_SECRET: Final = re.compile(
    r"(?:^|_)(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|SECRETS|TOKEN|CREDENTIAL|CREDENTIALS|API_?KEY|ACCESS_?KEY"
    r"|PRIVATE_?KEY)(?:_|$)"
)


def variables_wrong(variables: Mapping[str, str]) -> dict[str, str]:
    """What is wrong, by the name of the variable; by the empty name what is wrong with all of them."""
    wrong = {name: text for name, value in variables.items() if (text := _trouble(name, value))}
    if len(variables) > VARIABLES_MOST:
        wrong[""] = f"{len(variables)} variables; at most {VARIABLES_MOST} are given to a job"
    total = sum(_size(name) + _size(value) + 2 for name, value in variables.items())
    if total > TOTAL_BYTES_MOST:
        wrong[""] = f"{total} bytes; at most {TOTAL_BYTES_MOST} together. Put large values into a file of the source"
    return wrong


def _trouble(name: str, value: str) -> str:
    if not _NAME.fullmatch(name):
        return "is no name of a variable: letters, digits and _, not beginning with a digit, at most 100"
    if name.upper().startswith(_OURS) or name in _SET:
        return "is set for every job by where it runs"
    if name in _LOADED:
        return f"would change what starts the command, too: set it in the command, `env {name}=… python train.py`"
    if _PASSWORD.search(value):
        return "has a password in an address: store it as a secret of the project, and the job gets it as a file"
    if _SECRET.search(name.upper()):
        return "looks like a secret: store it as a secret of the project, and the job gets it as a file"
    if "\0" in value:
        return "has a NUL character, which no process can be given"
    size = _size(name) + _size(value) + 1
    return f"{size} bytes; at most {VALUE_BYTES_MOST} of one variable" if size > VALUE_BYTES_MOST else ""


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
