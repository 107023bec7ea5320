"""`validate`: does a dataset version fulfil what its dataset expects?"""

from __future__ import annotations

from typing import Any

from workers.runtime.cleaning.quality import validated
from workers.runtime.context import JobContext


def validate(ctx: JobContext) -> dict[str, Any]:
    """Input `dataset`: the Parquet files of a version. See `quality.validated`."""
    return validated(ctx)
