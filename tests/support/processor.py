"""How long a core was busy with something: unlike the time on the wall, no other test makes it longer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
from django.db import connection


@dataclass
class Busy:
    """Seconds of this thread and of its database connection's server process; of the latter in steps of 10 ms."""

    seconds: float = 0.0


@contextmanager
def busy() -> Iterator[Busy]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = psutil.Process(cursor.fetchone()[0])  # type: ignore[index]
    found, before = Busy(), _now(backend)
    yield found
    found.seconds = _now(backend) - before


def _now(backend: psutil.Process) -> float:
    used = backend.cpu_times()
    return time.thread_time() + float(used.user + used.system)
