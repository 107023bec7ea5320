"""The runtime API as a job calls it: one bearer token, JSON, errors as problem+json.

Every call of a job is idempotent on the other side, so a call that may have been lost is sent again: after a
connection error, a time-out, 429, 5xx, or an answer that is not the control plane's (a proxy's page, whatever its
status), with growing pauses, for at most `retry_seconds`.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import httpx

from workers.contracts import exit_codes

API_PREFIX = "/api/v1/runtime"
SUPERSEDED = "attempt_superseded"
UNSAID = "http_"
"""Begins the code of an answer that had none."""
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
LONGEST_RETRY_AFTER_SECONDS = 60.0
CHUNK_BYTES = 1 << 20
SAY_AFTER_SECONDS = 5.0
PASSING = frozenset(
    {HTTPStatus.UNAUTHORIZED, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)
_T = TypeVar("_T")


class JobApiError(Exception):
    """The control plane refused a call, or could not be reached in the time allowed.

    `code` is the stable code of the problem (`not_an_input`, `backend_unavailable`, …); `status` is the HTTP
    status, 0 when there was no answer at all.
    """

    def __init__(self, code: str, detail: str, status: int = 0) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.status = status
        self.retry_after = 0.0
        """Seconds that the server asked to be left alone."""

    @property
    def final(self) -> bool:
        """The control plane itself said no: asking again would not help."""
        said_no = HTTPStatus.BAD_REQUEST <= self.status < HTTPStatus.INTERNAL_SERVER_ERROR
        own = not self.code.startswith(UNSAID) or self.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return said_no and own and self.status not in PASSING


class AttemptSuperseded(SystemExit):
    """A newer attempt took over, or this one has ended: nothing that this process does counts any more.

    A `SystemExit`, so that it passes through a user's `except Exception` and ends the process with
    `exit_codes.CONTROL_PLANE_GONE` when nobody catches it.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(exit_codes.CONTROL_PLANE_GONE)
        self.detail = detail


class StopOrder(NamedTuple):
    """What the control plane says of leaving."""

    reason: str = ""
    """Why the job must leave; empty while it may stay."""
    grace_seconds: float | None = None
    """From now until it is killed; None: not known."""


