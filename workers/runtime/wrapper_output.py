"""What comes out of the command: copied to our own output up to a bound, fed to the logs, looked at for its last error.

Standard library only, and nothing from the rest of the project: it is copied with `wrapper.py` into foreign images.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workers.runtime.wrapper_logs import Logs

READ_BYTES = 1024 * 1024
COPY_BYTES = 256 * 1024 * 1024
TAIL_BYTES = 32 * 1024
"""Of the output, looked at for the error that ended the command."""
ERROR_LENGTH = 500
LAST_LINES = 20
_TRACEBACK = "Traceback (most recent call last):"
_ERROR = re.compile(
    r"error|exception|fatal|panic|abort|failed|failure|cannot|can't|could not|denied|not found|no such|unknown|"
    r"invalid|refused|out of memory|segmentation",
    re.IGNORECASE,
)
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


class Output:
    """The reading end of a command's output. Whatever fails behind it, it is read on."""

    def __init__(self, source: int, logs: Logs, *, copy_bytes: int) -> None:
        self._source = source
        self._logs = logs
        self._left = copy_bytes - _size_of(1)
        self._most = copy_bytes
        self._tail = b""

    def pump(self) -> None:
        """Read until the end."""
        with contextlib.suppress(OSError):  # the user's share of pipe buffers is used up: a small one does too
            fcntl.fcntl(self._source, fcntl.F_SETPIPE_SZ, READ_BYTES)
        buffer = bytearray(READ_BYTES)
        view = memoryview(buffer)
        size = 1
        while size:
            size = os.readv(self._source, [buffer])
            data = bytes(view[:size])
            self._tail = (self._tail + data[-TAIL_BYTES:])[-TAIL_BYTES:]
            self._copy(data)
            try:
                self._logs.feed(data, final=not data)
            except Exception:  # whatever is wrong with the live log, the output must be read on
                self._logs.drop(data.count(b"\n"))

    def last_error(self) -> str:
        """The line that says why the command failed, as far as its output tells; empty when it does not."""
        return last_error(self._tail.decode("utf-8", "replace"))

    def _copy(self, data: bytes) -> None:
        """Write to our own output, until the bound; then say once where the rest is."""
        if self._left < 0:
            return
        kept = data[: self._left]
        if len(kept) < len(data):
            kept += f"\nbedplate: this copy ends after {self._most} bytes; the log of the run has the rest\n".encode()
            self._left = -1
        else:
            self._left -= len(data)
        view = memoryview(kept)
        with contextlib.suppress(OSError):  # a full disk must not stop the command
            while view:
                view = view[os.write(1, view) :]


def last_error(text: str) -> str:
    """The exception of the last traceback; else the last of the closing lines that reads like an error; else empty."""
    lines = [_ANSI.sub("", line).rstrip() for line in text.replace("\0", "").replace("\r", "\n").split("\n")]
    starts = [number for number, line in enumerate(lines) if line.endswith(_TRACEBACK)]
    if starts:
        margin = lines[starts[-1]].removesuffix(_TRACEBACK).replace("+ Exception Group ", "| ")
        for line in lines[starts[-1] + 1 :]:
            said = line.removeprefix(margin)
            if said and not said[0].isspace():
                return said[:ERROR_LENGTH]
    closing = [line.strip() for line in lines if line.strip()][-LAST_LINES:]
    return next((line[:ERROR_LENGTH] for line in reversed(closing) if _ERROR.search(line)), "")


def _size_of(descriptor: int) -> int:
    """Of the file behind it, so that a replica that starts again goes on counting; 0 for what is no file."""
    with contextlib.suppress(OSError):
        found = os.fstat(descriptor)
        return found.st_size if stat.S_ISREG(found.st_mode) else 0
    return 0
