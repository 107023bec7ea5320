"""Loading the modules of a process without looking for garbage among them.

What is loaded stays to the end. To look through it again and again, and once more when the process leaves, is nearly
half of what a short command takes; in a process that serves it is part of every full look.
"""

from __future__ import annotations

import gc


def begin() -> None:
    """Look for no garbage until `end`, which Django calls once all apps are ready."""
    gc.disable()


def end() -> None:
    """From here on look for garbage again, but not among what was loaded."""
    gc.freeze()
    gc.enable()
