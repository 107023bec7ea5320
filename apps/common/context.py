"""What is being worked on right now, for logs and audit: carried by context variables."""

from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")
workload_id: ContextVar[str] = ContextVar("workload_id", default="")
