"""What a page of ours may load: `Content-Security-Policy` on every answer that is a page."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

Answer = Callable[[HttpRequest], HttpResponseBase]

COMMON = (
    "default-src 'none'; connect-src 'self'; font-src 'self'; img-src 'self' data: blob:; manifest-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
)
DASHBOARD = (
    f"{COMMON}; script-src 'self'; worker-src 'self'; "
    "style-src-elem 'self' 'nonce-{nonce}'; style-src-attr 'unsafe-inline'"
)
"""Scripts only as files of ours. Style *elements* need the page's nonce (the component library adds some); style
*attributes* are allowed: charts place their tooltips with them."""
INLINE = f"{COMMON}; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'"
"""The API's document (Swagger starts itself by an inline script) and the sign-in page (styles inside)."""
ADMIN = f"{COMMON}; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'"
"""The admin's theme evaluates expressions of its own markup (Alpine makes functions of attributes), and puts its
colours into a style element. None of its scripts, nor of ours, is inline."""


GUIDE = f"{COMMON}; style-src 'self'"
"""The user guide has no script, and one file of styles."""


class ContentSecurityMiddleware:
    """Gives each request a nonce, `request.csp_nonce`, and each page its policy."""

    sync_capable, async_capable = True, False

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        nonce = secrets.token_urlsafe(16)
        request.csp_nonce = nonce  # type: ignore[attr-defined]  # as frameworks name it
        response = self.get_response(request)
        if response.headers.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Content-Security-Policy", policy(request.path_info, nonce))
        return response


def policy(path: str, nonce: str) -> str:
    """The policy of a page by its address."""
    if path.startswith("/admin/"):
        return ADMIN
    if path.startswith(("/api/", "/login")):
        return INLINE
    if path.startswith("/help/"):
        return GUIDE
    return DASHBOARD.format(nonce=nonce)
