"""A process that does not see a folder, as one on another machine."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

HIDE = 'mount -t tmpfs none "$0" && exec "$@"'
WAYS = (("unshare", "-m"), ("unshare", "-rm"))


def without_sight_of(folder: Path) -> list[str]:
    """Words before a command; it finds an empty folder there. Nothing where this machine does not let us: then the
    process sees it, and is not told of it."""
    way = _way()
    return [*way, "sh", "-c", HIDE, str(folder)] if way else []


@cache
def _way() -> tuple[str, ...]:
    for way in WAYS:
        tried = subprocess.run([*way, "sh", "-c", HIDE, "/mnt", "true"], capture_output=True, check=False)
        if tried.returncode == 0:
            return way
    return ()
