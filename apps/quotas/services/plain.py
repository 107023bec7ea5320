"""JSON from outside, made fit for `jsonb`: no NUL, no lone surrogate, no NaN or infinity."""

from __future__ import annotations

import math
from typing import Any


def text_cleaned(text: str) -> str:
    """The text as PostgreSQL can keep it: NUL removed, lone surrogates replaced."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def json_cleaned(value: Any) -> Any:
    """A copy that can be stored: strings cleaned, numbers that JSON does not have become null."""
    if isinstance(value, str):
        return text_cleaned(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {text_cleaned(str(key)): json_cleaned(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_cleaned(item) for item in value]
    return value
