"""Keys and texts that clients put on models and their versions. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from apps.common.errors import Invalid

LABELS_MOST: Final = 1000
KEY_MOST: Final = 250
TEXT_MOST: Final = 100_000
BYTES_MOST: Final = 1 << 20


def labels_check(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels themselves.

    Raises:
        Invalid: too many, too long, without a key, or with NUL in them.
    """
    wrong = ""
    if len(labels) > LABELS_MOST:
        wrong = f"has at most {LABELS_MOST} labels"
    for key, text in labels.items():
        if not isinstance(key, str) or not isinstance(text, str) or "\x00" in key + text:
            wrong = "holds texts without NUL"
        elif not 1 <= len(key) <= KEY_MOST or len(text) > TEXT_MOST:
            wrong = f"has keys of 1 to {KEY_MOST} characters and texts of at most {TEXT_MOST}"
    if not wrong and sum(len(key) + len(text) for key, text in labels.items()) > BYTES_MOST:
        wrong = f"has at most {BYTES_MOST} characters together"
    if wrong:
        raise Invalid(f"labels {wrong}", fields={"labels": [wrong]})
    return dict(labels)
