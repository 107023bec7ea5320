"""A second name for a file of a disk."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4


def linked(there: str, at: str) -> bool:
    """Give a file a second name, in the place of what has it; False where the disk cannot.

    Raises:
        FileNotFoundError: no such file.
    """
    beside = Path(f"{at}.{uuid4().hex}.part")
    try:
        os.link(there, beside)
        beside.replace(at)
    except FileNotFoundError:
        raise
    except OSError:
        return False
    finally:
        beside.unlink(missing_ok=True)  # two names of one file do not replace each other: then this one is left
    return True
