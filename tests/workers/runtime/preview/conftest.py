"""Daft, as the jobs of other tests in this process have it."""

from __future__ import annotations

import pytest

from workers.runtime.cleaning.clean import use_runner


@pytest.fixture(scope="session", autouse=True)
def runner() -> None:
    """Daft takes a runner once in a process, and begins one by itself where something is computed before."""
    use_runner("native", None)
