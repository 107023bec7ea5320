"""An object store of each test's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from tests.support.factories.datasets import pool_ready


@pytest.fixture(autouse=True)
def objects(settings: Settings, tmp_path: Path) -> Path:
    """The folder behind the object store."""
    folder = tmp_path / "objects"
    settings.BEDPLATE_STORAGE_URL = f"file://{folder}"
    return folder


@pytest.fixture
def pool(db: None) -> None:
    pool_ready()
