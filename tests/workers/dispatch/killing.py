"""Killing a process between any two statements, wherever that makes a difference to what it leaves."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Collection
from types import FrameType
from typing import Any

import psycopg
from django.db import connections

KILLED = 9
FINISHED = 0
FAILED = 1
REACHES_OUT = ("open", "os.", "shutil.", "tempfile.", "fcntl.", "socket.", "subprocess.", "signal.")
"""How the names of the interpreter's audit events begin that tell of something beyond the process."""


def killed_after(step: int, act: Callable[[], object], files: Collection[str]) -> bool:
    """Do it in a child that dies, without a word to anybody, before a statement of its own in `files`.

    Before its first one for step 0, and from then on before the first one after whatever it did that somebody else
    can see: a file, a process, a signal, a word to a server. What it only computed dies with it, so that between two
    such statements one death is like another. Nothing is flushed, closed or rolled back by the child, as with
    `kill -9`. Returns False when it finished first.

    Raises:
        AssertionError: what it did went wrong by itself.
    """
    pid = os.fork()
    if pid == 0:
        _child(step, act, files)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (KILLED, FINISHED), f"the child ended with {code}"
    return code == KILLED


def _child(step: int, act: Callable[[], object], files: Collection[str]) -> None:
    # The parent's connection is not ours to use nor to close: it is kept, so that no destructor says goodbye on it.
    kept: list[Any] = []
    for connection in connections.all(initialized_only=True):
        kept.append(connection.connection)
        connection.connection = None
        connection.in_atomic_block = False
    outside = _Outside()
    steps, known = 0, -1

    def local(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal steps, known
        if event == "line" and outside.count != known:
            steps, known = steps + 1, outside.count
            if steps > step:
                os._exit(KILLED)
        return local

    def globally(frame: FrameType, event: str, arg: object) -> Any:
        return local if frame.f_code.co_filename in files else None

    try:
        threading.settrace(globally)
        sys.settrace(globally)
        act()
    except BaseException as error:
        sys.settrace(None)
        os.write(2, f"{error!r}\n".encode())
        os._exit(FAILED)
    os._exit(FINISHED)


class _Outside:
    """Counts, to the end of this process, what it does that others can see."""

    def __init__(self) -> None:
        self.count = 0
        sys.addaudithook(self._heard)
        for owner, name in ((psycopg.Connection, "wait"), (socket.socket, "send"), (socket.socket, "sendall")):
            setattr(owner, name, self._counted(getattr(owner, name)))

    def _heard(self, event: str, arguments: object) -> None:
        if event.startswith(REACHES_OUT):
            self.count += 1

    def _counted(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            try:
                return act(*args, **kwargs)
            finally:
                self.count += 1

        return counted
