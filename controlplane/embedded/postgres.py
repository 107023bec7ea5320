"""Embedded PostgreSQL of one home: made, started, recovered and stopped by us, from the binaries of the wheel.

It listens on loopback with a password (SCRAM) and on no unix socket: a socket's path is limited to 107 bytes, which
a home can exceed, it would have to lie where two accounts reach it, and a killed server leaves it behind.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import tempfile

import psutil
import psycopg
from psycopg import sql

from controlplane.embedded.account import server_account
from controlplane.embedded.home import Home, write_private
from controlplane.embedded.postgres_files import binaries, server_folder
from controlplane.embedded.processes import Program, free_port, spawn, stop

USER = DATABASE = "bedplate"
INITDB_SECONDS = 120
FAST, IMMEDIATE = (signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0)
OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "128MB",
    "max_connections": "100",
    "max_wal_size": "1GB",
    "dynamic_shared_memory_type": "mmap",  # files below the data: nothing stays in /dev/shm after a kill
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_destination": "stderr",
    "log_min_messages": "warning",
}
CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresRefused(Exception):
    """The server cannot be made or started; the message says why."""


class EmbeddedPostgres:
    """One server of one home. `program()` is started by the caller; its address is fixed from the first use on.

    Args:
        durable: False gives up on surviving a power cut, for tests.
    """

    def __init__(self, home: Home, *, durable: bool = True) -> None:
        self.home = home
        self.durable = durable
        self.account = server_account()
        self.port = free_port()
        self.password = home.key("postgres_password")
        self.folder = server_folder(home, self.account)
        self.data = self.folder / "data"
        self.bin = binaries(self.account)

    @property
    def url(self) -> str:
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{DATABASE}"

    def program(self) -> Program:
        """Make the data folder when there is none, end what an earlier life left, and say how to start.

        Raises:
            PostgresRefused: with the reason.
        """
        if not (self.data / "PG_VERSION").is_file():
            self._initialise()
        self._check_version()
        self.end_leftovers()
        options = OPTIONS | {"port": str(self.port)} | ({} if self.durable else CARELESS)
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return Program(
            name="postgres",
            argv=(str(self.bin / "postgres"), "-D", str(self.data), *settings),
            environment={"LANG": "C", "PATH": "/usr/bin:/bin"},
            folder=self.folder,
            account=self.account,
            stop_signals=(FAST, IMMEDIATE),
            death_signal=signal.SIGINT,
        )

    def answers(self) -> bool:
        """Whether the database can be used now; makes it in a new server. Blocks for at most two seconds."""
        try:
            with psycopg.connect(self.url, connect_timeout=2):
                return True
        except psycopg.OperationalError as error:
            if f'database "{DATABASE}" does not exist' not in str(error):
                return False
        with psycopg.connect(self.url, dbname="postgres", connect_timeout=2, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        return True

    def end_leftovers(self) -> None:
        """End every process that still works on the data: of a supervisor that was killed. Blocks until they are gone.

        The caller holds the home's lock, so none of them is wanted. A backend goes with its postmaster; one whose
        postmaster is dead may still be busy with a statement, holds the shared memory that the next server wants,
        and is killed at once: its work is lost anyway.
        """
        for number, seconds in (FAST, IMMEDIATE, (signal.SIGKILL, 5.0)):
            found = self._leftovers()
            masters = [process for process in found if is_postmaster(process)]
            for process in masters or found:
                with contextlib.suppress(psutil.NoSuchProcess):  # gone meanwhile
                    process.send_signal(number if masters else signal.SIGKILL)
            psutil.wait_procs(found, timeout=seconds)
        self._drop_stale_lock()

    def _leftovers(self) -> list[psutil.Process]:
        place, found = str(self.data.resolve()), []
        for process in psutil.process_iter():
            try:
                if process.name() == "postgres" and process.cwd() == place:
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found

    def _drop_stale_lock(self) -> None:
        """Remove the lock file when its number now belongs to another program; PostgreSQL would take that for a server.
        Where the number is free it stays: the server uses it to clean up shared memory."""
        path = self.data / "postmaster.pid"
        if path.is_file():
            number = path.read_text(encoding="ascii", errors="replace").split("\n", 1)[0].strip()
            if not number.isdigit() or psutil.pid_exists(int(number)):
                path.unlink()

    def _initialise(self) -> None:
        """Make the data folder under another name first, so that one with its final name is complete."""
        draft, password = self.folder / "draft", self.folder / "password"
        shutil.rmtree(draft, ignore_errors=True)  # of an attempt that was cut off
        write_private(password, self.password + "\n")
        if self.account:
            self.account.take(password)
        options = ["--username", USER, "--pwfile", str(password), "--auth=scram-sha-256", "--encoding=UTF8"]
        options += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        options += [] if self.durable else ["--no-sync"]
        argv = (str(self.bin / "initdb"), "-D", str(draft), *options)
        program = Program("initdb", argv, {"LANG": "C", "PATH": "/usr/bin:/bin"}, self.folder, self.account)
        with tempfile.TemporaryFile() as said:
            # As the servers: a Ctrl-C does not reach it, and it does not outlive us to write into the next one's draft.
            process = spawn(program, subprocess.DEVNULL, said)
            try:
                status = process.wait(INITDB_SECONDS)
            except subprocess.TimeoutExpired:
                status = stop(process, ())
            said.seek(0)
            complaint = said.read().decode(errors="replace").strip()
        password.unlink()
        if status != 0:
            raise PostgresRefused(f"initdb in {self.folder} failed: {complaint}")
        draft.rename(self.data)

    def _check_version(self) -> None:
        made = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        said = subprocess.run([str(self.bin / "postgres"), "-V"], capture_output=True, text=True, check=True).stdout
        runs = said.split()[-1].split(".")[0]
        if made != runs:
            raise PostgresRefused(
                f"{self.data} was made by PostgreSQL {made} and the installed one is {runs}: dump it with the old "
                "version and load it with the new one, or remove the folder to start anew."
            )


def is_postmaster(process: psutil.Process) -> bool:
    """Whether it is a server itself, and none of the processes below it: those have no arguments."""
    try:
        return "-D" in process.cmdline()
    except psutil.NoSuchProcess:
        return False
