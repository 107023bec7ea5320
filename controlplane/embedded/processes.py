"""Starting and ending processes so that none outlives who started it."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from controlplane.embedded.account import Account

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.02
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Program:
    """What to run and how to end it."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    folder: Path
    account: Account | None = None
    stop_signals: tuple[tuple[signal.Signals, float], ...] = ((signal.SIGTERM, 5.0),)
    """Sent one after the other, each with the seconds it is given; SIGKILL follows."""
    death_signal: signal.Signals = signal.SIGKILL
    """What the kernel sends when the starting process is gone, even by `kill -9`."""


def spawn(
    program: Program, output: int | IO[bytes] | None, errors: int | IO[bytes] | None = subprocess.STDOUT
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own: a Ctrl-C at the terminal reaches only the supervisor.

    Call it from the main thread: the kernel's death signal follows the thread that started the child.
    """
    account = program.account
    return subprocess.Popen(
        list(program.argv),
        env=dict(program.environment),
        cwd=program.folder,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        start_new_session=True,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        preexec_fn=_die_with_parent(program.death_signal),
    )


def _die_with_parent(death_signal: signal.Signals) -> Callable[[], None]:
    parent = os.getpid()

    def ask_kernel() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # it went between fork and prctl
            os._exit(1)

    return ask_kernel


def stop(process: subprocess.Popen[bytes], signals: Sequence[tuple[signal.Signals, float]]) -> int:
    """End a process: each signal with its seconds, then SIGKILL for it and what it left in its session.

    Returns its exit status. Blocks at most the sum of the seconds, and until the kernel has reaped it.
    """
    for number, seconds in signals:
        if process.poll() is not None:
            break
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):  # the next signal is stronger
            process.wait(seconds)
    kill_group(process.pid)
    return process.wait()


def kill_group(leader: int) -> None:
    """SIGKILL whatever is left of the process group of a child."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # nothing left, or only a zombie of another account
        os.killpg(leader, signal.SIGKILL)


def free_port() -> int:
    """A port on loopback that is free now, below the range from which the kernel hands out client ports.

    So nothing takes it by chance while a server on it is restarted.
    """
    low, _ = (int(word) for word in Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    candidates = range(max(10240, low - 12000), low) if low > 11000 else range(20000, 32000)
    for port in random.sample(candidates, 200):
        if port_is_free("127.0.0.1", port):
            return port
    raise OSError("no free port on 127.0.0.1")


def port_is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now. Raises OSError: this machine has no such address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def until(predicate: Callable[[], bool], seconds: float) -> bool:
    """Ask until it is true, for at most so long; says whether it became true."""
    deadline = time.monotonic() + seconds
    while not predicate():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
