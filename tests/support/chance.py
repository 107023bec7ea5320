"""How often the tests try what is drawn by chance."""

from __future__ import annotations

import os


def seeds(few: int, many: int) -> range:
    """Seeds to try: `few`, and `many` in `make test LONG=1`."""
    return range(many if os.environ.get("LONG") else few)
