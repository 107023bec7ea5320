"""What is told to leave before its program runs: as process 1 of a pod, which never hears of what has no handler."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.waiting import until
from tests.workers.wrapper.conftest import Wrapped
from workers.runtime import prepare, wrapper

TOLD_WHILE_STARTING = """
import builtins, os, signal, sys
real, path, sys.argv = builtins.__import__, sys.argv[1], sys.argv[1:]
def importing(name, *rest, **named):
    if name == "{first}":
        os.kill(os.getpid(), signal.SIGTERM)
    return real(name, *rest, **named)
builtins.__import__ = importing
exec(compile(open(path).read(), path, "exec"), {{"__name__": "__main__", "__file__": path}})
"""
"""A SIGTERM comes just before the first import after the one that handlers need."""
NAMESPACE = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]


def told_while_starting(program: str, *words: str) -> int:
    script = TOLD_WHILE_STARTING.format(first="contextlib")
    command = [sys.executable, "-I", "-S", "-c", script, program, *words]
    return subprocess.run(command, env={"PATH": os.environ["PATH"]}, timeout=20, check=False).returncode


def test_a_command_gets_what_came_before_it() -> None:
    assert told_while_starting(wrapper.__file__, "--", "sleep", "60") == 128 + signal.SIGTERM


def test_what_prepares_a_pod_leaves_at_once() -> None:
    assert told_while_starting(prepare.__file__, "/nowhere") == 128 + signal.SIGTERM


def has_namespaces() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0


def hears_of_sigterm(pid: str) -> bool:
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:")).split()[1]
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def test_as_process_1_it_hears_from_its_first_handler_on(wrapped: Wrapped) -> None:
    if not has_namespaces():
        pytest.skip("this machine makes no namespaces of processes for us")
    wrapped.limits = tuple(NAMESPACE)
    process = wrapped.start("sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.01; done")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    until(lambda: (found := children.read_text().split()) and hears_of_sigterm(found[0]), every_seconds=0.001)
    os.kill(int(children.read_text().split()[0]), signal.SIGTERM)
    assert process.wait(20) in (7, 128 + signal.SIGTERM)
