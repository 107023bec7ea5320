"""What a job runs in, told once in the background: Python, packages, torch, GPUs; found out without importing any."""

from __future__ import annotations

import atexit
import contextlib
import platform
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from workers.runtime.client import AttemptSuperseded, JobApiError
from workers.runtime.wrapper_facts import report_of

LAST_SECONDS = 3.0
"""How long the end of a short job waits for it."""


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
    """Body of `POST runtime/attempts/self/environment`: of this process.

    Args:
        first: folders of packages that are found before those of this process.
    """
    folders = [*map(str, first), *dict.fromkeys(place for place in sys.path if place and Path(place).is_dir())]
    return report_of(platform.python_version(), folders, environment)
