"""Asking the process of a preview. Its address is known to us alone, and it answers to our token only."""

from __future__ import annotations

import hashlib
import json
from http import HTTPStatus
from typing import Any
from uuid import UUID

import httpx
from django.db import connection
from django.utils.crypto import salted_hmac

from apps.common.errors import BedplateError, Conflict, Unavailable
from apps.datasets.models import Preview

CONNECT_SECONDS, ANSWER_SECONDS = 2.0, 20.0
ANSWER_BYTES_MOST = 16 << 20


class PreviewNotReady(Unavailable):
    code, title = "preview_not_ready", "The preview is not ready yet"


class PreviewEnded(Conflict):
    code, title = "preview_ended", "The preview has ended"


class PreviewProblem(BedplateError):
    """What its process said is wrong, with its own status and code."""

    code = "preview_problem"

    def __init__(self, status: int, said: dict[str, Any]) -> None:
        super().__init__(str(said.get("detail") or "The preview gave no answer that can be read."))
        self.status = status
        self.code = str(said.get("code") or self.code)
        self.title = HTTPStatus(status).phrase
        self.retryable = status >= HTTPStatus.INTERNAL_SERVER_ERROR


def token_of(preview_id: UUID) -> str:
    """What a preview's process is shown; nothing is stored, and its spec holds only the SHA-256 of it."""
    return salted_hmac("apps.datasets.preview", str(preview_id), algorithm="sha256").hexdigest()


def token_digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def preview_apply(*, preview: Preview, steps: list[dict[str, Any]]) -> dict[str, Any]:
    """What the steps do to the sample. Waits for up to twenty seconds, outside any transaction.

    Raises:
        PreviewEnded: open it again.
        PreviewNotReady: its process does not answer yet.
        PreviewProblem: a newer recipe was sent meanwhile, or its process failed.
    """
    if preview.is_terminal or preview.is_closing:
        raise PreviewEnded(f"The preview has ended: {preview.state_detail or preview.state_reason or 'closed'}.")
    if not preview.address:
        raise PreviewNotReady("The preview gets ready: its process starts and reads some rows.")
    if not connection.in_atomic_block:
        connection.close()  # back to the pool: a slow recipe must not keep others from the database
    headers = {"Authorization": f"Bearer {token_of(preview.pk)}", "Accept-Encoding": "identity"}
    timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
    try:
        with (
            httpx.Client(timeout=timeout, trust_env=False, verify=False) as http,  # noqa: S501 - plain HTTP inside
            http.stream("POST", f"http://{preview.address}/apply", json={"steps": steps}, headers=headers) as answer,
        ):
            said = _object(answer)
    except httpx.TimeoutException as error:
        raise PreviewNotReady(f"The preview gave no answer within {ANSWER_SECONDS:.0f} s.") from error
    except httpx.HTTPError as error:
        raise PreviewNotReady(f"The preview cannot be reached: {type(error).__name__}.") from error
    if answer.is_error or "steps" not in said:
        raise PreviewProblem(answer.status_code if answer.is_error else HTTPStatus.BAD_GATEWAY, said)
    return said


def _object(answer: httpx.Response) -> dict[str, Any]:
    """What it says; nothing where that is no object, or too large to be one of ours."""
    body = bytearray()
    for chunk in answer.iter_raw():
        body += chunk
        if len(body) > ANSWER_BYTES_MOST:
            return {}
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
