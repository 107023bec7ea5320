"""What a process that was forked must not go on with: the threads that send are not in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

_HELD: WeakKeyDictionary[Any, Callable[[Any], None]] = WeakKeyDictionary()


def after_fork_in_child(owner: Any, forget: Callable[[Any], None]) -> None:
    """Call `forget(owner)` in every child, for as long as the owner lives. It must not block."""
    _HELD[owner] = forget


def _in_child() -> None:
    for owner, forget in list(_HELD.items()):
        forget(owner)


os.register_at_fork(after_in_child=_in_child)
