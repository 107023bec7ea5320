"""One request to an ASGI app, without a server."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from apps.common import clock
from apps.quotas.models import Attempt
from apps.quotas.services.attempt_tokens import issue

Answer = tuple[int, dict[str, str], Any]
"""Status, headers, JSON; status 0: there was none."""


def token_of(attempt: Attempt) -> str:
    return issue(attempt.pk, clock.now() + timedelta(hours=1))


async def post(
    app: Any,
    token: str,
    body: bytes = b"",
    *,
    method: str = "POST",
    query: str = "",
    parts: int = 1,
    headers: dict[str, str] | None = None,
) -> Answer:
    """Send a body in so many parts; the caller hangs up after the last one."""
    size = max(1, -(-len(body) // parts))
    pieces = [body[at : at + size] for at in range(0, len(body), size)] or [b""]
    messages = [
        {"type": "http.request", "body": piece, "more_body": number < len(pieces) - 1}
        for number, piece in enumerate(pieces)
    ]
    given = {"authorization": f"Bearer {token}", "content-length": str(len(body)), **(headers or {})}
    scope = {
        "type": "http",
        "method": method,
        "path": "/",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    if not sent:
        return 0, {}, None
    start, content = sent
    answered = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], answered, json.loads(content["body"])
