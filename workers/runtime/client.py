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
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import httpx

from workers.runtime.client_errors import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS
from workers.runtime.client_errors import AttemptSuperseded as AttemptSuperseded
from workers.runtime.client_errors import JobApiError as JobApiError
from workers.runtime.client_errors import problem_of as problem_of
from workers.runtime.fetching import Fetcher, Wanted
from workers.runtime.posting import Poster, Unusual
from workers.runtime.sending import Sending, put_file
from workers.runtime.token_file import TokenFile

API_PREFIX = "/api/v1/runtime"
SAY_AFTER_SECONDS = 5.0
_T = TypeVar("_T")


class StopOrder(NamedTuple):
    """What the control plane says of leaving."""

    reason: str = ""
    """Why the job must leave; empty while it may stay."""
    grace_seconds: float | None = None
    """From now until it is killed; None: not known."""

    @classmethod
    def of(cls, answer: dict[str, Any]) -> StopOrder:
        """What is no reason in the answer is no order."""
        reason, grace = answer.get("should_stop"), answer.get("grace_seconds")
        if not isinstance(reason, str) or not reason:
            return cls()
        return cls(reason, float(grace) if isinstance(grace, int | float) and grace >= 0 else None)


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
        self._token = TokenFile(token_file)
        self._retry_seconds = retry_seconds
        self._sleep = sleep
        self._api_url, self._timeout_seconds = api_url, timeout_seconds
        self._pid = 0
        self._closed = False
        self._poster = Poster(api_url + API_PREFIX, timeout_seconds)
        self._http = self._connected()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._closed = True
        self._poster.close()
        self._http.close()

    # What a job asks ----------------------------------------------------------------------------------------

    def resolve(self, name: str, mode: str) -> dict[str, Any]:
        """Where an input (`read`) or output (`write`) of the spec is. Raises JobApiError `not_an_input`."""
        return self.post("/data/resolve", {"name": name, "mode": mode})

    def send_batch(self, content: bytes | dict[str, Any], content_type: str = "application/json") -> None:
        """Send one batch of metric points, once; the server keeps one of each (attempt, rank, sequence)."""
        answer = self._posted("/metrics", content, content_type) if isinstance(content, bytes) else None
        if answer is None:
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
        return StopOrder.of(self.get("/attempts/self/should-stop", retry_seconds=0))

    def download(self, wanted: Wanted, path: Path, renew: Callable[[Wanted], str] | None = None) -> None:
        """Fetch an input by its short-lived address; one that begins with `/` is the control plane's own.

        The attempt token is not sent: the address itself carries the permission. Raises what `Fetcher.fetch` does.

        Args:
            renew: asks for another address when this one is over.
        """

        def again(old: Wanted) -> str:
            return self.address(renew(old)) if renew is not None else ""

        fetcher = Fetcher(
            renew=again if renew is not None else None,
            patience_seconds=self._retry_seconds,
            sleep=self._sleep,
            is_over=lambda: self._closed,
        )
        fetcher.fetch(replace(wanted, url=self.address(wanted.url)), path)

    def upload(self, file: Sending) -> None:
        """Have a file in the store, in one try: nothing is sent where it is there. Blocks for as long as it takes.

        Raises:
            JobApiError: it was refused, or broke off.
            AttemptSuperseded: this attempt no longer counts.
        """
        said = {"output": file.output, "path": file.path, "size_bytes": file.size_bytes, "sha256": file.sha256}
        place = self.post("/data/upload", said, retry_seconds=0)
        if place["is_stored"]:
            return
        headers, url = dict(place.get("headers") or {}), place.get("url")
        if url is None:
            url = self._api_url + API_PREFIX + file.own_address
            headers["Authorization"] = f"Bearer {self._token.text()}"
        put_file(file, self.address(url), headers)

    def address(self, url: str) -> str:
        """The whole of an address that the control plane gave."""
        return self._api_url + url if url.startswith("/") else url

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
            headers = {"Authorization": f"Bearer {self._token.text()}"} | ({"Content-Type": kind} if kind else {})
            response = self._connected().request(method, path, content=content, headers=headers)
            if not response.is_success:
                raise self._refused(response)
            return _object(response.content, response.status_code)

        limit = self._retry_seconds if retry_seconds is None else retry_seconds
        return self._repeat(once, limit, f"{method} {path}")

    def _posted(self, path: str, content: bytes, kind: str) -> dict[str, Any] | None:
        """The answer to what is posted over and over, in one try; None where it is not in the plain form."""
        headers = {"Authorization": f"Bearer {self._token.text()}", "Content-Type": kind}
        try:
            answer = self._poster.post(path, content, headers)
        except Unusual:
            return None
        except OSError as error:
            raise JobApiError("control_plane_unreachable", f"{type(error).__name__}: {error}") from error
        if answer.status // 100 == 2:
            return _object(answer.content, answer.status)
        raise self._refused(httpx.Response(answer.status, headers=answer.headers, content=answer.content))

    def _refused(self, response: httpx.Response) -> JobApiError:
        """The error of an answer that says no. Raises AttemptSuperseded."""
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            self._token.forget()
        return problem_of(response)

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


def _object(content: bytes, status: int) -> dict[str, Any]:
    """The JSON object of an answer that says yes. Raises JobApiError."""
    try:
        answer = json.loads(content)
    except ValueError:  # a proxy's page, or nothing
        answer = None
    if not isinstance(answer, dict):
        raise JobApiError("unexpected_answer", "the answer is no JSON object", status)
    return answer
