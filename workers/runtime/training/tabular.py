"""Where the trainer for classes of tables was. The script of a run is stored with its workload: one that was submitted
before the trainer had its name of now, and waits or is retried, imports it from here."""

from __future__ import annotations

from workers.runtime.training.tabular_classifier import main

__all__ = ["main"]
