"""Expressions run where jobs of the data room run."""

from __future__ import annotations

import pytest

from workers.runtime.cleaning.clean import use_runner


@pytest.fixture(scope="session", autouse=True)
def _runner() -> None:
    """Daft is told where to run before anything runs, and can be told once only."""
    use_runner("native", None)
