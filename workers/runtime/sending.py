"""Files sent to the store, where a job does not share a disk with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import IO
from urllib.parse import quote, urlencode

import httpx

from workers.runtime.client_errors import JobApiError, problem_of

CHUNK_BYTES = 1 << 18
TIMEOUTS = httpx.Timeout(60.0, read=600.0)
"""The answer comes when the file is on the disk of the store, which may have to read it once."""


@dataclass(frozen=True, slots=True)
class Sending:
    """A file of an output that the store is to have."""

    output: str
    path: str
    """Below the folder of the output."""
    source: Path
    size_bytes: int
    sha256: str
    moved: Callable[[int], None] = field(default=lambda position: None, compare=False)
    """Called when some of it has gone: up to which byte."""

    @property
    def own_address(self) -> str:
        """Where the control plane takes it, below the prefix of the runtime API."""
        said = urlencode({"size_bytes": self.size_bytes, "sha256": self.sha256})
        return f"/outputs/{quote(self.output)}/{quote(self.path)}?{said}"


def put_file(file: Sending, url: str, headers: dict[str, str]) -> None:
    """PUT the bytes of a file, a chunk in memory at a time. One try.

    Raises:
        JobApiError: it was refused, broke off, or the file cannot be read.
        AttemptSuperseded: this attempt no longer counts.
    """
    sent = {"Content-Type": "application/octet-stream", **headers, "Content-Length": str(file.size_bytes)}
    try:
        with file.source.open("rb") as opened, httpx.Client(timeout=TIMEOUTS, trust_env=False) as http:
            response = http.put(url, content=_chunks(opened, file.moved), headers=sent)
    except OSError as error:
        raise JobApiError("not_readable", f"{file.source}: {error.strerror}", HTTPStatus.BAD_REQUEST) from error
    except httpx.RequestError as error:
        raise JobApiError("upload_failed", f"{file.path}: {type(error).__name__}: {error}") from error
    if not response.is_success:
        raise problem_of(response)


def _chunks(opened: IO[bytes], moved: Callable[[int], None]) -> Iterator[bytes]:
    while chunk := opened.read(CHUNK_BYTES):
        yield chunk
        moved(opened.tell())
