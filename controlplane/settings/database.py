"""From the address of PostgreSQL to Django's `DATABASES`."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

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
        "options": f"-c statement_timeout={statement_timeout_seconds * 1000} "
        "-c idle_in_transaction_session_timeout=60000 -c lock_timeout=15000",
        **dict(parse_qsl(parts.query)),
    }
    if pool_size:
        options["pool"] = {"min_size": 1, "max_size": pool_size, "timeout": 10, "max_idle": 300}
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
