"""From spec and launch to what a supervisor is told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workers.backends.jobs import SMALL, make_launch, server, shell
from workers.backends.base import LaunchRefused
from workers.backends.local.layout import JobFolder
from workers.backends.local.plan import Site, attempt_folder_name, make_plan
from workers.contracts.launch import LaunchContext
from workers.contracts.specs import Resources, Spec

SITE = Site("/venv/bin/python", "/srv/bedplate", "/venv/bin:/usr/bin", "/tmp", {})
WRAPPER = ["/venv/bin/python", "-I", "-S", "/srv/bedplate/workers/runtime/wrapper.py"]


def plan(spec: Spec, launch: LaunchContext | None = None) -> dict[str, Any]:
    return make_plan(spec, launch or make_launch(), JobFolder("/jobs/a"), SITE)


def test_a_job_runs_under_the_wrapper() -> None:
    made = plan(shell("true", command=("python", "train.py"), time_limit_seconds=60))
    assert made["command"] == [*WRAPPER, "--", "/venv/bin/python", "train.py"]
    assert {key: made[key] for key in ("kind", "count", "time_limit_seconds", "memory_limit_bytes", "devices")} == {
        "kind": "job",
        "count": 1,
        "time_limit_seconds": 60,
        "memory_limit_bytes": 512 << 20,
        "devices": [],
    }


def test_a_replica_says_few_last_words() -> None:
    made = plan(server(command=("serve",), health_path="/ok", start_timeout_seconds=9))
    assert made["command"] == [*WRAPPER, "--last-words-seconds", "1", "--replica", "--", "serve"]
    assert (made["health_path"], made["start_timeout_seconds"], made["time_limit_seconds"]) == ("/ok", 9, 0)


@pytest.mark.parametrize("cpu_millis, threads", [(0, "1"), (250, "1"), (1000, "1"), (1001, "2"), (8000, "8")])
def test_threads_follow_the_cores(cpu_millis: int, threads: str) -> None:
    made = plan(shell("true", resources=Resources(cpu_millis, 1 << 20)))
    assert made["environment"]["OMP_NUM_THREADS"] == threads


def test_a_spec_may_choose_its_threads() -> None:
    assert plan(shell("true", environment={"OMP_NUM_THREADS": "7"}))["environment"]["OMP_NUM_THREADS"] == "7"


def test_devices_are_those_of_each_member() -> None:
    spec = shell("true", resources=Resources(1000, 1 << 20, gpus=2))
    assert plan(spec, make_launch(count=2, devices=((0, 1), (4, 5))))["devices"] == ["0,1", "4,5"]


@pytest.mark.parametrize(
    "spec, launch",
    [
        pytest.param(shell("true", command=()), make_launch(), id="no command"),
        pytest.param(shell("true", image="python:3.12"), make_launch(), id="a container image"),
        pytest.param(shell("true", command=("",)), make_launch(), id="an empty command"),
        pytest.param(shell("true\0"), make_launch(), id="a NUL in the command"),
        pytest.param(shell("true", environment={"A": "\0"}), make_launch(), id="a NUL in the environment"),
        pytest.param(shell("true", environment={"A=B": "1"}), make_launch(), id="a bad name of a variable"),
        pytest.param(shell("true", files={"/etc/passwd": ""}), make_launch(), id="an absolute file"),
        pytest.param(shell("true", files={"a/../../b": ""}), make_launch(), id="a file above the folder"),
        pytest.param(shell("true", files={"": ""}), make_launch(), id="a file without a name"),
        pytest.param(shell("true"), make_launch(secrets={"../token": b""}), id="a secret above its folder"),
        pytest.param(shell("true"), make_launch(count=0), id="a gang of nobody"),
        pytest.param(server(), make_launch(count=-1), id="fewer replicas than none"),
        pytest.param(
            shell("true", resources=Resources(1000, 1, gpus=2)),
            make_launch(count=2, devices=((0, 1), (2,))),
            id="fewer GPUs than asked for",
        ),
    ],
)
def test_what_can_never_start_is_refused(spec: Spec, launch: LaunchContext) -> None:
    with pytest.raises(LaunchRefused):
        plan(spec, launch)


@pytest.mark.parametrize("attempt_id", ["", "..", "a/b", "-rf", "a" * 65, "a\n"])
def test_an_attempt_id_must_name_a_folder(attempt_id: str) -> None:
    with pytest.raises(LaunchRefused):
        attempt_folder_name(make_launch(attempt_id=attempt_id))


def test_the_plan_holds_no_secret() -> None:
    made = plan(shell("true", resources=SMALL), make_launch(secrets={"db": b"hunter2"}))
    assert "hunter2" not in repr(made)
    assert "secret-token" not in repr(made)
