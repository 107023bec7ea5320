"""What the command is told by its environment and its home: which member it is, and where it may log as to MLflow.

Standard library only; run before the command starts.
"""
# ruff: noqa: PTH103, PTH108, PTH118, PTH120, PTH123

from __future__ import annotations

import contextlib
import importlib
import os
import sys

API_URL, TOKEN_FILE = "BEDPLATE_JOB_API_URL", "BEDPLATE_TOKEN_FILE"
RANK, WORLD_SIZE = "BEDPLATE_RANK", "BEDPLATE_WORLD_SIZE"
RESULT_FILE, REPORT_FILE = "BEDPLATE_RESULT_FILE", "BEDPLATE_REPORT_FILE"
RUN_ID = "BEDPLATE_RUN_ID"
OLDEST = (3, 10)
CANNOT_START = 126
CREDENTIALS = ".mlflow/credentials"
"""Where clients of MLflow look for a name and a password, below the home."""


def settle() -> None:
    """All of it. Raises SystemExit: this interpreter is too old to run the rest of the wrapper."""
    old_python_refuse(sys.version_info[:2])
    take_place()
    tell_of_mlflow()


def old_python_refuse(version: tuple[int, int]) -> None:
    """End here where the wrapper would lose the output of the command, or its end: the report says why."""
    if version >= OLDEST:
        return
    needed = f"{OLDEST[0]}.{OLDEST[1]}"
    detail = (
        f"the python3 of the image is {version[0]}.{version[1]}; it starts the command, and must be {needed} or newer"
    )
    error = {"code": "launch_error", "detail": detail}
    report = {"exit_code": CANNOT_START, "reason": "launch_error", "result": {"error": error}}
    importlib.import_module("wrapper_ending").write_report(os.environ.get(REPORT_FILE, ""), report)
    os.write(2, f"bedplate: {detail}\n".encode())
    raise SystemExit(CANNOT_START)


def take_place() -> None:
    """Say to the command which member it is: as `prepare.py` noted for a replica; to a gang in the words of torch."""
    noted = os.path.dirname(os.environ.get(RESULT_FILE, "")) + "/rank"
    with contextlib.suppress(OSError), open(noted, encoding="ascii") as file:  # nobody noted it
        os.environ[RANK] = os.environ.get(RANK) or file.read().strip()
    if os.environ.get("MASTER_ADDR") and RANK in os.environ:
        for name, value in (("RANK", os.environ[RANK]), ("WORLD_SIZE", os.environ.get(WORLD_SIZE, "1"))):
            os.environ.setdefault(name, value)
        os.environ.setdefault("LOCAL_RANK", "0")


def tell_of_mlflow() -> None:
    """Let clients of MLflow in the job of a run find the run, and their credentials in a file of mode 0400: the token
    is in no environment. Where the file cannot be written they are refused, and the job runs all the same."""
    run, home = os.environ.get(RUN_ID), os.environ.get("HOME")
    if not run or not home or not os.environ.get(API_URL):
        return
    os.environ["MLFLOW_TRACKING_URI"] = os.environ[API_URL]
    os.environ["MLFLOW_RUN_ID"] = run.replace("-", "")
    with contextlib.suppress(OSError, ValueError):
        with open(os.environ[TOKEN_FILE], encoding="ascii") as file:
            token = file.read().strip()
        path = os.path.join(home, CREDENTIALS)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # of an earlier start in the same folder
            os.unlink(path)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(f"[mlflow]\nmlflow_tracking_username = job\nmlflow_tracking_password = {token}\n")
