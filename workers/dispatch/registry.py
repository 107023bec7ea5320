"""The backends of this process, by name."""

from __future__ import annotations

import threading

from django.conf import settings

from workers.backends.base import Backend
from workers.backends.registry import get_backend
from workers.contracts import environment as names

_backends: dict[str, Backend] = {}
_lock = threading.Lock()


def backend_named(name: str) -> Backend:
    """The backend of that name, made when it is first asked for.

    Raises:
        Unsupported: this version has none of that name.
    """
    with _lock:
        if name not in _backends:
            environment = {names.DATA_RUNNER: settings.BEDPLATE_DATA_RUNNER}
            if settings.BEDPLATE_RAY_ADDRESS:
                environment[names.RAY_ADDRESS] = settings.BEDPLATE_RAY_ADDRESS
            _backends[name] = get_backend(
                name,
                home=settings.BEDPLATE_HOME,
                environment=environment,
                replica_host=settings.BEDPLATE_REPLICA_HOST,
            )
        return _backends[name]


def backend_use(backend: Backend) -> None:
    """Let this instance be the backend of its name from now on."""
    with _lock:
        _backends[backend.name] = backend
