"""A request that somebody tries from a page: through the gateway like any other, in their name.

A browser has a session and the gateway takes tokens, so the web process signs a pass: who, which endpoint, which
minute. It never leaves the way from here to the gateway, which asks us who it is, as with a token.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from uuid import UUID

import httpx
from django.core.signing import BadSignature, Signer
from django.db import connection

from apps.access.models import User
from apps.common import clock
from apps.common.errors import BedplateError, Unavailable
from apps.deployments.models import Endpoint
from apps.deployments.selectors.endpoints import endpoint_url

MARK = "try_"
MINUTES = 2
"""How long a pass is good: this minute and the one before."""
CONNECT_SECONDS, ANSWER_SECONDS = 2.0, 10.0
"""The gateway waits five seconds for a replica that gets ready."""
_signer = Signer(salt="apps.deployments.trying")


class GatewayUnavailable(Unavailable):
    code, title = "gateway_unavailable", "The gateway cannot be reached"


class NoReadyReplica(Unavailable):
    code, title = "no_ready_replica", "No replica of the endpoint can answer"


class GatewayProblem(BedplateError):
    """What the gateway or a replica said is wrong, with its own status and code."""

    code = "gateway_problem"

    def __init__(self, status: int, said: dict[str, Any]) -> None:
        super().__init__(str(said.get("detail") or ""), fields=_fields(said))
        self.status = status
        self.code = str(said.get("code") or self.code)
        self.title = str(said.get("title") or HTTPStatus(status).phrase)
        self.retryable = status >= HTTPStatus.INTERNAL_SERVER_ERROR


@dataclass(frozen=True, slots=True)
class Tried:
    predictions: list[dict[str, Any]]
    model_version: str
    revision_number: int | None
    latency_seconds: float
    """From the web process to the answer of the gateway."""


def endpoint_try(*, endpoint: Endpoint, records: list[dict[str, Any]], user: User) -> Tried:
    """Ask an endpoint for predictions in somebody's name. Waits up to ten seconds, outside any transaction.

    Raises:
        GatewayUnavailable: nobody answered.
        GatewayProblem: a record that does not fit, no replica that is ready, …
    """
    if not connection.in_atomic_block:
        connection.close()  # back to the pool: a slow model must not keep others from the database
    headers = {"Authorization": f"Bearer {pass_of(user, endpoint.pk)}"}
    url = endpoint_url(endpoint)
    began = time.perf_counter()
    try:
        with httpx.Client(
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            trust_env=False,
            verify=url.startswith("https"),  # a TLS context costs 70 ms; plain HTTP needs none
        ) as http:
            answer = http.post(url, json={"records": records}, headers=headers)
    except httpx.HTTPError as error:
        raise GatewayUnavailable(f"The gateway gave no answer: {type(error).__name__}.") from error
    seconds = time.perf_counter() - began
    said = _object(answer)
    if answer.is_error or "predictions" not in said:
        raise GatewayProblem(answer.status_code if answer.is_error else HTTPStatus.BAD_GATEWAY, said)
    number = answer.headers.get("x-bedplate-revision", "")
    return Tried(
        said["predictions"], str(said.get("model_version", "")), int(number) if number.isdecimal() else None, seconds
    )


def pass_of(user: User, endpoint_id: UUID) -> str:
    """The same for a minute, so that the gateway need not ask about each."""
    return MARK + _signer.sign(f"{user.pk}.{endpoint_id}.{_minute()}")


def is_pass(token: str) -> bool:
    return token.startswith(MARK)


def pass_holder(token: str, endpoint_id: UUID) -> User | None:
    """Who may use this pass for that endpoint now; None when nobody may."""
    try:
        user_id, named, minute = _signer.unsign(token.removeprefix(MARK)).split(".")
    except BadSignature:
        return None
    if named != str(endpoint_id) or not 0 <= _minute() - int(minute) < MINUTES:
        return None
    found: User | None = User.objects.filter(pk=user_id, is_active=True).first()
    return found


def _minute() -> int:
    return int(clock.db_now().timestamp() // 60)


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        said = answer.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _fields(said: dict[str, Any]) -> dict[str, list[str]]:
    """Which record, and which field of it, where the replica named one."""
    if not isinstance(said.get("record"), int):
        return {}
    field = f".{said['field']}" if said.get("field") else ""
    return {f"records[{said['record']}]{field}": [str(said.get("detail") or "is refused")]}
