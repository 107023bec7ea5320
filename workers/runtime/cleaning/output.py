"""The folder that a job writes into: whole in the end, or empty."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from workers.runtime.cleaning.errors import UserError, is_disk_full

ROOM_BYTES = 64 << 10
"""Less than that on a disk counts as none."""


@contextlib.contextmanager
def emptied_on_failure(folder: Path) -> Iterator[None]:
    """An output that is whole or empty: what was written is removed again, also when there is no room for the rest.

    Raises:
        OSError: no room, also where the engine that wrote did not say so (Daft: "channel closed").
    """
    try:
        yield
    except BaseException as error:
        full = isinstance(error, Exception) and not isinstance(error, UserError) and not _has_room(folder)
        for path in folder.iterdir():
            with contextlib.suppress(OSError):  # the failure itself is what matters
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder)) from error
        raise


def _has_room(folder: Path) -> bool:
    try:
        (folder / "room").write_bytes(bytes(ROOM_BYTES))
    except OSError as error:
        return not is_disk_full(error)
    return True
