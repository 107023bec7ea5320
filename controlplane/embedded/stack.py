"""Everything of one machine, started in order and stopped in order: what `make up` and `make demo` are."""

from __future__ import annotations

import contextlib
import functools
import http.client
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from controlplane import env
from controlplane.embedded.collect import say
from controlplane.embedded.home import Addresses, Home
from controlplane.embedded.postgres import EmbeddedPostgres
from controlplane.embedded.processes import Program, port_is_free
from controlplane.embedded.programs import Programs
from controlplane.embedded.redis import EmbeddedRedis
from controlplane.embedded.supervisor import DidNotStart, StopRequested, Supervisor

SERVERS = ("redis", "postgres")
WATCHER = "watcher"
PARTS = ("gateway", "web", WATCHER, "publisher", "beat", "worker")
"""In the order in which they are told to stop."""
CLUSTERS_SECONDS = 60.0
"""Between two looks whether there is a cluster to be watched: without one there is no watcher."""
START_SECONDS = 60
JOB_GRACE_SECONDS = 5.0


class PortTaken(Exception):
    """Another program listens where a part of Bedplate should."""


class SettingUnusable(Exception):
    """What a setting names is not there, or not for us."""


class Stack:
    """One installation on one machine.

    Args:
        is_prepared: whether the database at these addresses needs no migration and the static files are there.
        stop_jobs: ends the jobs that still run, given the seconds they have; called between the parts and the servers.
        needs_watcher: whether the database at these addresses knows a Kubernetes cluster.
    """

    def __init__(
        self,
        environment: env.Environment,
        is_prepared: Callable[[Addresses], bool],
        stop_jobs: Callable[[float], None],
        needs_watcher: Callable[[Addresses], bool] = lambda addresses: False,
    ) -> None:
        self.environment = environment
        self.is_prepared = is_prepared
        self.home = Home(environment.home)
        self.stop_jobs = stop_jobs
        self.needs_watcher = needs_watcher
        self._look_at = 0.0
        self.supervisor = Supervisor(self.home.logs)

    @contextmanager
    def running(self) -> Iterator[Programs]:
        """Hold the home, start everything, and stop it at the end, however that comes.

        Raises:
            HomeInUse, HomeUnusable, PortTaken, SettingUnusable, DidNotStart: with a message for people.
            StopRequested: a signal came.
        """
        with self.home.locked():
            self._check_ports()
            self._check_storage()
            self.supervisor.listen_to_signals()
            try:
                yield self._start()
            finally:
                self._stop()

    def serve(self) -> None:
        """Keep everything alive until a signal comes."""
        with contextlib.suppress(StopRequested):  # that is how serving ends
            while True:
                self.supervisor.step()
                self._watch_clusters()

    def run_example(self, programs: Programs, script: Path) -> int:
        """Run an example against this installation with a token of the user `demo`; returns its exit status."""
        with tempfile.TemporaryFile() as said:
            command = programs.manage("token", "demo", "--name", "credit-risk")
            self._must("token", self.supervisor.run("token", lambda: command, stdout=said.fileno()))
            said.seek(0)
            token = said.read().decode().strip()
        variables = {"CREDIT_RISK_URL": self.environment.job_api_url, "CREDIT_RISK_TOKEN": token}
        example = programs.example(script, variables)
        return self.supervisor.run("example", lambda: example, stderr=None)

    def _start(self) -> Programs:
        began = time.monotonic()
        self.supervisor.quiet = True
        addresses = self._start_servers()
        self._addresses = addresses
        programs = Programs(self.environment, addresses)
        if self.is_prepared(addresses):  # what is left of the preparation can be done beside the start
            self._start_parts(programs)
            self._prepare(programs)
        else:
            self._prepare(programs)
            self._start_parts(programs)
        self._wait_for_parts()
        self.supervisor.quiet = False
        say(f"Bedplate is open on {self.environment.job_api_url} (started in {time.monotonic() - began:.1f} s)")
        return programs

    def _start_servers(self) -> Addresses:
        """Start what is not set from outside, both at once, and tell where they are."""
        database_url, redis_url = self.environment.database_url, self.environment.redis_url
        waits: list[tuple[str, Callable[[], bool]]] = []
        if redis_url is None:
            redis = EmbeddedRedis(self.home)
            redis_url = redis.url
            self.supervisor.add("redis", redis.program)
            waits.append(("redis", redis.answers))
        if database_url is None:
            postgres = EmbeddedPostgres(self.home)
            database_url = postgres.url
            self.supervisor.add("postgres", postgres.program)
            waits.append(("postgres", postgres.answers))
        for name, answers in waits:
            self.supervisor.wait_for(name, answers, START_SECONDS, child=name)
        addresses = Addresses(database_url, redis_url)
        self.home.publish(addresses)
        return addresses

    def _prepare(self, programs: Programs) -> None:
        self._must("prepare", self.supervisor.run("prepare", lambda: programs.manage("prepare")))

    def _must(self, name: str, status: int) -> None:
        if status != 0:
            raise DidNotStart(f"`manage.py {name}` failed:\n{self.supervisor.last_words(name)}")

    def _start_parts(self, programs: Programs) -> None:
        makers: dict[str, Callable[[], Program]] = {
            "web": programs.web,
            "worker": programs.worker,
            "gateway": programs.gateway,
            "beat": programs.beat,
            "publisher": programs.publisher,
        }
        for name, maker in makers.items():
            self.supervisor.add(name, maker)

    def _watch_clusters(self) -> None:
        """Start the watcher once there is a cluster."""
        now = time.monotonic()
        if WATCHER in self.supervisor.children or now < self._look_at:
            return
        self._look_at = now + CLUSTERS_SECONDS
        if self.needs_watcher(self._addresses):
            self.supervisor.add(WATCHER, Programs(self.environment, self._addresses).watcher)

    def _wait_for_parts(self) -> None:
        for part, (_, port) in self._ports().items():
            self.supervisor.wait_for(part, functools.partial(self._is_ready, port), START_SECONDS, child=part)

    def _is_ready(self, port: int) -> bool:
        link = http.client.HTTPConnection(self._connect_host(), port, timeout=2)
        try:
            link.request("GET", "/readyz")
            return link.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            link.close()

    def _connect_host(self) -> str:
        host = self.environment.host
        return "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not bound

    def _ports(self) -> dict[str, tuple[str, int]]:
        """Part → the setting that chooses its port, and the port; without those that are switched off."""
        rows = {"web": "port", "gateway": "gateway_port", "worker": "worker_metrics_port"}
        found = {part: (env.name_of(row), int(getattr(self.environment, row))) for part, row in rows.items()}
        return {part: (name, port) for part, (name, port) in found.items() if port}

    def _check_ports(self) -> None:
        """Refuse to start beside another program.

        Raises:
            PortTaken: naming the port and the setting that chooses it.
            SettingUnusable: two parts have one port, or the host is not this machine.
        """
        host, taken = self.environment.host, dict[int, str]()
        for part, (name, port) in self._ports().items():
            if port in taken:
                raise SettingUnusable(f"{name} is {port}, as {taken[port]} is: give each a port of its own.")
            taken[port] = name
            try:
                free = port_is_free(host, port)
            except OSError as error:
                raise SettingUnusable(f"BEDPLATE_HOST: nobody can listen at {host} on this machine: {error}") from error
            if not free:
                raise PortTaken(
                    f"Port {port} on {host} is taken by another program, and {part} needs it. "
                    f"Stop that program, or set {name} to a free port."
                )

    def _check_storage(self) -> None:
        """Refuse a store in a folder that nobody can write, before a minute is spent on waiting for it.

        Raises:
            SettingUnusable: with the reason.
        """
        if not self.environment.storage_url.startswith("file://"):
            return
        folder = Path(urlsplit(self.environment.storage_url).path)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise SettingUnusable(f"BEDPLATE_STORAGE_URL: {folder} cannot be written: {error}") from error

    def _stop(self) -> None:
        began = time.monotonic()
        self.supervisor.quiet = True
        say("Stopping …")
        others = [name for name in self.supervisor.children if name not in SERVERS and name not in PARTS]
        try:
            self.supervisor.stop([*others, *PARTS])
            self.stop_jobs(JOB_GRACE_SECONDS)
        finally:
            self.supervisor.stop(SERVERS)
            self.home.withdraw()
            self.supervisor.close()
        say(f"Stopped in {time.monotonic() - began:.1f} s; nothing is left running.")
