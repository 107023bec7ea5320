"""Values as JSON has them, short enough for people to look at."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any

from workers.runtime.cleaning.rounding import significant

TEXT_LIMIT = 200
"""Characters of a text that are shown."""


def plain(value: object) -> Any:
    """A cell as JSON has it: times as ISO 8601, long text cut with `…`, a number that is not finite as null."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, float):
        return significant(value) if math.isfinite(value) else None
    if isinstance(value, str):
        shown = value.replace("\0", "\ufffd")  # the control plane's database keeps no NUL
        return shown if len(shown) <= TEXT_LIMIT else f"{shown[:TEXT_LIMIT]}…"
    return value
