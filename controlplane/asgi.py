"""What uvicorn serves: Django, beside it the ingest apps of metrics and logs and the live socket."""

from __future__ import annotations

import contextlib
import tempfile
from typing import Any

import django
from asgiref.sync import sync_to_async
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path

from apps.common.errors import Unavailable
from apps.common.problems import disk_full, problem_response
from apps.common.storage import is_full
from controlplane import loading
from controlplane.env import choose_settings
from controlplane.streamed import AT_ONCE, StreamedBody, is_streamed

loading.begin()
choose_settings()
django.setup(set_prefix=False)


class NoRoom(Exception):
    """The body of a request has no room in the folder for temporary files."""


class OneHopHandler(ASGIHandler):
    """Django's handler with the whole request, middleware and view, in one thread hop.

    Ours are all synchronous; the stock handler would go to a thread and back for each middleware.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        return await sync_to_async(self.get_response, thread_sensitive=True)(request)

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers, too, where the body of a request cannot be kept until it is looked at."""
        try:
            await super().handle(scope, receive, send)
        except NoRoom as error:
            await self.send_response(problem_response(disk_full(error)), send)

    async def read_body(self, receive: Any) -> Any:
        """As the stock one, but it reads on where there is no room: who still sends would not hear the answer."""
        body = tempfile.SpooledTemporaryFile(settings.FILE_UPLOAD_MAX_MEMORY_SIZE)  # noqa: SIM115 - outlives this
        full: OSError | None = None
        try:
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise RequestAborted
                more = message.get("more_body", False)
                try:
                    if full is None:
                        body.write(message.get("body", b""))
                except OSError as error:
                    if not is_full(error):
                        raise
                    full = error
            if full is not None:
                raise NoRoom(str(full)) from full
            body.seek(0)
        except BaseException:
            with contextlib.suppress(OSError):  # what is left to be written finds no room either
                body.close()
            raise
        return body


class StreamingHandler(OneHopHandler):
    """For bodies that are read by the view while they arrive. Knows of a sender that is gone by reading, not beside."""

    def __init__(self) -> None:
        super().__init__()
        self.reading = 0

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        if self.reading >= AT_ONCE:
            await self.send_response(problem_response(Unavailable("Too many uploads at the same time.")), send)
            return
        self.reading += 1
        body = StreamedBody(receive)
        try:
            await super().handle(scope, body, send)
        finally:
            body.close()
            self.reading -= 1

    async def read_body(self, receive: Any) -> Any:
        return receive

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        response = await super().get_response_async(request)
        body: Any = request._stream  # what `read_body` gave
        await body.drain()
        return response


django_application, streaming_application = OneHopHandler(), StreamingHandler()

# Models are importable only from here on.
from apps.access import live as access_live  # noqa: E402
from apps.access.api.socket import SocketAuthentication  # noqa: E402
from apps.common.live import LiveConsumer  # noqa: E402
from apps.common.rights import Rules  # noqa: E402
from apps.datasets import live as datasets_live  # noqa: E402
from apps.deployments import live as deployments_live  # noqa: E402
from apps.experiments import live as experiments_live  # noqa: E402
from apps.experiments.api.ingest import application as metrics_application  # noqa: E402
from apps.experiments.api.mlflow.bulk import application_at as mlflow_application_at  # noqa: E402
from apps.quotas import live as quotas_live  # noqa: E402
from apps.quotas.api.ingest import application as logs_application  # noqa: E402

LIVE = (access_live, quotas_live, datasets_live, experiments_live, deployments_live)
SUBJECTS = {kind: rows for module in LIVE for kind, rows in module.SUBJECTS.items()}
"""What a browser may follow: kind → rows."""
TAILS = (experiments_live.TAIL, quotas_live.TAIL)
"""What rides on the socket beside events, or is said to be there."""
BESIDE: dict[str, Any] = {
    "/api/v1/runtime/metrics": metrics_application,
    "/api/v1/runtime/attempts/self/logs": logs_application,
}
"""What jobs send in bulk, by path."""


async def http(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """What is sent in bulk passes Django by; everything else is Django's."""
    beside = BESIDE.get(scope["path"]) or mlflow_application_at(scope["path"])
    if beside is None:
        beside = streaming_application if is_streamed(scope) else django_application
    await beside(scope, receive, send)


RULES = Rules(access_live.ENDS, access_live.stamps, frozenset(tail.noun for tail in TAILS if tail.carried))
live_socket = LiveConsumer.as_asgi(subjects=SUBJECTS, rules=RULES, tails=TAILS)
application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": SocketAuthentication(URLRouter([path("ws/v1/live/", live_socket)])),
    }
)
