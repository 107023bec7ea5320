"""Files kept on a machine by their SHA-256: fetched once, whole or not at all, and gone on with where it broke off."""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

import httpx

from workers.runtime.client import JobApiError, problem_of
from workers.runtime.stored_file import hash_file

CACHE = Path("~/.cache/bedplate/datasets")
"""Of whoever runs this; which home that is is asked when something is fetched, for not every user id has one."""
TRIES = 8
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 20.0
TIMEOUT_SECONDS = 60.0


class Wanted(Protocol):
    """What is fetched."""

    @property
    def name(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def url(self) -> str | None: ...


@dataclass(frozen=True)
class FileCache:
    """A folder of files, shared by all processes of the machine.

    Args:
        folder: `<folder>/<first two digits>/<sha256>.parquet`; may begin with `~`.
        headers: sent along; a token.
        sleep: waits between two tries; a test passes its own.
    """

    folder: Path
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    sleep: Callable[[float], None] = time.sleep

    def fetch(self, wanted: Wanted) -> Path:
        """Where the file is, after it was fetched if need be. Blocks for as long as that takes.

        Raises:
            JobApiError: it cannot be fetched, or what came is not the file: `damaged`.
        """
        path = self.folder.expanduser() / wanted.sha256[:2] / f"{wanted.sha256}{Path(wanted.name).suffix}"
        if path.exists():
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.partial")
        with _alone(path):
            if path.exists():  # another process was faster
                return path
            partial.touch()
            for again in (True, False):
                self._complete(wanted, partial)
                if hash_file(partial) == wanted.sha256:
                    break
                partial.write_bytes(b"")
                if not again:
                    raise JobApiError("damaged", f"{wanted.name} does not have the SHA-256 {wanted.sha256}")
            partial.replace(path)
        return path

    def _complete(self, wanted: Wanted, partial: Path) -> None:
        """Go on with what is here until it is all."""
        pause, left = FIRST_PAUSE_SECONDS, TRIES
        while (have := partial.stat().st_size) < wanted.size_bytes:
            try:
                self._some(wanted, partial, have)
                if partial.stat().st_size <= have:
                    raise JobApiError("download_failed", f"{wanted.name}: nothing came")
            except (httpx.RequestError, JobApiError) as error:
                failure = error if isinstance(error, JobApiError) else None
                left = TRIES if partial.stat().st_size > have else left - 1  # what moves on may go on
                if left == 0 or (failure is not None and failure.final):
                    raise failure or JobApiError("download_failed", f"{wanted.name}: {error}") from error
                self.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _some(self, wanted: Wanted, partial: Path, have: int) -> None:
        """Fetch from a byte on, as far as it comes; from the start where the server has no ranges."""
        headers = {**self.headers, **({"Range": f"bytes={have}-", "If-Range": f'"{wanted.sha256}"'} if have else {})}
        with httpx.stream("GET", str(wanted.url), headers=headers, timeout=TIMEOUT_SECONDS) as response:
            if not response.is_success:
                response.read()
                raise problem_of(response)
            with partial.open("ab" if response.status_code == HTTPStatus.PARTIAL_CONTENT else "wb") as file:
                for chunk in response.iter_bytes():  # as they come: what is held back is lost when it breaks off
                    file.write(chunk)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Be the one process of the machine that fetches this file; the others wait."""
    with path.with_name(f"{path.name}.lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
