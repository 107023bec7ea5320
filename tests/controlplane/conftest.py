"""Homes and small programs for tests of the embedded servers and their supervisor."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from controlplane.embedded.home import Home
from controlplane.embedded.processes import Program

_numbers = itertools.count()


@pytest.fixture
def home() -> Iterator[Home]:
    """A home of its own, where the account that runs PostgreSQL gets to (a temporary folder of pytest is closed)."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    found = Home(Path(settings.BEDPLATE_HOME) / f"home-{worker}-{next(_numbers)}")
    found.ensure()
    yield found
    shutil.rmtree(found.path)


def python(name: str, code: str, folder: Path) -> Program:
    """A program of a few lines."""
    return Program(name, (sys.executable, "-c", code), {"PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "1"}, folder)
