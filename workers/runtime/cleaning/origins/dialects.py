"""What tells databases apart: how they are addressed, how a session is made to read only, how names are quoted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

CONNECT_SECONDS = 20


def bracketed(host: str) -> str:
    """A host in an address."""
    return f"[{host}]" if ":" in host else host


class Dialect(Protocol):
    """A kind of database."""

    scheme: ClassVar[str]
    """By which lists of what is allowed know it, and the word before `://` of an address as its client takes it."""
    port: ClassVar[int]
    taken: ClassVar[Mapping[str, tuple[str, ...]]]
    """Of what an address says after its `?`, and which values (none: any): whatever could lead elsewhere, read files of
    ours or write is not."""

    def where(self, host: str, address: str) -> str:
        """What stands for the host: its name as it was written, or the network address that was looked at."""

    def options(self, address: str, seconds: float) -> dict[str, str]:
        """What stands after the `?`, unless the address says it."""

    def session(self, seconds: float) -> list[str] | None:
        """What is said before the query."""

    def quoted(self, name: str) -> str:
        """A name of a column in a query."""


class PostgreSQL:
    """Everything about the session is in the address; libpq keeps name and network address apart (`hostaddr`)."""

    scheme: ClassVar[str] = "postgresql"
    port: ClassVar[int] = 5432
    taken: ClassVar[Mapping[str, tuple[str, ...]]] = {"sslmode": ()}

    def where(self, host: str, address: str) -> str:
        return bracketed(host)

    def options(self, address: str, seconds: float) -> dict[str, str]:
        return {
            "hostaddr": address,
            "connect_timeout": str(CONNECT_SECONDS),
            "options": f"-c default_transaction_read_only=on -c statement_timeout={int(seconds * 1000)}",
        }

    def session(self, seconds: float) -> list[str] | None:
        return None

    def quoted(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'


class MySQL:
    """MySQL and MariaDB. The client knows one host, so the network address is in its place, and the name of a
    certificate cannot be compared. It is encrypted unless the address says otherwise: the client has no "if possible".
    """

    scheme: ClassVar[str] = "mysql"
    port: ClassVar[int] = 3306
    taken: ClassVar[Mapping[str, tuple[str, ...]]] = {"ssl-mode": ("required", "verify_ca", "disabled")}

    def where(self, host: str, address: str) -> str:
        return bracketed(address)

    def options(self, address: str, seconds: float) -> dict[str, str]:
        return {
            "prefer_socket": "false",  # a server on loopback may not lead us to a socket
            "tcp_connect_timeout_ms": str(CONNECT_SECONDS * 1000),
            "ssl-mode": "required",
        }

    def session(self, seconds: float) -> list[str] | None:
        # MariaDB runs the first comment and MySQL the second: each has its own name for the limit.
        limits = (
            f"/*M!100101 SESSION max_statement_time = {seconds:.3f}, */"
            f" /*!50708 SESSION max_execution_time = {int(seconds * 1000)}, */"
        )
        return ["SET SESSION TRANSACTION READ ONLY", f"SET {limits} SESSION time_zone = '+00:00'"]

    def quoted(self, name: str) -> str:
        return "`" + name.replace("`", "``") + "`"


DIALECTS: Mapping[str, Dialect] = {
    "postgresql": PostgreSQL(), "postgres": PostgreSQL(), "mysql": MySQL(), "mariadb": MySQL(),
}  # fmt: skip
"""By the word before `://`."""
