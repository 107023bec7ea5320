"""Runs the conformance suite against every backend of `conftest.py`."""

from tests.workers.backends.conformance import (
    TestLogs,
    TestObserve,
    TestServing,
    TestStop,
    TestSubmit,
    TestSweep,
)

__all__ = ["TestLogs", "TestObserve", "TestServing", "TestStop", "TestSubmit", "TestSweep"]
