"""Where the trainer for classes of tables was: runs that were submitted then, and wait still, import it from here."""

from __future__ import annotations

from workers.runtime.training.tabular_classifier import main

__all__ = ["main"]
