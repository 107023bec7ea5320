"""The token of an attempt, in a file that may be renewed."""

from __future__ import annotations

import os
from pathlib import Path

from workers.runtime.client_errors import JobApiError


class TokenFile:
    """Reads the file again when it is another one: it is asked for at every call."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._text = ""
        self._mark: tuple[int, int, int] | None = None  # of the file that it was read from

    def text(self) -> str:
        """Raises JobApiError `no_token`: it cannot be read now."""
        try:
            found = os.stat(self._path)  # noqa: PTH116 - cheaper
            mark = (found.st_mtime_ns, found.st_ino, found.st_size)
            if mark != self._mark:
                self._text, self._mark = self._path.read_text(encoding="utf-8").strip(), mark
        except OSError as error:
            raise JobApiError("no_token", f"the token cannot be read: {error.strerror}") from error
        return self._text

    def forget(self) -> None:
        """It was refused: it may be another one by now, though its file looks the same."""
        self._mark = None
