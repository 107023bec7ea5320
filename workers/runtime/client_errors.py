"""What the runtime API says no with, as a job understands it."""

from __future__ import annotations

from http import HTTPStatus

import httpx

from workers.contracts import exit_codes

SUPERSEDED = "attempt_superseded"
UNSAID = "http_"
"""Begins the code of an answer that had none."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 5.0
"""Between two tries."""
LONGEST_RETRY_AFTER_SECONDS = 60.0
PASSING = frozenset(
    {HTTPStatus.UNAUTHORIZED, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)


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
