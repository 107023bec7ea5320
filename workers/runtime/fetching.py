"""Files fetched by an address: whole or not at all, from where it broke off, compared with what is known of them."""

from __future__ import annotations

import contextlib
import fcntl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

import httpx

from workers.runtime.client_errors import PASSING, UNSAID, JobApiError, problem_of
from workers.runtime.stored_file import hash_file

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 20.0
PATIENCE_SECONDS = 60.0
"""Of pauses in which nothing came, before a file is given up."""
TIMEOUT_SECONDS = 60.0
AT_ONCE = 8
OVER = frozenset({HTTPStatus.GONE, HTTPStatus.FORBIDDEN})
"""What is said of an address whose time is over."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file, as far as it is known before it is here."""

    name: str
    url: str
    size_bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Fetcher:
    """How files are fetched. Safe to use from several threads.

    Args:
        headers: sent along; a token.
        renew: another address of a file, once its own is over.
        patience_seconds: of pauses in which nothing comes.
        sleep: waits between two tries; a test passes its own.
        is_over: nobody needs the file any more.
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    renew: Callable[[Wanted], str] | None = None
    patience_seconds: float = PATIENCE_SECONDS
    sleep: Callable[[float], None] = time.sleep
    is_over: Callable[[], bool] = lambda: False

    def fetch(self, wanted: Wanted, path: Path) -> None:
        """Have the file at `path`; nothing is done where it is there. Blocks for as long as it takes.

        Raises:
            JobApiError: it cannot be fetched, or what came is not the file: `damaged`.
            AttemptSuperseded: a new address was asked for, and this attempt no longer counts.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path):
            if path.exists():  # another process was faster
                return
            partial = path.with_name(f"{path.name}.partial")
            if wanted.sha256 is None:  # nobody can say of which file it is
                partial.unlink(missing_ok=True)
            partial.touch()
            for again in (True, False):
                _Transfer(self, wanted, partial).run()
                if wanted.sha256 is None or hash_file(partial) == wanted.sha256:
                    break
                partial.write_bytes(b"")
                if not again:
                    raise JobApiError("damaged", f"{wanted.name} does not have the SHA-256 {wanted.sha256}")
            partial.replace(path)


class _Transfer:
    """One file on its way."""

    def __init__(self, how: Fetcher, wanted: Wanted, partial: Path) -> None:
        self._how, self._wanted, self._partial = how, wanted, partial
        self._url = wanted.url
        self._tag = f'"{wanted.sha256}"' if wanted.sha256 else ""
        self._renewed = False

    def run(self) -> None:
        """Go on with what is here until it is all."""
        pause, waited = FIRST_PAUSE_SECONDS, 0.0
        while not self._is_whole():
            have = self._size
            try:
                self._some(have)
                if self._wanted.size_bytes is None:
                    return
                failure = JobApiError("download_failed", f"{self._wanted.name}: {self._size} bytes came")
            except httpx.RequestError as error:
                failure = JobApiError("download_failed", f"{self._wanted.name}: {type(error).__name__}: {error}")
            except JobApiError as error:
                failure = error
            if self._is_whole():
                return
            if self._size > have:
                pause, waited, self._renewed = FIRST_PAUSE_SECONDS, 0.0, False  # what moves on may go on
            elif failure.status in OVER and self._how.renew is not None and not self._renewed:
                self._url, self._renewed = self._how.renew(self._wanted), True
                continue
            if failure.final or waited >= self._how.patience_seconds or self._how.is_over():
                raise failure
            wait = max(pause, failure.retry_after)
            self._how.sleep(wait)
            waited, pause = waited + wait, min(pause * 2, LONGEST_PAUSE_SECONDS)

    @property
    def _size(self) -> int:
        return self._partial.stat().st_size

    def _is_whole(self) -> bool:
        """Empty files are whole once they were asked for, like those of which nobody knows the size."""
        return self._wanted.size_bytes is not None and self._size == self._wanted.size_bytes

    def _some(self, have: int) -> None:
        """Fetch from a byte on, as far as it comes; from the start where that is not possible."""
        resumes = have > 0 and self._tag != ""
        plain = {"Accept-Encoding": "identity"}
        headers = {
            **plain,
            **self._how.headers,
            **({"Range": f"bytes={have}-", "If-Range": self._tag} if resumes else {}),
        }
        with httpx.stream(
            "GET", self._url, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False, follow_redirects=True
        ) as response:
            if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                self._partial.write_bytes(b"")
            if not response.is_success:
                response.read()
                raise _refused(response)
            self._tag = response.headers.get("ETag", self._tag).removeprefix("W/")
            with self._partial.open("ab" if response.status_code == HTTPStatus.PARTIAL_CONTENT else "wb") as file:
                for chunk in response.iter_raw():  # as they come: what is held back is lost when it breaks off
                    file.write(chunk)
                    if self._wanted.size_bytes is not None and file.tell() > self._wanted.size_bytes:
                        break
        if self._wanted.size_bytes is not None and self._size > self._wanted.size_bytes:
            self._partial.write_bytes(b"")
            raise JobApiError("damaged", f"{self._wanted.name} is larger than {self._wanted.size_bytes} bytes")


def _refused(response: httpx.Response) -> JobApiError:
    """A store's own no is final, where ours would have a code."""
    failure = problem_of(response)
    passing = response.status_code in PASSING or response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
    if failure.code.startswith(UNSAID) and not passing:
        return JobApiError("download_refused", failure.detail, failure.status)
    return failure


def in_parallel(work: Sequence[Callable[[], _T]], most: int = AT_ONCE) -> list[_T]:
    """Do all, so many at once, in threads that keep no process from ending; the results in order.

    Raises:
        BaseException: what went wrong first; what has not begun by then is left.
    """
    if len(work) <= 1:
        return [each() for each in work]
    results: dict[int, _T] = {}
    failures: list[BaseException] = []
    numbers, lock = iter(range(len(work))), threading.Lock()

    def run() -> None:
        while not failures:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            try:
                results[number] = work[number]()
            except BaseException as error:  # raised by who waits: also the SystemExit of a superseded attempt
                failures.append(error)

    threads = [threading.Thread(target=run, name="bedplate-transfer", daemon=True) for _ in range(min(most, len(work)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return [results[number] for number in range(len(work))]


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Be the one process of the machine that fetches this file; the others wait."""
    with path.with_name(f"{path.name}.lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
