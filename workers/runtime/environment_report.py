"""What a job runs in, told once in the background: Python, packages, torch, GPUs; found out without importing any."""

from __future__ import annotations

import atexit
import contextlib
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from workers.runtime.client import AttemptSuperseded, JobApiError

DEVICES, COMMIT = "CUDA_VISIBLE_DEVICES", "GIT_COMMIT"
PACKAGES_MOST = 500
GPU_SECONDS = 5.0
LAST_SECONDS = 3.0
"""How long the end of a short job waits for it."""
_DISTRIBUTION = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)\.dist-info")
_CUDA = re.compile(r"^cuda\b.*=\s*['\"]([0-9.]+)['\"]", re.MULTILINE)


def tell_in_background(send: Callable[[dict[str, Any]], None], environment: Mapping[str, str], *, wanted: bool) -> None:
    """Send the report in a thread of its own, where it is wanted; what goes wrong is nobody's trouble.

    Call it after whatever closes the connection was registered to run at exit: what is registered last runs first.
    """
    if not wanted:
        return
    thread = threading.Thread(target=_tell, args=(send, environment), name="bedplate-environment", daemon=True)
    thread.start()
    atexit.register(thread.join, LAST_SECONDS)


def _tell(send: Callable[[dict[str, Any]], None], environment: Mapping[str, str]) -> None:
    # RuntimeError: the connection is closed already.
    with contextlib.suppress(JobApiError, AttemptSuperseded, RuntimeError, OSError):
        send(environment_report(environment))


def environment_report(environment: Mapping[str, str], first: Sequence[Path] = ()) -> dict[str, Any]:
    """Body of `POST runtime/attempts/self/environment`.

    Args:
        first: folders of packages that are found before those of this process.
    """
    folders = [*first, *_folders()]
    packages = _packages(folders)
    gpus, driver = _gpus(environment)
    torch = packages.get("torch")
    return {
        "python": platform.python_version(),
        "platform": platform.platform()[:200],
        "hostname": platform.node()[:255],
        "cpu_count": os.cpu_count() or 0,
        "torch": {"version": torch, "cuda": _torch_cuda(folders)} if torch else None,
        "gpus": gpus,
        "driver": driver,
        "git_commit": environment.get(COMMIT, "")[:64],
        "packages": packages,
    }


def _packages(folders: Sequence[Path]) -> dict[str, str]:
    """Versions by name, from the names of folders alone: reading the metadata of hundreds would take longer."""
    found: dict[str, str] = {}
    for folder in folders:
        for path in folder.glob("*.dist-info"):
            match = _DISTRIBUTION.fullmatch(path.name)
            if match:
                found.setdefault(match["name"].replace("_", "-").lower()[:100], match["version"][:60])
    return dict(sorted(found.items())[:PACKAGES_MOST])


def _folders() -> list[Path]:
    return [Path(place) for place in dict.fromkeys(sys.path) if place and Path(place).is_dir()]


def _torch_cuda(folders: Sequence[Path]) -> str:
    for folder in folders:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            match = _CUDA.search((folder / "torch" / "version.py").read_text(encoding="utf-8"))
            return match[1] if match else ""
    return ""


def _gpus(environment: Mapping[str, str]) -> tuple[list[dict[str, Any]], str]:
    """Those that the job may use, and the version of their driver, as nvidia-smi says."""
    program = shutil.which("nvidia-smi") if environment.get(DEVICES) else None
    if program is None:
        return [], ""
    query = [program, "--query-gpu=index,name,memory.total,driver_version", "--format=csv,noheader,nounits"]
    query += ["-i", environment[DEVICES]]
    with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError):
        text = subprocess.run(query, capture_output=True, text=True, timeout=GPU_SECONDS, check=True).stdout
        rows = [[cell.strip() for cell in line.split(",")] for line in text.splitlines()]
        gpus = [{"index": int(row[0]), "name": row[1][:200], "memory_bytes": int(row[2]) << 20} for row in rows]
        return gpus, rows[0][3][:60] if rows else ""
    return [], ""
