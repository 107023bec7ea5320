"""The table of processes of one machine: what each is started with, and what of the settings it gets."""

from __future__ import annotations

import dataclasses
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from controlplane import env
from controlplane.embedded.home import Addresses
from controlplane.embedded.processes import Program

GOODBYE_SECONDS = 3
"""What open requests are given at the end."""
GATEWAY_SETTINGS = ("host", "gateway_port", "job_api_url", "log_level", "log_format")
STOP = ((signal.SIGTERM, 5.0),)


class Programs:
    """Programs for one installation, with the addresses of its embedded servers filled in where there are any."""

    def __init__(self, environment: env.Environment, addresses: Addresses | None = None) -> None:
        self.settings = environment
        if addresses is not None:
            self.settings = dataclasses.replace(
                environment, database_url=addresses.database_url, redis_url=addresses.redis_url
            )
        self._plain = env.process_environment() | {"PYTHONUNBUFFERED": "1"}

    def web(self) -> Program:
        """One process and one event loop; more load means more processes."""
        settings = self.settings
        options = {
            "--host": settings.host,
            "--port": str(settings.port),
            "--loop": "uvloop",
            "--http": "httptools",
            "--ws": "controlplane.sockets:Socket",
            "--ws-max-size": "65536",  # what a client may send is far smaller
            "--ws-per-message-deflate": "false",  # a message goes to a thousand sockets: deflated a thousand times
            "--lifespan": "off",
            "--forwarded-allow-ips": ",".join(settings.trusted_proxies),
            "--timeout-graceful-shutdown": str(GOODBYE_SECONDS),
        }
        words = [word for pair in options.items() for word in pair]
        return self._python(
            "web", "-m", "uvicorn", "controlplane.asgi:application", *words, "--no-access-log", "--no-server-header"
        )

    def worker(self) -> Program:
        return self._python(
            "worker",
            *("-m", "celery", "-A", "controlplane.celery", "worker", "--pool", "threads", "--queues"),
            ",".join(self.settings.worker_queues),
            *("--concurrency", str(self.settings.worker_concurrency)),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        )

    def beat(self) -> Program:
        return self._python("beat", "-m", "celery", "-A", "controlplane.celery", "beat", "--pidfile=")

    def publisher(self) -> Program:
        """Tells browsers what happened."""
        return self._python("publisher", "manage.py", "publish")

    def watcher(self) -> Program:
        """Hints at what moves on Kubernetes clusters."""
        return self._python("watcher", "manage.py", "watch")

    def gateway(self) -> Program:
        """It holds no key of the control plane but its own token."""
        texts = env.for_children(self.settings)
        own = {name: texts[name] for name in (env.name_of(row) for row in GATEWAY_SETTINGS)}
        token = {env.name_of("gateway_token"): self.settings.needed_gateway_token()}
        return self._program("gateway", ("-m", "workers.runtime.gateway"), self._plain | own | token)

    def manage(self, *words: str) -> Program:
        """A management command."""
        return self._python(words[0], "manage.py", *words)

    def example(self, script: Path, variables: dict[str, str]) -> Program:
        """An example, run as a user would: it knows an address and a token, nothing of the installation."""
        plain = {name: text for name, text in self._plain.items() if not name.startswith("DJANGO_")}
        return self._program("example", (str(script),), plain | variables, folder=script.parent)

    def _python(self, name: str, *words: str) -> Program:
        return self._program(name, words, self._plain | env.for_children(self.settings))

    def _program(
        self, name: str, words: tuple[str, ...], environment: Mapping[str, str], folder: Path = env.ROOT
    ) -> Program:
        return Program(name, (sys.executable, *words), environment, folder, stop_signals=STOP)
