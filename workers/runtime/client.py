"""The runtime API as a job calls it: one bearer token, JSON, errors as problem+json.

Every call of a job is idempotent on the other side, so a call that may have been lost is sent again: after a
connection error, a time-out, 429 or 5xx, with growing pauses, for at most `retry_seconds`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

import httpx

from workers.contracts import exit_codes

API_PREFIX = "/api/v1/runtime"
SUPERSEDED = "attempt_superseded"
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
CHUNK_BYTES = 1 << 20


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


class AttemptSuperseded(SystemExit):
    """A newer attempt took over, or this one has ended: nothing that this process does counts any more.

    A `SystemExit`, so that it passes through a user's `except Exception` and ends the process with
    `exit_codes.CONTROL_PLANE_GONE` when nobody catches it.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(exit_codes.CONTROL_PLANE_GONE)
        self.detail = detail


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
        self._http = httpx.Client(
            base_url=api_url + API_PREFIX,
            timeout=timeout_seconds,
            trust_env=False,
            verify=api_url.startswith("https"),  # building a TLS context costs a start of 70 ms; plain HTTP needs none
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # What a job asks ----------------------------------------------------------------------------------------

    def resolve(self, name: str, mode: str) -> dict[str, Any]:
        """Where an input (`read`) or output (`write`) of the spec is. Raises JobApiError `not_an_input`."""
        return self.post("/data/resolve", {"name": name, "mode": mode})

    def send_metrics(
        self, rank: int, sequence: int, points: list[dict[str, Any]], *, retry: float | None = None
    ) -> None:
        """Send one batch; the server keeps one of each (attempt, rank, sequence)."""
        self.post("/metrics", {"rank": rank, "sequence": sequence, "points": points}, retry_seconds=retry)

    def register_checkpoint(self, record: dict[str, Any]) -> dict[str, Any]:
        """Announce a written checkpoint; it counts once this returns."""
        return self.post("/checkpoints", record)

    def latest_checkpoint(self) -> dict[str, Any] | None:
        """The last acknowledged checkpoint of this workload, of any attempt."""
        try:
            return self.get("/checkpoints/latest")
        except JobApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def register_artifact(self, record: dict[str, Any]) -> dict[str, Any]:
        return self.post("/artifacts", record)

    def should_stop(self) -> str:
        """Why the job must leave, or empty. One try, no repetition: the caller asks again anyway."""
        return str(self.get("/attempts/self/should-stop", retry_seconds=0).get("should_stop", ""))

    def download(self, url: str, path: Path) -> None:
        """Fetch a short-lived URL of an input into `path`, which appears whole or not at all.

        The attempt token is not sent: the address itself carries the permission.
        """
        partial = path.with_name(path.name + ".partial")
        with httpx.Client(timeout=30.0, trust_env=False, follow_redirects=True) as http:
            self._repeat(lambda: _fetch(http, url, partial), self._retry_seconds)
        partial.replace(path)

    # Plain verbs --------------------------------------------------------------------------------------------

    def get(self, path: str, *, retry_seconds: float | None = None) -> dict[str, Any]:
        """GET below the runtime prefix. Raises JobApiError or AttemptSuperseded."""
        return self._call("GET", path, None, retry_seconds)

    def post(self, path: str, body: dict[str, Any], *, retry_seconds: float | None = None) -> dict[str, Any]:
        """POST JSON below the runtime prefix. Raises JobApiError or AttemptSuperseded."""
        return self._call("POST", path, body, retry_seconds)

    def _call(self, method: str, path: str, body: dict[str, Any] | None, retry_seconds: float | None) -> dict[str, Any]:
        limit = self._retry_seconds if retry_seconds is None else retry_seconds

        def once() -> httpx.Response:
            token = self._token_file.read_text(encoding="utf-8").strip()
            return self._http.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})

        response = self._repeat(once, limit)
        answer = response.json() if response.content else {}
        if not isinstance(answer, dict):
            raise JobApiError("unexpected_answer", f"{method} {path} answered no JSON object", response.status_code)
        return answer

    def _repeat(self, once: Callable[[], httpx.Response], limit_seconds: float) -> httpx.Response:
        """Try until there is an answer that is not a passing trouble, or the time is over."""
        deadline = time.monotonic() + limit_seconds
        pause = FIRST_PAUSE_SECONDS
        while True:
            asked = 0.0
            try:
                response = once()
            except httpx.TransportError as error:
                failure = JobApiError("control_plane_unreachable", f"{type(error).__name__}: {error}")
            else:
                if response.is_success:
                    return response
                failure = problem_of(response)
                if not _is_passing(response.status_code):
                    raise failure
                asked = _retry_after(response)
            wait = max(asked, pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads the tries, guards nothing
            if time.monotonic() + wait > deadline:
                raise failure
            self._sleep(wait)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


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
    code = str(problem.get("code") or f"http_{response.status_code}")
    detail = str(problem.get("detail") or problem.get("title") or response.reason_phrase)
    if code == SUPERSEDED:
        raise AttemptSuperseded(detail)
    return JobApiError(code, detail, response.status_code)


def _is_passing(status: int) -> bool:
    return (
        status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    )


def _retry_after(response: httpx.Response) -> float:
    """Seconds that the server asked for; 0 when it did not say, or said a date."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else 0.0


def _fetch(http: httpx.Client, url: str, path: Path) -> httpx.Response:
    with http.stream("GET", url) as response:
        if not response.is_success:
            response.read()
            return response
        with path.open("wb") as file:
            for chunk in response.iter_bytes(CHUNK_BYTES):
                file.write(chunk)
    return response
