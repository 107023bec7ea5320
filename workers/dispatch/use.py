"""Asking backends what members do with their GPUs, where these cannot tell themselves."""

from __future__ import annotations

import logging
import time
from typing import Final

from apps.quotas.services.outside_use import use_take
from workers.backends.base import BackendUnavailable, MeasuresUse, Unsupported
from workers.dispatch.registry import asking, backends_here

log = logging.getLogger(__name__)

LIMIT_SECONDS: Final = 4.0
"""After so long no other backend is asked: the next tick begins with it."""

_next = 0
"""Which of them is asked first."""


def use_measure() -> int:
    """Note what backends see of GPUs; returns of how many members. One that does not answer changes nothing."""
    global _next
    names = backends_here()
    first, began, taken = _next % len(names), time.monotonic(), 0
    for name in [*names[first:], *names[:first]]:
        if time.monotonic() - began > LIMIT_SECONDS:
            break
        _next = (names.index(name) + 1) % len(names)
        taken += _of(name)
    return taken


def _of(name: str) -> int:
    try:
        with asking(name) as backend:
            return use_take(name, backend.use()) if isinstance(backend, MeasuresUse) else 0
    except BackendUnavailable as error:
        log.warning("the backend %s does not say what GPUs do: %s", name, error)
    except Unsupported as error:
        log.debug("%s", error)
    except Exception:  # whatever is wrong with one, the others are asked
        log.exception("the backend %s does not say what GPUs do", name)
    return 0
