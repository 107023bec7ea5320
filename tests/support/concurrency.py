"""Two at the same time, in an order that the test decides: threads with connections of their own, and lock waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection

from tests.support.waiting import until


class Thread:
    """Work in a thread. `join()` gives its result or its error."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._outcome: Any = None
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[], Any]) -> None:
        try:
            self._outcome = work()
        except Exception as error:
            self._outcome = error
        finally:
            connection.close()

    def join(self, timeout_seconds: float = 15) -> Any:
        """The result, or the error that ended it; raises AssertionError when it does not end."""
        self._thread.join(timeout_seconds)
        assert not self._thread.is_alive(), "the thread did not end"
        return self._outcome


def wait_until_blocked() -> None:
    """Until another connection waits for a lock; works inside a transaction too."""
    until(_somebody_waits, what="a statement that waits for a lock")


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        # Not pg_stat_activity: inside a transaction it shows what it showed the first time.
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()")
        return bool(cursor.fetchone()[0])
