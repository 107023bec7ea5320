"""Around every request of Django: its id, its log line, its metrics."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from uuid import uuid4

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

from apps.common.context import request_id
from controlplane import health
from controlplane.metrics import REQUEST_SECONDS, REQUESTS

log = logging.getLogger("controlplane.request")

Answer = Callable[[HttpRequest], HttpResponseBase]
HEADER = "X-Request-ID"
ACCEPTED_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
PROBES = {"/livez": health.livez, "/readyz": health.readyz, "/metrics": health.metrics}


class ProbeMiddleware:
    """Answers probes first: they come by address, not by a host name that is allowed, and want no session."""

    sync_capable, async_capable = True, False

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        probe = PROBES.get(request.path_info)
        return probe(request) if probe else self.get_response(request)


class RequestContextMiddleware:
    """Takes the caller's `X-Request-ID` or makes one, keeps it for logs and audit, and gives it back."""

    sync_capable, async_capable = True, False

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        offered = request.headers.get(HEADER, "")
        known = offered if ACCEPTED_ID.fullmatch(offered) else uuid4().hex
        token, started = request_id.set(known), time.perf_counter()
        try:
            response = self.get_response(request)
            response.headers[HEADER] = known
            self._log(request, response, time.perf_counter() - started)
            return response
        finally:
            request_id.reset(token)

    def _log(self, request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
        extra = {
            "method": request.method,
            "path": request.path,
            "status": response.status_code,
            "duration_seconds": round(seconds, 4),
        }
        log.info("%s %s %s", request.method, request.path, response.status_code, extra=extra)


PROGRAMS = re.compile(r"/(?:ajax-)?api/|/mlflow/[^/]+/.")
"""How addresses begin that programs call. `/mlflow/<project>/` itself is a page."""


class PageLanguageMiddleware(LocaleMiddleware):
    """Pages speak the reader's language; the API speaks English to everybody, so that programs can rely on it."""

    def process_request(self, request: HttpRequest) -> None:
        if PROGRAMS.match(request.path_info):
            translation.activate("en")
        else:
            super().process_request(request)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        return response if PROGRAMS.match(request.path_info) else super().process_response(request, response)


class RequestMetricsMiddleware:
    """Counts and times by route, never by address. The innermost one: it measures the view."""

    sync_capable, async_capable = True, False

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        response = self.get_response(request)
        method = request.method if request.method in ("GET", "POST", "PUT", "PATCH", "DELETE") else "other"
        route = request.resolver_match.route if request.resolver_match else "unknown"
        REQUESTS.labels(method, route, str(response.status_code)).inc()
        REQUEST_SECONDS.labels(method, route).observe(time.perf_counter() - started)
        return response