class RuntimeClient:
    """Calls the runtime API. Safe to use from several threads; every call may block for `retry_seconds`.

    Args:
        api_url: base address of the control plane, without a trailing slash.
        token_file: file with the attempt token, read anew for each request because it may be renewed.
        timeout_seconds: of one request.
        retry_seconds: how long a call is repeated before it gives up; long enough for a control plane that restarts.
        sleep: waits between two tries; a test passes its own.
    """

    def __init__(
        self,
        api_url: str,
        token_file: Path,
        *,
        timeout_seconds: float = 10.0,
        retry_seconds: float = 120.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._token_file = token_file
        self._retry_seconds = retry_seconds
        self._sleep = sleep
        self._api_url, self._timeout_seconds = api_url, timeout_seconds
        self._pid = 0
        self._closed = False
        self._http = self._connected()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._closed = True
        self._http.close()

    # What a job asks ----------------------------------------------------------------------------------------

    def resolve(self, name: str, mode: str) -> dict[str, Any]:
        """Where an input (`read`) or output (`write`) of the spec is. Raises JobApiError `not_an_input`."""
        return self.post("/data/resolve", {"name": name, "mode": mode})

    def send_batch(self, content: bytes | dict[str, Any], content_type: str = "application/json") -> None:
        """Send one batch of metric points, once; the server keeps one of each (attempt, rank, sequence)."""
        answer = self._call("POST", "/metrics", content, content_type, 0.0)
        if "accepted" not in answer:
            raise JobApiError("unexpected_answer", "POST /metrics did not say what it accepted")

    def register_checkpoint(self, record: dict[str, Any], *, retry: float | None = None) -> dict[str, Any]:
        """Announce a written checkpoint; it counts once this returns."""
        return self.post("/checkpoints", record, retry_seconds=retry)

    def latest_checkpoint(self) -> dict[str, Any] | None:
        """The last acknowledged checkpoint of this workload, of any attempt."""
        try:
            return self.get("/checkpoints/latest")
        except JobApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def register_artifact(self, record: dict[str, Any], *, retry: float | None = None) -> dict[str, Any]:
        """Announce a written artifact; it counts once this returns."""
        return self.post("/artifacts", record, retry_seconds=retry)

    def should_stop(self) -> StopOrder:
        """Whether the job must leave. One try, no repetition: the caller asks again anyway."""
        answer = self.get("/attempts/self/should-stop", retry_seconds=0)
        reason, grace = answer.get("should_stop"), answer.get("grace_seconds")
        if not isinstance(reason, str) or not reason:
            return StopOrder()
        return StopOrder(reason, float(grace) if isinstance(grace, int | float) and grace >= 0 else None)

    def download(self, url: str, path: Path) -> None:
        """Fetch a short-lived URL of an input into `path`, which appears whole or not at all.

        The attempt token is not sent: the address itself carries the permission.
        """
        partial = path.with_name(path.name + ".partial")
        with httpx.Client(timeout=30.0, trust_env=False, follow_redirects=True) as http:
            self._repeat(lambda: _fetch(http, url, partial), self._retry_seconds, "an input")
        partial.replace(path)

    # Plain verbs --------------------------------------------------------------------------------------------

    def get(self, path: str, *, retry_seconds: float | None = None) -> dict[str, Any]:
        """GET below the runtime prefix. Raises JobApiError or AttemptSuperseded."""
        return self._call("GET", path, None, "", retry_seconds)

    def post(self, path: str, body: dict[str, Any], *, retry_seconds: float | None = None) -> dict[str, Any]:
        """POST JSON below the runtime prefix. Raises JobApiError or AttemptSuperseded."""
        return self._call("POST", path, body, "application/json", retry_seconds)

    def _connected(self) -> httpx.Client:
        """The connections of this process; a forked one must not speak on its parent's."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._http = httpx.Client(
                base_url=self._api_url + API_PREFIX,
                timeout=self._timeout_seconds,
                trust_env=False,
                verify=self._api_url.startswith("https"),  # a TLS context costs a start of 70 ms; plain HTTP needs none
            )
        return self._http

    def _call(
        self, method: str, path: str, body: bytes | dict[str, Any] | None, kind: str, retry_seconds: float | None
    ) -> dict[str, Any]:
        content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace") if isinstance(body, dict) else body

        def once() -> dict[str, Any]:
            try:
                token = self._token_file.read_text(encoding="utf-8").strip()
            except OSError as error:
                raise JobApiError("no_token", f"the token cannot be read: {error.strerror}") from error
            headers = {"Authorization": f"Bearer {token}"} | ({"Content-Type": kind} if kind else {})
            return _object(self._connected().request(method, path, content=content, headers=headers))

        limit = self._retry_seconds if retry_seconds is None else retry_seconds
        return self._repeat(once, limit, f"{method} {path}")

    def _repeat(self, once: Callable[[], _T], limit_seconds: float, what: str) -> _T:
        """Try until there is an answer that is not a passing trouble, or the time is over."""
        began = time.monotonic()
        pause, said = FIRST_PAUSE_SECONDS, False
        while True:
            try:
                return once()
            except httpx.RequestError as error:
                failure = JobApiError("control_plane_unreachable", f"{type(error).__name__}: {error}")
            except JobApiError as error:
                if error.final:
                    raise
                failure = error
            except RuntimeError:  # what httpx says of a client that another thread has closed
                if not self._closed:
                    raise
                failure = JobApiError("closed", "the job is ending")
            if self._closed:
                raise failure
            wait = max(failure.retry_after, pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads the tries, guards nothing
            if time.monotonic() + wait > began + limit_seconds:
                raise failure
            if not said and time.monotonic() > began + SAY_AFTER_SECONDS:
                said = True
                print(f"bedplate: {what} waits for the control plane: {failure}", file=sys.stderr, flush=True)
            self._sleep(wait)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def _object(response: httpx.Response) -> dict[str, Any]:
    """The JSON object of an answer that says yes. Raises JobApiError or AttemptSuperseded."""
    if not response.is_success:
        raise problem_of(response)
    try:
        answer = response.json() if response.content else None
    except ValueError:  # a proxy's page
        answer = None
    if not isinstance(answer, dict):
        raise JobApiError("unexpected_answer", "the answer is no JSON object", response.status_code)
    return answer


def problem_of(response: httpx.Response) -> JobApiError:
    """The error that a refused answer stands for.

    Raises:
        AttemptSuperseded: the answer says that this attempt no longer counts.
    """
    try:
        body = response.json()
    except ValueError:  # a proxy's page, or nothing
        body = {}
    problem = body if isinstance(body, dict) else {}
    code = str(problem.get("code") or f"{UNSAID}{response.status_code}")
    detail = str(problem.get("detail") or problem.get("title") or response.reason_phrase)
    if code == SUPERSEDED:
        raise AttemptSuperseded(detail)
    error = JobApiError(code, detail, response.status_code)
    error.retry_after = _retry_after(response)
    return error


def _retry_after(response: httpx.Response) -> float:
    """Seconds that the server asked for; 0 when it did not say, or said a date."""
    value = response.headers.get("Retry-After", "")
    return min(float(value), LONGEST_RETRY_AFTER_SECONDS) if value.isdecimal() and value.isascii() else 0.0


def _fetch(http: httpx.Client, url: str, path: Path) -> None:
    """Raises JobApiError `download_refused` when the store says no: an address that has expired does not come back."""
    with http.stream("GET", url) as response:
        if response.is_success:
            with path.open("wb") as file:
                for chunk in response.iter_bytes(CHUNK_BYTES):
                    file.write(chunk)
            return
        response.read()
    failure = problem_of(response)
    if failure.code.startswith(UNSAID):
        failure = JobApiError("download_refused", failure.detail, failure.status)
    raise failure
