"""Killing a process between any two statements."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Collection
from types import FrameType
from typing import Any

from django.db import connections

KILLED = 9
FINISHED = 0
FAILED = 1


def killed_after(step: int, act: Callable[[], object], files: Collection[str]) -> bool:
    """Do it in a child that dies, without a word to anybody, before its statement number `step` + 1 in `files`.

    Nothing is flushed, closed or rolled back by the child, as with `kill -9`. Returns False when it finished first.

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
    steps = 0

    def local(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal steps
        if event == "line":
            steps += 1
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
