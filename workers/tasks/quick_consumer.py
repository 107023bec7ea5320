"""A worker's link to the broker that comes back within seconds, however long the broker was away."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from celery.worker.consumer import Consumer

FIRST_SECONDS, STEP_SECONDS, LONGEST_SECONDS = 0.2, 0.2, 2.0
"""Between two tries. The library's own go up to thirty."""

log = logging.getLogger(__name__)


class QuickConsumer(Consumer):
    """The library's consumer, with a back-off of its own."""

    def ensure_connected(self, conn: Any) -> Any:
        conn.ensure_connection = partial(
            conn.ensure_connection,
            interval_start=FIRST_SECONDS,
            interval_step=STEP_SECONDS,
            interval_max=LONGEST_SECONDS,
        )
        return super().ensure_connected(conn)
