"""Migrating a database in this process."""

from __future__ import annotations

import gc

from django.core.management import call_command

GARBAGE = 50_000
"""So many new objects before garbage is looked for. Each step of a migration makes the classes of its models anew: with
Python's own 700 a third of the time goes to looking at them all. It costs 70 MB."""


def migrate() -> None:
    """Apply every migration that is not applied."""
    before = gc.get_threshold()
    gc.set_threshold(GARBAGE, *before[1:])
    try:
        call_command("migrate", verbosity=0, interactive=False)
    finally:
        gc.set_threshold(*before)
