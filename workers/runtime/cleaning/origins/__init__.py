"""What an ingestion fetches for itself: by URL, from object stores, from databases. One file in the output `raw`.

Only here does the data plane speak to hosts that users name. Which ones it may is in the job's parameters, put there by
the control plane; every address that is connected to is looked at before it is (`guard`).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.origins.base import Fetched, Origin
from workers.runtime.cleaning.output import emptied_on_failure
from workers.runtime.context import JobContext

OUTPUT = "raw"
Fetcher = Callable[[Origin, Path], Fetched]
FETCHERS = {"url": ("web", "fetch_url"), "sql": ("database", "fetch_query")}
"""Kind of origin → module and function. Only the one that is asked for is imported."""


def fetched(ctx: JobContext) -> Fetched:
    """Fetch what the parameter `origin` names. Blocks for as long as it takes.

    Raises:
        UserError: what is asked for is not allowed, not there, or too large, or its host does not answer.
    """
    asked = ctx.parameters.get("origin") or {}
    found = FETCHERS.get(str(asked.get("kind")))
    if found is None:
        raise UserError("invalid_parameters", f"there is no origin of the kind {asked.get('kind')!r}")
    module, name = found
    fetch: Fetcher = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    origin = Origin.from_parameters(asked, ctx)
    folder = ctx.output(OUTPUT)
    with emptied_on_failure(folder):
        return fetch(origin, folder)
