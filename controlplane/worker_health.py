"""`/livez`, `/readyz` and `/metrics` of the worker: a small HTTP server beside its threads."""

from __future__ import annotations

import logging
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from django.db import connections
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from controlplane.health import ready_body

log = logging.getLogger(__name__)


class _Handler(BaseHTTPRequestHandler):
    server_version = "bedplate-worker"
    timeout = 10

    def do_GET(self) -> None:
        try:
            status, kind, body = answer(self.path)
        finally:
            connections.close_all()  # back to the pool: this thread ends with the request
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        log.debug(format, *args)


def answer(path: str) -> tuple[int, str, bytes]:
    """Status, content type and body for a path."""
    if path == "/metrics":
        return 200, CONTENT_TYPE_LATEST, generate_latest()
    if path == "/livez":
        return 200, "application/json", b'{"alive": true}'
    if path == "/readyz":
        status, body = ready_body()
        return status, "application/json", body.encode()
    return 404, "text/plain", b"not found"


class _Server(ThreadingHTTPServer):
    daemon_threads = True


class _Server6(_Server):
    address_family = socket.AF_INET6


class WorkerServer:
    """Answers in threads of its own until the process ends."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (_Server6 if ":" in host else _Server)((host, port), _Handler)
        self.port = int(self._server.server_address[1])

    def start(self) -> None:
        Thread(target=self._server.serve_forever, name="worker-health", daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
