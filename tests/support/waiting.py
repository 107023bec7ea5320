"""Waiting for something real to happen: another process, a server. The only place of the tests that sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(
    predicate: Callable[[], object], timeout_seconds: float = 10, *, what: str = "", every_seconds: float | None = None
) -> None:
    """Ask until the answer is true.

    Args:
        every_seconds: without it the pauses grow with the time that was waited, from 20 ms to 200: fifty requests a
            second for half a minute are work that others wait for.

    Raises:
        AssertionError: it was still not true after `timeout_seconds`; `what` says what was waited for.
    """
    began = time.monotonic()
    while not predicate():
        waited = time.monotonic() - began
        if waited > timeout_seconds:
            raise AssertionError(f"not within {timeout_seconds} s: {what or predicate}")
        time.sleep(min(max(0.02, waited / 12), 0.2) if every_seconds is None else every_seconds)
