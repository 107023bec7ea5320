"""From the address of PostgreSQL to Django's `DATABASES`."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

PATIENCE: dict[str, Any] = {"timeout": 5, "reconnect_timeout": 5}
"""Seconds. A request waits no longer for a connection; then it is a 503. The pool tries to connect after 0, 1, 3 and
5 s and again when it is next asked: left to itself it would make ever longer pauses, long after the server is back."""
OFFLINE: dict[str, Any] = {"ENGINE": "controlplane.embedded.offline", "NAME": "offline"}


def database(url: str | None, *, pool_size: int, statement_timeout_seconds: int) -> dict[str, Any]:
    """One entry of `DATABASES`; None gives an engine that says how to start the embedded server.

    Args:
        pool_size: most connections of the process's pool; 0 means no pool, a connection per thread.
    """
    if url is None:
        return dict(OFFLINE)
    parts = urlsplit(url)
    options: dict[str, Any] = {
        "application_name": "bedplate",
        "connect_timeout": 5,
        # A server that vanished without a word is given up after some seconds, not after the kernel's quarter hour.
        "tcp_user_timeout": 10_000,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "options": f"-c statement_timeout={statement_timeout_seconds * 1000} "
        "-c idle_in_transaction_session_timeout=60000 -c lock_timeout=15000",
        **dict(parse_qsl(parts.query)),
    }
    if pool_size:
        options["pool"] = {"min_size": 1, "max_size": pool_size, "max_idle": 300, **PATIENCE}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": parts.port or 5432,
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": bool(pool_size),  # a pooled connection may be older than a restart of the server
        "OPTIONS": options,
    }
