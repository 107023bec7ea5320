"""The facets of a job, before a control plane and without one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.runtime_api import RuntimeApi
from tests.support.waiting import until
from workers.contracts import environment as names
from workers.contracts import exit_codes
from workers.runtime.context import context_from
from workers.runtime.facets import Context

Make = Callable[..., Context]


@pytest.fixture
def api(tmp_path: Path) -> Iterator[RuntimeApi]:
    with RuntimeApi(tmp_path) as server:
        yield server


@pytest.fixture
def job(api: RuntimeApi) -> Iterator[Make]:
    """Makes the context of a member of the job; it is closed at the end."""
    made: list[Context] = []

    def make(rank: int = 0, world: int = 1, **given: Any) -> Context:
        variables = api.job_environment({"epochs": 2}, ("checkpoints", "artifacts"))
        variables |= {names.RANK: str(rank), names.WORLD_SIZE: str(world), names.PATIENCE_SECONDS: "5"}
        made.append(Context(context_from(variables, api.work_dir), given.get("data", {}), given.get("params", {})))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def alone(tmp_path: Path) -> Make:
    def make(**given: Any) -> Context:
        return Context(context_from({}, tmp_path), given.get("data", {}), given.get("params", {}))

    return make


def lines(folder: Path, name: str) -> list[dict[str, Any]]:
    text = (folder / "bedplate-local" / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_parameters_are_those_of_the_run_with_defaults_and_what_the_code_chose(api: RuntimeApi, job: Make) -> None:
    ctx = job(params={"epochs": 9, "rate": 0.1})
    assert dict(ctx.params) == {"epochs": 2, "rate": 0.1}
    ctx.params.log({"rate": 0.1, "epochs": 2, "optimiser": "adamw", "path": Path("/a"), "nothing": None})
    until(lambda: api.parameters)
    assert api.parameters == {"rate": 0.1, "optimiser": "adamw", "path": "/a", "nothing": None}
    assert ctx.params["optimiser"] == "adamw"
    with pytest.raises(ValueError, match=r"the parameter rate is 0\.1 already"):
        ctx.params.log({"other": 1, "rate": 0.2})
    assert "other" not in ctx.params


def test_parameters_that_are_refused_are_no_failure(api: RuntimeApi, job: Make, capfd: Any) -> None:
    api.parameters["rate"] = 5
    ctx = job()
    ctx.params.log({"rate": 1})
    ctx.close()
    assert "the parameters were refused" in capfd.readouterr().err


def test_parameters_wait_for_a_control_plane_that_is_away(api: RuntimeApi, job: Make) -> None:
    api.fail("/parameters", 503, 2)
    ctx = job()
    ctx.params.log({"rate": 1})
    ctx.close()
    assert api.parameters == {"rate": 1}


def test_parameters_that_nobody_takes_do_not_fail_the_job(api: RuntimeApi, job: Make) -> None:
    api.fail("/parameters", 503, 1000)
    ctx = job()
    ctx.params.log({"rate": 1})
    ctx.close()
    assert api.parameters == {}


def test_folders_become_artifacts_of_their_files(api: RuntimeApi, job: Make, tmp_path: Path) -> None:
    (tmp_path / "plots" / "deep").mkdir(parents=True)
    (tmp_path / "plots" / "loss.png").write_bytes(b"one")
    (tmp_path / "plots" / "deep" / "größe 1.png").write_bytes(b"two")
    stored = job().artifacts.log("plots", tmp_path / "plots", kind="report")
    assert [one["name"] for one in api.artifacts] == ["plots/deep/größe 1.png", "plots/loss.png"]
    assert [one.path.read_bytes() for one in stored] == [b"two", b"one"]
    assert {one["kind"] for one in api.artifacts} == {"report"}
    assert all("/../" not in one["uri"] and " " not in one["uri"] for one in api.artifacts)


def test_an_artifact_may_be_called_as_the_folder_of_another(api: RuntimeApi, job: Make, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"model")
    ctx = job()
    for name in ("model", "model/model.onnx", "model/model.onnx/deep"):
        ctx.artifacts.log(name, tmp_path / "model.onnx")
    assert [one["name"] for one in api.artifacts] == ["model", "model/model.onnx", "model/model.onnx/deep"]
    assert len({one["uri"] for one in api.artifacts}) == 3


@pytest.mark.parametrize("name", ["../a", "/a", "a//b", "a/./b", "a\\b", "a\nb", "", "a/", "x" * 501])
def test_names_that_lead_elsewhere_are_refused(job: Make, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="cannot be the name"):
        job().artifacts.log(name, tmp_path / "file")
    with pytest.raises(FileNotFoundError):
        job().artifacts.log("a", tmp_path / "none")


def test_of_several_members_the_first_speaks_for_all(api: RuntimeApi, job: Make, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    other = job(rank=1, world=2)
    other.params.log({"rate": 1})
    assert other.artifacts.log("file", tmp_path / "file") == []
    other.close()
    assert (other.params["rate"], api.parameters, api.artifacts) == (1, {}, [])
    assert (other.distributed.rank, other.distributed.is_team, other.distributed.is_main) == (1, True, False)


def test_metrics_checkpoints_and_the_word_to_leave(api: RuntimeApi, job: Make) -> None:
    with job() as ctx:
        ctx.metrics.log({"train/loss": 0.5}, step=1)
        ctx.checkpoints.save(lambda path: path.write_bytes(b"state"), step=1, metadata={"epoch": 1})
        found = ctx.checkpoints.latest()
        assert found is not None
        assert (found.step, found.path.read_bytes(), found.metadata) == (1, b"state", {"epoch": 1})
        api.should_stop = "preempted"
        until(lambda: ctx.preemption.should_stop)
        assert (ctx.preemption.reason, ctx.preemption.STATUS) == ("preempted", exit_codes.PREEMPTED)
        assert 0 < (ctx.preemption.seconds_left or 0) <= 30
    assert [point["key"] for batch in api.metrics.values() for point in batch] == ["train/loss"]


def test_the_same_program_runs_without_bedplate(alone: Make, tmp_path: Path) -> None:
    (tmp_path / "loans").mkdir()
    (tmp_path / "loans" / "part.parquet").write_bytes(b"PAR1")
    with alone(data={"data": tmp_path / "loans"}, params={"rate": 0.1}) as ctx:
        assert not ctx.is_in_bedplate
        assert [file.name for file in ctx.data.input().files] == ["part.parquet"]
        ctx.metrics.log({"loss": 1.0}, step=0)
        ctx.params.log({"rate": 0.1, "depth": 3})
        ctx.checkpoints.save(lambda path: path.write_bytes(b"state"), step=4)
        ctx.artifacts.log("notes/first.txt", tmp_path / "loans" / "part.parquet")
        assert (ctx.preemption.should_stop, ctx.preemption.reason, ctx.preemption.seconds_left) == (False, "", None)
        team = ctx.distributed
        team.start()
        assert (team.total(2.0), team.most(3.0), team.from_main(4.0), team.wrapped("model")) == (2.0, 3.0, 4.0, "model")
        team.barrier()
        assert team.share([1, 2, 3]) == [1, 2, 3]
        ctx.report({"metrics": {"loss": 1.0}})
    assert lines(tmp_path, "logged_parameters.jsonl") == [{"rate": 0.1, "depth": 3}]
    assert [point["key"] for line in lines(tmp_path, "metrics.jsonl") for point in line["points"]] == ["loss"]
    assert [one["name"] for one in lines(tmp_path, "artifacts.jsonl")] == ["notes/first.txt"]
    again = alone(data={}, params={}).checkpoints.latest()
    assert again is not None
    assert again.step == 4


def test_local_data_that_is_not_there_is_named(alone: Make, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="to be the input 'data'"):
        alone(data={"data": tmp_path / "none"})
