"""How long a caller's idempotency key is remembered."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from apps.common import clock
from apps.common.models import IdempotencyKey

KEPT_FOR: Final = timedelta(days=2)
BATCH: Final = 1000


def keys_forget() -> int:
    """Remove keys past their time, the oldest thousand at most; returns how many."""
    oldest = list(IdempotencyKey.objects.order_by("id").values_list("id", flat=True)[:BATCH])
    removed, _ = IdempotencyKey.objects.filter(id__in=oldest, created_at__lt=clock.db_now() - KEPT_FOR).delete()
    return removed
