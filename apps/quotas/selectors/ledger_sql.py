"""SQL over the ledger that several reads share: prices by time, and what a span of holding something costs.

Times are exact to the microsecond and amounts are `numeric`: no sum depends on the order in which it is made.
"""

from __future__ import annotations

from typing import Final

from django.db import connection, models

from apps.quotas.models import Attempt, Rate, UsageRecord, Workload

GIB: Final = 1 << 30

PRICE: Final = """
price AS (
    SELECT pool_id, resource, flavor, price, valid_from AS begins, lead(valid_from, 1, 'infinity'::timestamptz)
        OVER (PARTITION BY pool_id, resource, flavor ORDER BY valid_from) AS ends
    FROM {rate}
)
"""
"""From when until when which price holds."""

AMOUNT: Final = (
    "CASE p.resource WHEN 'gpus' THEN s.gpu_millis / 1000.0 WHEN 'cpu_millis' THEN s.cpu_millis / 1000.0"
    f" ELSE s.memory_bytes / {GIB}.0 END"
)
"""Whole devices, cores or GiB of the span `s`, as the price `p` counts them."""


def tables() -> dict[str, str]:
    """Names of the tables for `str.format`."""
    named: dict[str, type[models.Model]] = {
        "usage": UsageRecord,
        "workload": Workload,
        "attempt": Attempt,
        "rate": Rate,
    }
    return {name: connection.ops.quote_name(model._meta.db_table) for name, model in named.items()}
