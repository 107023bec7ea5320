"""What the command of a run is told, so that clients of MLflow in it find the run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.workers.wrapper.conftest import Wrapped
from workers.contracts import environment as names
from workers.runtime import wrapper_place

RUN = "01890a5d-ac96-774b-bcce-b302099a8057"
SHOW = 'stat -c %a "$HOME/.mlflow" "$HOME/.mlflow/credentials"; cat "$HOME/.mlflow/credentials"; env'


@pytest.fixture
def of_a_run(wrapped: Wrapped) -> Wrapped:
    (wrapped.folder / "home").mkdir()
    wrapped.environment |= {names.RUN_ID: RUN, "HOME": str(wrapped.folder / "home")}
    return wrapped


def test_the_token_is_in_a_file_that_only_the_job_reads(of_a_run: Wrapped) -> None:
    assert of_a_run.sh(SHOW) == 0
    said = of_a_run.output().splitlines()
    assert said[:5] == [
        "700",
        "400",
        "[mlflow]",
        "mlflow_tracking_username = job",
        "mlflow_tracking_password = attempt-token",
    ]
    variables = dict(line.split("=", 1) for line in said[5:] if "=" in line)
    assert variables["MLFLOW_TRACKING_URI"] == of_a_run.api_url
    assert variables["MLFLOW_RUN_ID"] == RUN.replace("-", "")
    assert not [name for name, text in variables.items() if "attempt-token" in text]


def test_a_second_start_in_the_same_home_writes_it_anew(of_a_run: Wrapped) -> None:
    assert [of_a_run.sh("true"), of_a_run.sh(SHOW)] == [0, 0]
    assert "mlflow_tracking_password = attempt-token" in of_a_run.output()


def test_a_home_that_cannot_be_written_to_stops_nothing(of_a_run: Wrapped) -> None:
    of_a_run.environment["HOME"] = "/proc/nowhere"
    assert of_a_run.sh('echo "$MLFLOW_RUN_ID"') == 0
    assert RUN.replace("-", "") in of_a_run.output()


def test_other_work_is_told_nothing(wrapped: Wrapped) -> None:
    wrapped.environment["HOME"] = str(wrapped.folder)
    assert wrapped.sh("env") == 0
    assert "MLFLOW" not in wrapped.output()
    assert not (wrapped.folder / ".mlflow").exists()


@pytest.mark.parametrize("version", [(3, 6), (3, 9)])
def test_a_python_that_cannot_run_the_wrapper_is_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], version: tuple[int, int]
) -> None:
    monkeypatch.syspath_prepend(str(Path(wrapper_place.__file__).parent))
    monkeypatch.setenv(names.REPORT_FILE, str(tmp_path / "report.json"))
    with pytest.raises(SystemExit) as ended:
        wrapper_place.old_python_refuse(version)
    report = json.loads((tmp_path / "report.json").read_text())
    detail = f"the python3 of the image is 3.{version[1]}; it starts the command, and must be 3.10 or newer"
    assert (ended.value.code, report["exit_code"], report["reason"]) == (126, 126, "launch_error")
    assert report["result"] == {"error": {"code": "launch_error", "detail": detail}}
    assert capfd.readouterr().err == f"bedplate: {detail}\n"


def test_one_that_can_is_not_refused() -> None:
    for version in ((3, 10), (3, 11), (4, 0)):
        wrapper_place.old_python_refuse(version)
