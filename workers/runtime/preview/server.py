"""The handler of a preview: `POST /apply` with steps; one recipe at a time, the newest first."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry

from workers.runtime.preview.session import PreviewSession
from workers.runtime.web.messages import JSON, Problem, Request, Response
from workers.runtime.web.service import Service

BODY_LIMIT_BYTES = 1 << 20
STEPS_MOST = 200


class ApplyRequest(msgspec.Struct):
    steps: list[dict[str, Any]]


class PreviewServer:
    """Answers once it has a session; 503 before. Takes requests only with the token whose SHA-256 it was given."""

    def __init__(self, token_sha256: str) -> None:
        self.session: PreviewSession | None = None
        self._token_sha256 = token_sha256
        self._decoder = msgspec.json.Decoder(ApplyRequest)
        self._encoder = msgspec.json.Encoder()
        self._newest = 0
        # One thread: Daft keeps all cores busy with one recipe, and a session is not for two.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="preview")
        self.service = Service(
            CollectorRegistry(), handler=self.handle, readiness=self._readiness, observer=lambda *_: None
        )

    async def handle(self, request: Request) -> Response:
        """Raises Problem for every request that gets no preview."""
        if request.path != "/apply":
            raise Problem(404, "not_found", f"there is no {request.path} here; there is /apply")
        if request.method != "POST":
            raise Problem(405, "method_not_allowed", "send a POST", headers=((b"allow", b"POST"),))
        if not self._is_known(request.header(b"authorization")):
            raise Problem(401, "unauthenticated", "the token is not that of this preview")
        if self.session is None:
            raise Problem(503, "not_ready", "the sample is being read", headers=((b"retry-after", b"1"),))
        steps = self._decode(await request.body(BODY_LIMIT_BYTES))
        self._newest += 1
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._apply, steps, self._newest)

    def _apply(self, steps: list[dict[str, Any]], number: int) -> Response:
        if number != self._newest:  # somebody has typed on since: nobody looks at this one any more
            raise Problem(409, "superseded", "a newer recipe was sent")
        assert self.session is not None  # noqa: S101 - asked before
        return Response(self._encoder.encode(self.session.apply(steps)), content_type=JSON)

    def _decode(self, body: bytes) -> list[dict[str, Any]]:
        try:
            steps = self._decoder.decode(body).steps
        except msgspec.ValidationError as error:
            raise Problem(422, "invalid", f'the body is not {{"steps": [{{…}}, …]}}: {error}') from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Problem(400, "invalid_json", f"the body is not JSON: {error}") from error
        if len(steps) > STEPS_MOST:
            raise Problem(422, "invalid", f"at most {STEPS_MOST} steps, not {len(steps)}")
        return steps

    def _is_known(self, header: str) -> bool:
        scheme, _, token = header.partition(" ")
        digest = hashlib.sha256(token.encode()).hexdigest()
        return scheme.lower() == "bearer" and hmac.compare_digest(digest, self._token_sha256)

    def _readiness(self) -> str:
        return "" if self.session is not None else "the sample is being read"
