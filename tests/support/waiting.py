"""Waiting for something real to happen: another process, a server. The only place of the tests that sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(
    predicate: Callable[[], object], timeout_seconds: float = 10, *, what: str = "", every_seconds: float = 0.02
) -> None:
    """Ask until the answer is true.

    Raises:
        AssertionError: it was still not true after `timeout_seconds`; `what` says what was waited for.
    """
    deadline = time.monotonic() + timeout_seconds
    while not predicate():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_seconds} s: {what or predicate}")
        time.sleep(every_seconds)
