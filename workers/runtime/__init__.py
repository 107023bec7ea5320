"""What runs inside a job; `init` is what a job's code begins with. Also a package of its own: `bedplate-runtime`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workers.runtime.facets import Context as Context
    from workers.runtime.facets import init as init

__version__ = "0.1.0"
_FACETS = frozenset({"Context", "init"})


def __getattr__(name: str) -> Any:
    """The library, once it is asked for: the wrapper and the servers of the runtime do without it."""
    if name in _FACETS:
        return getattr(importlib.import_module("workers.runtime.facets"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
