"""Which of the driver's error numbers mean that a device failed, whatever ran on it. Pure."""

from __future__ import annotations

from typing import Final

FATAL_XIDS: Final = frozenset({48, 62, 64, 74, 79, 95, 110, 119, 120, 140})
"""Uncorrected memory errors (48, 95, 140), a halted controller (62), rows that cannot be replaced (64), a link (74),
off the bus (79), security (110), firmware that does not answer (119, 120). Others, such as 13, 31, 43 and 45, mostly
tell of a program's own mistakes, and 94 of an error that was contained, which the counter of errors tells as well."""
