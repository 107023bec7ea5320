"""What a job runs in: found without importing anything, told once, and never in the way of the job."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.runtime_api import RuntimeApi
from workers.runtime import environment_report as report

SCRIPT = "from workers.runtime.context import job_context\nprint(job_context().attempt_number)\n"


def run(api: RuntimeApi, script: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**api.job_environment({}, ()), **more}
    command = [sys.executable, "-c", script]
    return subprocess.run(
        command, cwd=api.work_dir, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_job_tells_what_it_runs_in_though_it_ends_at_once(tmp_path: Path) -> None:
    with RuntimeApi(tmp_path) as api:
        done = run(api, SCRIPT, GIT_COMMIT="0123abc")
        assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
        (told,) = api.environments
    assert told["python"] == platform.python_version()
    assert told["git_commit"] == "0123abc"
    assert told["packages"]["numpy"]
    assert told["torch"]["version"] == told["packages"]["torch"]
    assert (told["gpus"], told["driver"]) == ([], "")


def test_another_member_tells_nothing(tmp_path: Path) -> None:
    with RuntimeApi(tmp_path) as api:
        assert run(api, SCRIPT, BEDPLATE_RANK="1", BEDPLATE_WORLD_SIZE="2").returncode == 0
        assert api.environments == []


def test_nothing_is_imported_to_find_it_out(tmp_path: Path) -> None:
    script = SCRIPT + "import sys, workers.runtime.environment_report as r\nr.environment_report({})\n"
    script += "print([name for name in ('torch', 'pyarrow', 'daft') if name in sys.modules])\n"
    with RuntimeApi(tmp_path) as api:
        assert run(api, script).stdout.splitlines()[-1] == "[]"


def test_gpus_are_those_that_the_job_may_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text('#!/bin/sh\necho "3, NVIDIA H200, 143771, 580.82.07"\n[ "$3" = "-i" ] && [ "$4" = "3" ]\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = report.environment_report({"CUDA_VISIBLE_DEVICES": "3"})
    assert found["gpus"] == [{"index": 3, "name": "NVIDIA H200", "memory_bytes": 143771 << 20}]
    assert found["driver"] == "580.82.07"
    program.write_text("#!/bin/sh\nexit 9\n")
    assert report.environment_report({"CUDA_VISIBLE_DEVICES": "3"})["gpus"] == []


def test_what_goes_wrong_is_nobodys_trouble(capfd: pytest.CaptureFixture[str]) -> None:
    def send(_: dict[str, Any]) -> None:
        raise RuntimeError("the connection is closed")

    report._tell(send, {})
    assert capfd.readouterr().err == ""
