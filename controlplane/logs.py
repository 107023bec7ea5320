"""Log lines: JSON with the ids of the request and the workload they belong to, or text for people."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from apps.common.context import request_id, workload_id


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
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": form}},
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
