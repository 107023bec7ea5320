"""Connections to hosts that users name: the name must be allowed, and so must the very address that is connected to.

A name is looked up once, each of its addresses is looked at, and the connection goes to that address, not to the name:
a name server that answers differently the second time is not asked a second time.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpcore

from workers.contracts.origins import is_allowed, is_private
from workers.runtime.cleaning.errors import UserError

CONNECT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Guard:
    """Args: see `Origin`."""

    allowed: tuple[str, ...]
    private: tuple[str, ...]

    def check_host(self, scheme: str, host: str, port: int) -> None:
        """Raises UserError `host_not_allowed`."""
        if not is_allowed(scheme, host, port, self.allowed):
            where = f"{scheme}://{host}" if scheme in ("s3", "gs") else f"{host}:{port}"
            raise UserError("host_not_allowed", f"{where} is not on the list of what this project may fetch from")

    def address_of(self, scheme: str, host: str, port: int) -> str:
        """The address to connect to, in figures.

        Raises:
            UserError: `unknown_host`, or `address_not_allowed` where it is private and must not be.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise UserError("unknown_host", f"the host {host} is not known: {error}") from None
        addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
        if is_allowed(scheme, host, port, self.private):
            return addresses[0]
        for text in addresses:
            # One bad address is enough: a name that leads inside as well as outside is not what it seems.
            if is_private(ipaddress.ip_address(text.split("%")[0])):
                raise UserError(
                    "address_not_allowed", f"{host} is at {text}, a private address; those are not fetched from"
                )
        return addresses[0]


class GuardedNetwork(httpcore.NetworkBackend):
    """What httpcore opens connections with."""

    def __init__(self, guard: Guard, schemes: dict[tuple[str, int], str]) -> None:
        self._guard, self._schemes = guard, schemes
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """TLS on top of it still asks for a certificate of the name."""
        address = self._guard.address_of(self._schemes.get((host, port), "https"), host, port)
        return self._plain.connect_tcp(address, port, timeout, local_address, socket_options)

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        raise UserError("host_not_allowed", "sockets of this machine are not fetched from")
