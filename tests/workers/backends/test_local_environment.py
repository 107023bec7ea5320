"""What a job finds when it starts, and what it must never find."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.workers.backends.jobs import make_launch, python, shell
from tests.workers.backends.local_jobs import LocalJob, submit
from tests.workers.wrapper.misbehaving_api import MisbehavingApi
from workers.backends.local.backend import PROJECT_ROOT, LocalBackend
from workers.contracts import environment as names
from workers.contracts.observation import Phase
from workers.contracts.specs import Resources, spec_to_json

LOOK_AROUND = """
import json, os, resource, stat
def look(path):
    with open(path) as file:
        return [file.read(), stat.S_IMODE(os.stat(path).st_mode)]
secrets = os.environ["BEDPLATE_SECRETS_DIR"]
with open(os.environ["BEDPLATE_RESULT_FILE"], "w") as file:
    json.dump({
        "environment": dict(os.environ), "cwd": os.getcwd(), "session": os.getsid(0) == os.getpid(),
        "token": look(os.environ["BEDPLATE_TOKEN_FILE"]), "spec": json.load(open(os.environ["BEDPLATE_SPEC_FILE"])),
        "secrets": {name: look(os.path.join(secrets, name)) for name in os.listdir(secrets)},
        "files": {name: open(name).read() for name in ("train.py", "pkg/data.txt")},
        "core": resource.getrlimit(resource.RLIMIT_CORE), "temporary": os.path.isdir(os.environ["TMPDIR"]),
        "fds": sorted(os.listdir("/proc/self/fd"))[:4], "umask": os.umask(0), "stdin": os.read(0, 1).decode(),
    }, file)
"""


@pytest.fixture
def looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[LocalJob, dict[str, Any]]:
    monkeypatch.setenv("BEDPLATE_SECRET_KEY", "the-secret-of-the-installation")
    monkeypatch.setenv("BEDPLATE_DATABASE_URL", "postgresql://user:password@host/db")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/nowhere")
    backend = LocalBackend(tmp_path / "home", environment={names.DATA_RUNNER: "native"})
    spec = python(
        LOOK_AROUND,
        resources=Resources(cpu_millis=2500, memory_bytes=512 << 20, gpus=2),
        files={"train.py": "print(1)", "pkg/data.txt": "größe"},
        environment={"MODE": "fast", names.RANK: "77", "PYTHONPATH": "/mine"},
        secrets=("db",),
    )
    launch = make_launch(secrets={"db": b"hunter2"}, devices=((4, 6),), attempt_number=3)
    job = submit(backend, tmp_path / "home", spec, launch)
    seen = job.end()
    assert seen.phase is Phase.SUCCEEDED, job.output()
    assert seen.report is not None
    assert seen.report["result"]["spec"] == json.loads(json.dumps(spec_to_json(spec)))
    return job, seen.report["result"]


def test_the_environment_is_exactly_what_the_contracts_say(looked: tuple[LocalJob, dict[str, Any]]) -> None:
    job, found = looked
    environment = dict(found["environment"])
    member = job.path / "member-0"
    bin_folder = str(Path(sys.executable).parent)
    assert environment.pop("PATH").split(os.pathsep)[0] == bin_folder
    assert Path(environment.pop("TMPDIR")).name == "0"
    assert environment.pop(names.WORKLOAD_ID)
    assert environment == {
        "LANG": "C.UTF-8",
        "HOME": str(member / "work"),
        "PYTHONPATH": f"{PROJECT_ROOT}{os.pathsep}/mine",
        "PYTHONUNBUFFERED": "1",
        "DO_NOT_TRACK": "1",
        "OMP_NUM_THREADS": "3",
        "CUDA_VISIBLE_DEVICES": "4,6",
        "MODE": "fast",
        names.DATA_RUNNER: "native",
        names.ENVIRONMENTS_DIR: str(job.path.parent.parent / "environments"),
        names.API_URL: "",
        names.ATTEMPT_ID: job.attempt_id,
        names.ATTEMPT_NUMBER: "3",
        names.RANK: "0",
        names.WORLD_SIZE: "1",
        names.TOKEN_FILE: str(job.path / "token"),
        names.SPEC_FILE: str(job.path / "spec.json"),
        names.RESULT_FILE: str(member / "result.json"),
        names.REPORT_FILE: str(member / "report.json"),
        names.SECRETS_DIR: str(job.path / "secrets"),
    }


def test_it_starts_in_its_own_folder_and_session(looked: tuple[LocalJob, dict[str, Any]]) -> None:
    job, found = looked
    assert found["cwd"] == str(job.path / "member-0" / "work")
    assert found["session"] is True
    assert found["files"] == {"train.py": "print(1)", "pkg/data.txt": "größe"}
    assert found["core"] == [0, 0]
    assert found["temporary"] is True
    assert found["stdin"] == ""


def test_token_and_secrets_are_closed_files_that_go_with_the_job(looked: tuple[LocalJob, dict[str, Any]]) -> None:
    job, found = looked
    assert found["token"] == ["secret-token", 0o400]
    assert found["secrets"] == {"db": ["hunter2", 0o400]}
    assert not (job.path / "token").exists()
    assert not (job.path / "secrets").exists()
    assert not Path(found["environment"]["TMPDIR"]).parent.exists()
    assert stat.S_IMODE(job.path.stat().st_mode) == 0o700


def test_no_secret_is_in_any_file_of_the_job(tmp_path: Path) -> None:
    backend = LocalBackend(tmp_path / "home")
    launch = make_launch(secrets={"db": b"hunter2"})
    job = submit(backend, tmp_path / "home", python("pass", secrets=("db",)), launch)
    job.end()
    texts = [path.read_bytes() for path in job.path.rglob("*") if path.is_file()]
    assert len(texts) > 4
    assert not any(secret in text for text in texts for secret in (b"hunter2", b"secret-token"))


def test_without_devices_no_gpu_is_visible(tmp_path: Path) -> None:
    backend = LocalBackend(tmp_path / "home")
    script = "import os; print(repr(os.environ['CUDA_VISIBLE_DEVICES']))"
    job = submit(backend, tmp_path / "home", python(script, resources=Resources(100, 1 << 29)), make_launch())
    assert job.end().phase is Phase.SUCCEEDED
    assert job.output() == "''\n"


def test_a_job_speaks_to_the_control_plane(backend: LocalBackend, tmp_path: Path) -> None:
    with MisbehavingApi() as api:
        spec = shell("echo rank $BEDPLATE_RANK")
        job = submit(backend, tmp_path / "home", spec, make_launch(count=2, api_url=api.url))
        assert job.end().phase is Phase.SUCCEEDED
    assert {(body["rank"], body["text"]) for body in api.bodies("/logs")} == {(0, "rank 0\n"), (1, "rank 1\n")}
    assert {(body["rank"], body["exit_code"]) for body in api.bodies("/exit")} == {(0, 0), (1, 0)}
    assert {authorization for _, _, authorization in api.requests} == {"Bearer secret-token"}


def test_the_supervisor_has_nothing_of_the_workers_environment(
    backend: LocalBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEDPLATE_SECRET_KEY", "the-secret-of-the-installation")
    job = submit(backend, tmp_path / "home", python("import time; time.sleep(1000)"), make_launch())
    environment = Path(f"/proc/{job.supervisor_pid()}/environ").read_bytes().split(b"\0")
    assert {entry.partition(b"=")[0] for entry in environment if entry} == {b"PATH", b"LANG"}
