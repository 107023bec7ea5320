"""Which way a metric is better. Pure."""

from __future__ import annotations

import re

from apps.experiments.states import GoalMode

LESS_IS_BETTER = frozenset(
    {"loss", "error", "err", "mse", "rmse", "mae", "mape", "perplexity", "ppl", "brier", "wer", "cer", "latency",
     "seconds", "ms", "nll", "fid", "divergence", "logloss"}
)  # fmt: skip
"""Words of a key."""


def mode_of(key: str, chosen: str = "") -> str:
    """`max` or `min`: as it was chosen, else by the words of the key."""
    if chosen:
        return chosen
    words = re.split(r"[^a-z0-9]+", key.lower())
    return str(GoalMode.MIN if LESS_IS_BETTER.intersection(words) else GoalMode.MAX)
