"""What Django loads for `ENGINE = "controlplane.embedded.offline"`."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db.backends.postgresql.base import DatabaseWrapper as PostgresWrapper

from controlplane.embedded.offline import NotRunning


class DatabaseWrapper(PostgresWrapper):
    """PostgreSQL in everything but the connection."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> NoReturn:
        raise NotRunning(
            "The embedded PostgreSQL of this installation is not running: start it with `make up`, "
            "or set BEDPLATE_DATABASE_URL."
        )
