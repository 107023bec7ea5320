"""`collect`: a file is fetched from where a user said, then ingested like one that was uploaded."""

from __future__ import annotations

from typing import Any

from workers.runtime.cleaning.ingest import ingest
from workers.runtime.cleaning.origins import OUTPUT, fetched
from workers.runtime.cleaning.output import emptied_on_failure
from workers.runtime.context import JobContext

SOURCE = "source"


def collect(ctx: JobContext) -> dict[str, Any]:
    """Outputs `raw`, the file as it came, and `dataset`. Parameters: `origin` (see `origins`) and those of `ingest`.

    The result is that of `ingest` with `fetched`. Where the origin has what it had the last time nothing is written,
    and the result is `{"unchanged": true, "fetched"}` alone.

    Raises:
        UserError: what was asked for is not allowed, not there, too large, or cannot be read.
    """
    came = fetched(ctx)
    if came.path is None:
        return {"unchanged": True, "fetched": came.to_json()}
    with emptied_on_failure(ctx.output(OUTPUT)):
        ctx.supply(SOURCE, came.path)
        return {**ingest(ctx), "fetched": came.to_json()}
