"""The Celery app: `celery -A controlplane.celery worker` and `beat`, and what the web process sends through."""

from __future__ import annotations

import logging.config
import pkgutil
import time
from typing import Any

from celery import Celery, Task, signals
from django.conf import settings

from apps.common import marks, queues
from apps.common.context import request_id
from controlplane import loading
from controlplane.env import choose_settings
from controlplane.metrics import TASK_SECONDS, TASKS, TASKS_RUNNING
from controlplane.worker_health import WorkerServer
from workers import tasks
from workers.tasks.schedule import BEAT_SCHEDULE

loading.begin()
choose_settings()

REQUEST_ID = "bedplate_request_id"
"""Header of a task message: the request that asked for it."""
ALIVE_EVERY_SECONDS = 5.0

app = Celery("bedplate")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.imports = tuple(f"{tasks.__name__}.{module.name}" for module in pkgutil.iter_modules(tasks.__path__))
app.conf.beat_schedule = BEAT_SCHEDULE

_started: dict[str, float] = {}


@signals.setup_logging.connect
def _log_like_django(**_: Any) -> None:
    logging.config.dictConfig(settings.LOGGING)


@signals.before_task_publish.connect
def _carry_request_id(headers: dict[str, Any] | None = None, **_: Any) -> None:
    if headers is not None and request_id.get():
        headers[REQUEST_ID] = request_id.get()


@signals.task_prerun.connect
def _begin(task_id: str, task: Task[Any, Any], **_: Any) -> None:
    request_id.set(getattr(task.request, REQUEST_ID, None) or "")
    _started[task_id] = time.perf_counter()
    TASKS_RUNNING.inc()
    marks.mark(marks.TAKEN, str((task.request.delivery_info or {}).get("routing_key", "")))


@signals.task_postrun.connect
def _end(task_id: str, task: Task[Any, Any], state: str | None = None, **_: Any) -> None:
    request_id.set("")
    TASKS_RUNNING.dec()
    TASK_SECONDS.labels(task.name).observe(time.perf_counter() - _started.pop(task_id, time.perf_counter()))
    delivery = task.request.delivery_info or {}
    TASKS.labels(task.name, str(delivery.get("routing_key", "")), (state or "unknown").lower()).inc()


@signals.worker_ready.connect
def _sweep_at_boot(**_: Any) -> None:
    """Whatever ended the last worker, what it left is looked for at once."""
    queues.send(queues.TICK_SWEEP)


@signals.worker_ready.connect
def _serve_health(**_: Any) -> None:
    if settings.BEDPLATE_WORKER_METRICS_PORT:
        WorkerServer(settings.BEDPLATE_HOST, settings.BEDPLATE_WORKER_METRICS_PORT).start()


@signals.worker_ready.connect
def _say_that_it_lives(sender: Any = None, **_: Any) -> None:
    """For people who look at the panel: a worker without work has to be told from one that is gone."""
    name = str(getattr(sender, "hostname", "") or "worker")
    marks.mark(marks.WORKER, name)
    sender.timer.call_repeatedly(ALIVE_EVERY_SECONDS, marks.mark, (marks.WORKER, name))
