"""What the control plane counts about itself, for Prometheus. Labels are few and bounded: never an id."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("bedplate_http_requests", "Requests answered by Django.", ("method", "route", "status"))
REQUEST_SECONDS = Histogram(
    "bedplate_http_request_seconds",
    "Time in Django per request.",
    ("method", "route"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
TASKS = Counter("bedplate_tasks", "Background tasks that ended.", ("task", "queue", "outcome"))
TASK_SECONDS = Histogram(
    "bedplate_task_seconds",
    "Time per background task.",
    ("task",),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
TASKS_RUNNING = Gauge("bedplate_tasks_running", "Background tasks being done now.")
DISK_FREE = Gauge("bedplate_disk_free_bytes", "Room left on the disk of the object store, and of the home.", ("disk",))
DISK_TOTAL = Gauge("bedplate_disk_total_bytes", "Size of that disk.", ("disk",))
