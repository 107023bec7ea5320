"""A WebSocket's other end, against an ASGI application in this process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from asgiref.testing import ApplicationCommunicator

Headers = list[tuple[bytes, bytes]]


class Refused(Exception):
    """The application closed before it accepted: an HTTP 403 to a browser."""


class Socket:
    """An open socket."""

    def __init__(self, wire: ApplicationCommunicator, protocol: str | None) -> None:
        self.wire, self.protocol = wire, protocol

    async def send_text(self, text: str) -> None:
        await self.wire.send_input({"type": "websocket.receive", "text": text})

    async def send_bytes(self, content: bytes) -> None:
        await self.wire.send_input({"type": "websocket.receive", "bytes": content})

    async def hear(self) -> dict[str, Any]:
        """The next message from the other end."""
        output = await self.wire.receive_output(timeout=5)
        assert output["type"] == "websocket.send", output
        message: dict[str, Any] = json.loads(output["text"])
        return message

    async def ask(self, **message: Any) -> dict[str, Any]:
        await self.send_text(json.dumps(message))
        return await self.hear()

    async def subscribe(self, subject: str) -> str:
        """The type of the answer."""
        return str((await self.ask(type="subscribe", subject=subject))["type"])

    async def closing_code(self) -> int:
        output = await self.wire.receive_output(timeout=5)
        assert output["type"] == "websocket.close", output
        return int(output["code"])


@asynccontextmanager
async def connected(
    application: Any, path: str, headers: Headers | None = None, subprotocols: list[str] | None = None
) -> AsyncIterator[Socket]:
    """Open a socket; raises Refused."""
    scope = {
        "type": "websocket",
        "path": path,
        "query_string": b"",
        "headers": headers or [],
        "subprotocols": subprotocols or [],
    }
    wire = ApplicationCommunicator(application, scope)
    await wire.send_input({"type": "websocket.connect"})
    answer = await wire.receive_output(timeout=5)
    if answer["type"] == "websocket.close":
        await wire.send_input({"type": "websocket.disconnect", "code": 1006})
        await wire.wait(timeout=5)
        raise Refused
    try:
        yield Socket(wire, answer["subprotocol"])
    finally:
        await wire.send_input({"type": "websocket.disconnect", "code": 1000})
        await wire.wait(timeout=5)
