"""The short way to the sockets when somebody's rights change: past the publisher, by Redis, to every web process.

The event of the same change comes by the publisher; this comes though the publisher does not. It may be lost like any
hint: then the event, or the silence of the publisher, makes the web processes look (`rights`).
"""

from __future__ import annotations

import msgspec
from django.conf import settings
from django.db import transaction
from redis import Redis
from redis.exceptions import RedisError

from apps.common.hints import Sender

ALERTS = "bedplate:rights"
"""Channel: each message a JSON list of keys, `user.<id>`, `api_token.<id>`, `session.<digest>`."""
PATIENCE_SECONDS = 2.0
REST_SECONDS = 0.5

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(list[str]).decode


def rights_changed(*keys: str) -> None:
    """Have every web process look at the sockets behind these keys once the transaction has committed.

    Never raises, never waits.
    """
    if settings.BEDPLATE_HINTS:
        transaction.on_commit(lambda: _sender.put("rights_changed", list(keys)))


def flush(seconds: float) -> bool:
    """Wait until all that was said has been sent, or given up; False: not within so many seconds."""
    return _sender.flush(seconds)


def _deliver(_: str, keys: list[str]) -> None:
    try:
        with Redis.from_url(  # rare, so a connection of its own: one of a pool may be older than a restart
            settings.BEDPLATE_REDIS_URL, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS
        ) as redis:
            redis.publish(ALERTS, encode(keys))
    except RedisError as error:
        raise OSError(str(error)) from error


_sender = Sender(_deliver, rest_seconds=REST_SECONDS)
