"""The built-in trainer as a job runs it, beside its local twin; and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from apps.experiments.specs import trainer_script
from tests.support.prepared_data import TEST_ROWS, write_prepared_data
from workers.contracts.trainers import TABULAR_CLASSIFIER, BadParameters, parameters_checked

ROOT = Path(__file__).resolve().parents[4]


def _run_alone(folder: Path, **parameters: Any) -> subprocess.CompletedProcess[str]:
    local = folder / "bedplate-local"
    write_prepared_data(local / "data")
    (local / "parameters.json").write_text(json.dumps(parameters), encoding="utf-8")
    (folder / "train.py").write_text(trainer_script("tabular_classifier"), encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "train.py"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_it_leaves_a_model_with_its_whole_evaluation(tmp_path: Path) -> None:
    done = _run_alone(tmp_path, epochs=4, batch_size=30, layers=2, dropout=0.1, hidden=16)
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads((tmp_path / "bedplate-local" / "result.json").read_text(encoding="utf-8"))
    evaluation = result["evaluation"]
    assert evaluation["rows"] == TEST_ROWS
    assert evaluation["auc"] == result["metrics"]["test_auc"] > 0.8
    assert [one["label"] for one in evaluation["classes"]] == ["good", "bad"]
    assert sum(one["count"] for one in evaluation["calibration"]) == TEST_ROWS
    points = [
        json.loads(line)["points"]
        for line in (tmp_path / "bedplate-local" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    keys = {point["key"] for batch in points for point in batch}
    assert keys == {"train/loss", "epoch", "train/auc", "validation/auc", "validation/loss"}


def test_a_script_that_was_stored_by_the_name_of_then_finds_the_trainer(tmp_path: Path) -> None:
    script = trainer_script("tabular")
    (tmp_path / "bedplate-local").mkdir()
    (tmp_path / "bedplate-local" / "parameters.json").write_text('{"epochs": 0}', encoding="utf-8")
    (tmp_path / "train.py").write_text(script, encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "train.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert "epochs must be at least 1" in done.stderr


def test_parameters_that_cannot_be_end_it(tmp_path: Path) -> None:
    done = _run_alone(tmp_path, epochs=0)
    assert done.returncode == 1
    assert "epochs must be at least 1" in done.stderr


def test_parameters_are_filled_up_with_defaults() -> None:
    found = parameters_checked(TABULAR_CLASSIFIER, {"epochs": 3.0, "learning_rate": 0.1})
    assert found == {
        **{name: one.default for name, one in TABULAR_CLASSIFIER.items()},
        "epochs": 3,
        "learning_rate": 0.1,
    }
    assert isinstance(found["epochs"], int)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"epochs": 0}, "must be at least 1"),
        ({"epochs": 1.5}, "must be a whole number"),
        ({"learning_rate": 0}, "must be more than 0"),
        ({"dropout": 1}, "must be less than 1"),
        ({"threshold": 1.1}, "must be at most 1"),
        ({"seed": True}, "must be a number"),
        ({"hidden": "256"}, "must be a number"),
        ({"rate": 1}, "is no parameter of this trainer"),
    ],
    ids=str,
)
def test_what_cannot_be_is_named(given: dict[str, Any], says: str) -> None:
    with pytest.raises(BadParameters) as refused:
        parameters_checked(TABULAR_CLASSIFIER, given)
    assert refused.value.problems == dict.fromkeys(given, says)
