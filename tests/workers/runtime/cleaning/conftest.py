"""Jobs of the data room, run in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workers.runtime.cleaning.jobs import CREDIT_DATA, RECIPE, Done, Jobs
from workers.runtime.cleaning.clean import use_runner


@pytest.fixture(scope="session", autouse=True)
def runner() -> None:
    """Daft takes a runner once in a process, and begins one by itself where something is computed before."""
    use_runner("native", None)


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(tmp_path)


@pytest.fixture(scope="session")
def credit(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The loans, ingested once."""
    return Jobs(tmp_path_factory.mktemp("credit")).ingest(CREDIT_DATA, "credit_data.csv")


@pytest.fixture(scope="session")
def cleaned(credit: Done, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The loans, cleaned once by the recipe of the example."""
    return Jobs(tmp_path_factory.mktemp("cleaned")).clean(credit.files, RECIPE)
