"""`examples/credit_risk/train.py` as a job runs it: in a process, alone and against the runtime API."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.prepared_data import FEATURES, TEST_ROWS, write_prepared_data
from tests.support.runtime_api import RuntimeApi
from tests.support.waiting import until
from workers.contracts.exit_codes import PREEMPTED

ROOT = Path(__file__).resolve().parents[4]
SCRIPT = ROOT / "examples" / "credit_risk" / "train.py"

pytestmark = pytest.mark.xdist_group("training")  # what is trained once is trained for all


def _run_alone(folder: Path, **parameters: Any) -> subprocess.CompletedProcess[str]:
    """Run the script beside its local twin."""
    local = folder / "bedplate-local"
    if not local.exists():
        write_prepared_data(local / "data")
    (local / "parameters.json").write_text(json.dumps(parameters), encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(SCRIPT)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


def _train_alone(folder: Path, **parameters: Any) -> dict[str, Any]:
    """The result of a run that succeeded and had nothing to complain about."""
    done = _run_alone(folder, **parameters)
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads((folder / "bedplate-local" / "result.json").read_text(encoding="utf-8")))


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _model_digest(folder: Path) -> str:
    content = (folder / "bedplate-local" / "artifacts" / "model" / "model.onnx").read_bytes()
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where four epochs were trained in one go."""
    folder = tmp_path_factory.mktemp("trained")
    _train_alone(folder, epochs=4, batch_size=30)
    return folder


def test_result_metrics_checkpoints_and_artifacts(trained: Path) -> None:
    local = trained / "bedplate-local"
    result = json.loads((local / "result.json").read_text(encoding="utf-8"))
    evaluation = result["evaluation"]
    assert result["model"] == {"artifact": "model"}
    assert evaluation["rows"] == TEST_ROWS == sum(map(sum, evaluation["confusion_matrix"]))
    assert evaluation["auc"] > 0.9
    points = [point for line in _lines(local / "metrics.jsonl") for point in line["points"]]
    steps: dict[str, list[int]] = {}
    for point in points:
        steps.setdefault(point["key"], []).extend(point["steps"])
    ends = [9, 18, 27, 36]  # 270 rows to train on, 30 a step
    assert steps == {"train/loss": list(range(1, 37)), "epoch": ends, "train/auc": ends, "validation/auc": ends}
    assert [line["step"] for line in _lines(local / "checkpoints.jsonl")] == ends
    artifacts = {line["name"]: line for line in _lines(local / "artifacts.jsonl")}
    assert artifacts.keys() == {"model", "preprocessor"} == {line["kind"] for line in artifacts.values()}
    assert artifacts["model"]["metadata"]["features"] == list(FEATURES)
    assert artifacts["model"]["metadata"]["onnx_difference"] < 1e-6


def test_a_resumed_run_ends_exactly_as_one_that_was_never_stopped(trained: Path, tmp_path: Path) -> None:
    _train_alone(tmp_path, epochs=2, batch_size=30)
    halfway = _model_digest(tmp_path)
    result = _train_alone(tmp_path, epochs=4, batch_size=30)
    assert result == json.loads((trained / "bedplate-local" / "result.json").read_text(encoding="utf-8"))
    assert halfway != _model_digest(tmp_path) == _model_digest(trained)


def test_told_to_leave_it_ends_as_preempted_and_the_next_attempt_continues(tmp_path: Path) -> None:
    with RuntimeApi(tmp_path) as api:
        api.add_input("data", write_prepared_data(tmp_path / "data"))
        outputs = ("checkpoints", "artifacts")
        environment = api.job_environment({"epochs": 100_000}, outputs)
        command = [sys.executable, str(SCRIPT)]
        kept: dict[str, Any] = {"cwd": api.work_dir, "text": True, "stdout": subprocess.PIPE}
        first = subprocess.Popen(command, env=environment, **kept)
        until(lambda: len(api.checkpoints) >= 2, timeout_seconds=30)
        first.send_signal(signal.SIGTERM)
        output, _ = first.communicate(timeout=30)
        assert first.returncode == PREEMPTED
        assert "told to leave (signal)" in output
        last = api.checkpoints[-1]
        done, step = int(last["metadata"]["epoch"]), int(last["step"])
        assert step == api.points("train/loss")[-1][0], "nothing is lost: the last step is in the checkpoint"
        before = api.points("train/loss")
        api.metrics.clear()
        environment = api.job_environment({"epochs": done + 2}, outputs, attempt_number=2)
        second = subprocess.run(command, env=environment, timeout=60, check=True, **kept)
        assert f"continuing after epoch {done} (step {step})" in second.stdout
        steps = [at for at, _ in before + api.points("train/loss")]
        assert steps == list(range(1, (done + 2) * 5 + 1)), "each step once; five are an epoch"
        assert [artifact["name"] for artifact in api.artifacts] == ["model", "preprocessor"]
        assert api.result()["evaluation"]["rows"] == TEST_ROWS


def test_a_loss_that_is_not_a_number_ends_the_run_with_a_reason(tmp_path: Path) -> None:
    done = _run_alone(tmp_path, epochs=4, learning_rate=1e30)
    assert done.returncode == 1
    assert re.search(r"FloatingPointError: the loss is (nan|inf) at step \d+: lower the learning rate", done.stderr)
