"""Doing one thing for each of many, within the time that a task has."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from uuid import UUID

from apps.common import context

log = logging.getLogger(__name__)

LIMIT_SECONDS = 20.0
"""A task has 30."""


def for_each(
    ids: Iterable[UUID], act: Callable[[UUID], object], *, what: str = "workload", limit_seconds: float = LIMIT_SECONDS
) -> int:
    """Do it for each until the time is up; returns for how many. The next tick does the rest.

    What goes wrong with one is logged and keeps nobody else waiting.

    Args:
        what: whose ids these are.
    """
    deadline, done = time.monotonic() + limit_seconds, 0
    for one in ids:
        if time.monotonic() > deadline:
            break
        with about(one) if what == "workload" else nullcontext():
            try:
                act(one)
            except Exception:
                log.exception("%s failed for %s %s; its tick will try again", act.__name__, what, one)
        done += 1
    return done


@contextmanager
def about(workload_id: UUID) -> Iterator[None]:
    """Let logs of the block carry the workload's id."""
    token = context.workload_id.set(str(workload_id))
    try:
        yield
    finally:
        context.workload_id.reset(token)
