"""Log lines: JSON with the ids of the request and the workload they belong to, or text for people."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from django.db.utils import InterfaceError, OperationalError
from kombu.exceptions import KombuError
from pythonjsonlogger.json import JsonFormatter
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from apps.common.context import request_id, workload_id

OUTAGES = (RedisConnectionError, RedisTimeoutError, KombuError, ConnectionError, TimeoutError)
GONE = ("08", "53", "57P")
"""Classes of PostgreSQL's error codes: no connection, no resources, shut down or starting. A statement that took too
long or met a deadlock is something else."""
WATCHERS = frozenset(
    {
        "apps.common.feed",
        "apps.common.hints",
        "apps.common.publisher",
        "apps.common.queues",
        "apps.common.rights",
        "celery.beat",
        "celery.worker.consumer.consumer",
        "controlplane.health",
        "psycopg.pool",
        "workers.tasks.single_flight",
        "workers.tasks.steady_beat",
    }
)
"""Loggers whose warnings say that somebody does not answer, and say it at every try."""


class Formatter(JsonFormatter):
    """One JSON object per line: `time`, `level`, `logger`, `message`, ids where there are any, and extras."""

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        log_data["time"] = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        log_data["level"] = record.levelname.lower()
        log_data["logger"] = record.name
        super().add_fields(log_data, record, message_dict)
        log_data.pop("color_message", None)  # uvicorn's, for terminals
        log_data |= current_ids()


class TextFormatter(logging.Formatter):
    """The same for people."""

    def format(self, record: logging.LogRecord) -> str:
        ids = " ".join(f"{name}={value}" for name, value in current_ids().items())
        return super().format(record) + (f" [{ids}]" if ids else "")


class OutageFilter(logging.Filter):
    """Says an outage in one line, and again after `every_seconds` with how often it was meant to be said meanwhile.

    While PostgreSQL or Redis is away, every tick and every request fails alike; a stack each would bury what else
    happens. What counts is the kind: an error that says so, or a warning of a logger that watches a connection.
    """

    def __init__(self, every_seconds: float = 10.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._every_seconds, self._monotonic = every_seconds, monotonic
        self._said: dict[tuple[str, str], tuple[float, int]] = {}
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        kind = self._kind(record)
        if kind is None:
            return True
        now = self._monotonic()
        with self._lock:
            said_at, untold = self._said.get(kind, (-self._every_seconds, 0))
            if now - said_at < self._every_seconds:
                self._said[kind] = said_at, untold + 1
                return False
            self._said[kind] = now, 0
        line = record.getMessage().partition("\n")[0]
        failure = record.exc_info[1] if record.exc_info else None
        if failure is not None and str(failure) not in line:
            line += f": {type(failure).__name__}: {str(failure).partition(chr(10))[0]}"
        record.msg, record.args = line + (f" (and {untold} more like it)" if untold else ""), None
        record.exc_info = record.exc_text = None
        return True

    def _kind(self, record: logging.LogRecord) -> tuple[str, str] | None:
        """Logger and what it says; None for what is no sign of an outage."""
        failure = record.exc_info[1] if record.exc_info else None
        if is_outage(failure):
            return record.name, type(failure).__name__
        if record.name == "django.request" and getattr(record, "status_code", 0) == HTTPStatus.SERVICE_UNAVAILABLE:
            return record.name, "503"  # the request has a line of its own anyway
        if failure is None and record.levelno >= logging.WARNING and record.name in WATCHERS:
            return record.name, str(record.msg)
        return None


def is_outage(failure: BaseException | None) -> bool:
    """Whether a server was away, as far as its error tells."""
    if isinstance(failure, OperationalError | InterfaceError):
        code = getattr(failure.__cause__, "sqlstate", None)
        return code is None or code.startswith(GONE)
    return isinstance(failure, OUTAGES)


def current_ids() -> dict[str, str]:
    """Ids of what is being worked on, those that are known."""
    found = {"request_id": request_id.get(), "workload_id": workload_id.get()}
    return {name: value for name, value in found.items() if value}


def logging_config(*, level: str, form: str) -> dict[str, Any]:
    """For `logging.config.dictConfig`: everything to standard error in one form ("json" or "text")."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {"()": "controlplane.logs.Formatter", "fmt": "%(message)s"},
            "text": {
                "()": "controlplane.logs.TextFormatter",
                "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
            },
        },
        "filters": {"outages": {"()": "controlplane.logs.OutageFilter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": form, "filters": ["outages"]}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Django would add handlers of its own for these.
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.server": {"handlers": [], "level": level, "propagate": True},
            # 4xx answers are the caller's affair and are in the request log anyway.
            "django.request": {"handlers": [], "level": "ERROR", "propagate": True},
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
            "uvicorn": {"handlers": [], "propagate": True},
            "uvicorn.error": {"handlers": [], "propagate": True},
            "uvicorn.access": {"handlers": [], "propagate": False},  # our own line has the request id
            "celery.app.trace": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
        },
    }
