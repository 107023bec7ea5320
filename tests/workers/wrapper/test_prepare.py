"""What prepares a pod, as a real process: files in their places, the wrapper in its own, the start claimed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.workers.wrapper.misbehaving_api import MisbehavingApi, answer, by_turns
from workers.contracts import environment as names
from workers.runtime import prepare

START = "/start"


@dataclass
class Pod:
    """The folders of a pod."""

    root: Path
    api_url: str
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, spec: dict[str, Any], **environment: str) -> subprocess.CompletedProcess[str]:
        run = self.root / "run"
        for folder in (run, self.root / "state"):
            folder.mkdir(exist_ok=True)
        (run / "token").write_text("attempt-token\n")
        (run / "spec.json").write_text(json.dumps(spec))
        variables = {
            "PATH": os.environ["PATH"],
            names.API_URL: self.api_url,
            names.TOKEN_FILE: str(run / "token"),
            names.SPEC_FILE: str(run / "spec.json"),
            names.RESULT_FILE: str(self.root / "state" / "result.json"),
            names.RANK: "1",
            "BEDPLATE_POD_UID": "pod-1",
            **environment,
        }
        command = [sys.executable, "-I", "-S", prepare.__file__, str(self.root)]
        return subprocess.run(command, env=variables, cwd="/", capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def pod(tmp_path: Path, api: MisbehavingApi) -> Pod:
    return Pod(tmp_path, api.url)


def problem(status: int, code: str) -> Any:
    return answer(status, {"code": code, "detail": "said so"})


def test_everything_is_put_in_its_place(pod: Pod, api: MisbehavingApi) -> None:
    api.behaviours[START] = answer(200, {"rank": 1})
    files = {"train.py": "print('é')\n", "lib/deep/tools.py": "", "./a/../b.txt": "b"}
    done = pod.run({"kind": "job", "files": files})
    assert (done.returncode, done.stderr) == (0, "")
    work = pod.root / "work"
    found = {str(path.relative_to(work)): path.read_text() for path in work.rglob("*") if path.is_file()}
    assert found == {"train.py": "print('é')\n", "lib/deep/tools.py": "", "b.txt": "b"}
    assert not (pod.root / "state" / "rank").exists()

    wrapper = pod.root / "bin" / "wrapper.py"
    alone = {"PATH": "/bin:/usr/bin", names.RESULT_FILE: str(pod.root / "state" / "result.json")}
    command = [sys.executable, "-I", "-S", str(wrapper), "--", "echo", "hello"]
    ran = subprocess.run(command, env=alone, cwd=work, capture_output=True, text=True, check=True, timeout=30)
    assert ran.stdout == "hello\n"


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "..", ""])
def test_a_name_that_leads_out_is_refused(pod: Pod, name: str) -> None:
    done = pod.run({"kind": "job", "files": {name: "x"}})
    assert done.returncode == 1
    assert "leads out of the working folder" in done.stderr
    assert not (pod.root / "x").exists()


def test_without_a_spec_it_says_so(pod: Pod) -> None:
    done = pod.run({}, **{names.SPEC_FILE: "/nowhere/spec.json"})
    assert done.returncode == 1
    assert "/nowhere/spec.json" in done.stderr


@pytest.mark.parametrize("status, code", [(401, "attempt_superseded"), (409, "member_superseded")])
def test_a_second_pod_of_a_member_never_starts(pod: Pod, api: MisbehavingApi, status: int, code: str) -> None:
    api.behaviours[START] = problem(status, code)
    done = pod.run({"kind": "job"})
    assert done.returncode == 85
    assert "this pod must not start: said so" in done.stderr


def test_a_replica_gets_a_number(pod: Pod, api: MisbehavingApi) -> None:
    api.behaviours[START] = answer(200, {"rank": 3})
    assert pod.run({"kind": "serving"}, **{names.RANK: ""}).returncode == 0
    assert (pod.root / "state" / "rank").read_text() == "3"


def test_a_passing_trouble_is_waited_for(pod: Pod, api: MisbehavingApi) -> None:
    api.behaviours[START] = by_turns(problem(503, "unavailable"), problem(429, "busy"), answer(200, {"rank": 1}))
    done = pod.run({"kind": "job"})
    assert (done.returncode, done.stderr) == (0, "")


def test_a_control_plane_that_is_away_does_not_keep_a_job_from_starting(pod: Pod) -> None:
    pod.api_url = "http://127.0.0.1:9"
    done = pod.run({"kind": "job"})
    assert done.returncode == 0
    assert "the control plane is away: the command starts all the same" in done.stderr


def test_a_member_waits_until_the_first_has_a_name(pod: Pod, api: MisbehavingApi) -> None:
    api.behaviours[START] = answer(200, {"rank": 1})
    assert pod.run({"kind": "job"}, MASTER_ADDR="localhost").stderr == ""


def test_a_first_member_that_has_none_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = iter([OSError("no such name")] * 3 + [None])

    def look_up(host: str, port: None) -> None:
        found = next(answers)
        if found is not None:
            raise found

    monkeypatch.setattr(prepare.socket, "getaddrinfo", look_up)
    monkeypatch.setattr(prepare.time, "sleep", lambda _: None)
    prepare.wait_for_first("job-0.job")
    assert capsys.readouterr().err == "bedplate: waiting until job-0.job has an address\n"

    answers = iter([OSError("no such name")] * 99)
    monkeypatch.setattr(prepare, "NAME_SECONDS", -1.0)
    prepare.wait_for_first("job-0.job")
    assert "still has no address" in capsys.readouterr().err
