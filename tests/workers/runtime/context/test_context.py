"""What a job's code sees, against a real server and in a real process."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.runtime_api import RuntimeApi
from tests.support.waiting import until
from workers.contracts import environment as names
from workers.runtime.client import JobApiError, StopOrder
from workers.runtime.context import Checkpoint, JobContext, context_from
from workers.runtime.inputs import Input
from workers.runtime.stop_watch import StopWatch


@pytest.fixture
def api(tmp_path: Path) -> Iterator[RuntimeApi]:
    with RuntimeApi(tmp_path) as server:
        yield server


OUTPUTS = ("dataset", "checkpoints", "artifacts")


@pytest.fixture
def ctx(api: RuntimeApi) -> Iterator[JobContext]:
    found = context_from(api.job_environment({"epochs": 2}, OUTPUTS, attempt_number=3), api.work_dir)
    yield found
    found.close()


def test_says_which_job_it_is(api: RuntimeApi, ctx: JobContext) -> None:
    assert (ctx.workload_id, ctx.attempt_id, ctx.attempt_number) == (api.workload_id, api.attempt_id, 3)
    assert (ctx.rank, ctx.world_size, ctx.parameters) == (0, 1, {"epochs": 2})
    assert ctx.resources is not None
    assert ctx.resources.cpu_millis == 1000


def test_says_the_seed_of_the_run(api: RuntimeApi, ctx: JobContext) -> None:
    seeded = context_from({**api.job_environment(), names.SEED: "7"}, api.work_dir)
    assert (seeded.seed, ctx.seed) == (7, None)
    seeded.close()


def test_a_variable_that_is_missing_is_an_error(api: RuntimeApi) -> None:
    environment = api.job_environment()
    del environment[names.TOKEN_FILE]

    with pytest.raises(KeyError, match=names.TOKEN_FILE):
        context_from(environment, api.work_dir)


def test_resolves_an_input_once(api: RuntimeApi, tmp_path: Path, ctx: JobContext) -> None:
    files = [tmp_path / "part-00000.parquet", tmp_path / "part-00001.parquet"]
    for file in files:
        file.write_bytes(b"x")
    api.add_input("data", files)
    assert ctx.input("data") == Input("data", "bedplate://inputs/data/", tmp_path, files)
    assert ctx.input("data") is ctx.input("data")
    assert [body for _, path, body in api.calls if body.get("name") == "data"] == [{"name": "data", "mode": "read"}]


def test_a_part_of_a_dataset_is_seen_under_its_own_name(api: RuntimeApi, tmp_path: Path, ctx: JobContext) -> None:
    part = tmp_path / "0123abcd.parquet"
    part.write_bytes(b"PAR1")
    api.add_input("data", [part, part])
    api.inputs["data"]["path"] = None
    for number, file in enumerate(api.inputs["data"]["files"]):
        file["name"] = f"part-{number}.parquet"
    beside = context_from(api.job_environment(outputs=OUTPUTS), api.work_dir)  # another member, in the same folder
    for member in (ctx, beside):
        found = member.input("data")
        assert [file.name for file in found.files] == ["part-0.parquet", "part-1.parquet"]
        assert [file.read_bytes() for file in found.files] == [b"PAR1", b"PAR1"]
        assert found.path == found.files[0].parent == api.work_dir / "inputs" / "data"
    beside.close()


@pytest.mark.parametrize("count", [1, 2])
def test_downloads_an_input_behind_addresses(api: RuntimeApi, tmp_path: Path, count: int, ctx: JobContext) -> None:
    files = [tmp_path / f"part-{number}.parquet" for number in range(count)]
    for number, file in enumerate(files):
        file.write_bytes(b"content %d" % number)
    api.add_input("data", files, by_url=api.url)

    found = ctx.input("data")

    folder = api.work_dir / "inputs" / "data"
    assert found.files == [folder / file.name for file in files]
    assert [file.read_bytes() for file in found.files] == [b"content %d" % number for number in range(count)]
    assert found.path == (found.files[0] if count == 1 else folder)


def test_what_is_not_in_the_spec_is_refused(api: RuntimeApi, ctx: JobContext) -> None:
    with pytest.raises(JobApiError, match="not_an_input"):
        ctx.input("secrets")
    with pytest.raises(JobApiError, match="not_an_input"):
        ctx.output("elsewhere")


def test_an_output_is_a_folder_with_an_address(api: RuntimeApi, ctx: JobContext) -> None:
    assert ctx.output("dataset") == api.store / "attempts" / api.attempt_id / "dataset"
    assert ctx.output("dataset").is_dir()
    assert ctx.output_uri("dataset") == f"bedplate://attempts/{api.attempt_id}/dataset/"


def test_a_checkpoint_is_written_announced_and_found_again(api: RuntimeApi, ctx: JobContext) -> None:
    saved = ctx.save_checkpoint(lambda path: path.write_bytes(b"weights"), step=5, metadata={"loss": 0.5})

    assert api.checkpoints == [
        {
            "step": 5,
            "uri": f"bedplate://attempts/{api.attempt_id}/checkpoints/step-5.pt",
            "sha256": hashlib.sha256(b"weights").hexdigest(),
            "size_bytes": 7,
            "metadata": {"loss": 0.5},
        }
    ]
    assert saved == Checkpoint(5, ctx.output("checkpoints") / "step-5.pt", {"loss": 0.5})
    assert ctx.latest_checkpoint() == saved
    assert [path.name for path in ctx.output("checkpoints").iterdir()] == ["step-5.pt"]


def test_an_acknowledged_checkpoint_is_never_written_over(api: RuntimeApi, tmp_path: Path, ctx: JobContext) -> None:
    source = tmp_path / "state.bin"
    source.write_bytes(b"one")
    ctx.save_checkpoint(source, step=1)
    source.write_bytes(b"two")
    ctx.save_checkpoint(str(source), step=1)

    assert [(path.name, path.read_bytes()) for path in sorted(ctx.output("checkpoints").iterdir())] == [
        ("step-1-1.bin", b"two"),
        ("step-1.bin", b"one"),
    ]
    assert source.read_bytes() == b"two"


def test_a_writer_that_writes_nothing_announces_nothing(api: RuntimeApi, ctx: JobContext) -> None:
    with pytest.raises(FileNotFoundError):
        ctx.save_checkpoint(lambda path: None, step=1)

    assert api.checkpoints == []


def test_no_checkpoint_yet(api: RuntimeApi, ctx: JobContext) -> None:
    assert ctx.latest_checkpoint() is None


def test_a_damaged_checkpoint_is_not_handed_out(api: RuntimeApi, ctx: JobContext) -> None:
    ctx.save_checkpoint(lambda path: path.write_bytes(b"weights"), step=5).path.write_bytes(b"damaged")

    with pytest.raises(ValueError, match="step 5 is damaged"):
        ctx.latest_checkpoint()


def test_an_artifact_is_copied_and_announced(api: RuntimeApi, tmp_path: Path, ctx: JobContext) -> None:
    source = tmp_path / "model.onnx"
    source.write_bytes(b"onnx")

    stored = ctx.log_artifact("model", source, kind="model", metadata={"opset": 20})

    assert api.artifacts == [
        {
            "name": "model",
            "kind": "model",
            "uri": f"bedplate://attempts/{api.attempt_id}/artifacts/model/model.onnx",
            "sha256": hashlib.sha256(b"onnx").hexdigest(),
            "size_bytes": 4,
            "metadata": {"opset": 20},
        }
    ]
    assert api.path_of(stored.uri).read_bytes() == b"onnx"


def test_points_are_there_before_the_checkpoint_that_comes_after_them(api: RuntimeApi, ctx: JobContext) -> None:
    for step in range(50):
        ctx.log_metrics({"loss": 1.0 / (step + 1)}, step=step)
        ctx.save_checkpoint(lambda path: path.write_text("state"), step=step)
        assert [at for at, _ in api.points("loss")] == list(range(step + 1))


def test_an_artifact_stored_again_leaves_the_one_that_was_acknowledged(
    api: RuntimeApi, tmp_path: Path, ctx: JobContext
) -> None:
    source = tmp_path / "model.onnx"
    for content in (b"first", b"second", b"third"):
        source.write_bytes(content)
        ctx.log_artifact("model", source, kind="model")
    base = f"bedplate://attempts/{api.attempt_id}/artifacts/model/"
    assert [one["uri"].removeprefix(base) for one in api.artifacts] == ["model.onnx", "model-1.onnx", "model-2.onnx"]
    assert [api.path_of(one["uri"]).read_bytes() for one in api.artifacts] == [b"first", b"second", b"third"]


@pytest.mark.parametrize("name", ["../model", "a//b", "", "a/..", "/a"])
def test_a_name_cannot_lead_out_of_the_output(api: RuntimeApi, tmp_path: Path, name: str, ctx: JobContext) -> None:
    source = tmp_path / "model.onnx"
    source.write_bytes(b"onnx")

    with pytest.raises(ValueError, match="cannot be the name"):
        ctx.log_artifact(name, source)

    assert api.artifacts == []


def test_the_last_result_counts(api: RuntimeApi, ctx: JobContext) -> None:
    ctx.report({"auc": 0.5})
    ctx.report({"auc": 0.8})

    assert api.result() == {"auc": 0.8}


@pytest.mark.parametrize("result", [{"loss": float("nan")}, {"text": "x" * (1 << 20)}])
def test_a_result_that_cannot_be_kept_is_refused(api: RuntimeApi, result: dict[str, object], ctx: JobContext) -> None:
    with pytest.raises(ValueError, match="JSON"):
        ctx.report(result)

    assert not (api.job_dir / "result.json").exists()


def test_secrets_are_files(api: RuntimeApi, ctx: JobContext) -> None:
    (api.job_dir / "secrets").mkdir()
    (api.job_dir / "secrets" / "HF_TOKEN").write_text("abc", encoding="utf-8")

    assert ctx.secret("HF_TOKEN") == "abc"
    with pytest.raises(ValueError, match="cannot be the name"):
        ctx.secret("../token")


def test_told_to_stop_by_the_control_plane(api: RuntimeApi, ctx: JobContext) -> None:
    api.should_stop = "preempted"
    until(lambda: ctx.should_stop, 10)
    assert ctx.stop_reason == "preempted"
    assert ctx.stop_seconds_left is not None
    assert 25 < ctx.stop_seconds_left <= 30


class Ordered:
    """What a control plane says of leaving, and how often it was asked."""

    def __init__(self) -> None:
        self.order, self.asked = StopOrder(), 0

    def __call__(self) -> StopOrder:
        self.asked += 1
        return self.order


def test_a_signal_has_the_control_plane_asked_why_and_until_when() -> None:
    said = Ordered()
    watch = StopWatch(said, poll_seconds=3600)
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert not watch.should_stop
        until(lambda: said.asked == 1)
        assert (watch.reason, watch.seconds_left) == ("", None)
        said.order = StopOrder("reclaimed", 90.0)
        signal.raise_signal(signal.SIGTERM)
        assert watch.should_stop
        until(lambda: watch.reason == "reclaimed", 10)
        assert watch.seconds_left is not None
        assert 80 < watch.seconds_left <= 90
        assert said.asked == 2
    finally:
        watch.close()
        signal.signal(signal.SIGTERM, before)


def test_a_signal_of_which_the_control_plane_knows_nothing_stays_one() -> None:
    said = Ordered()
    watch = StopWatch(said, poll_seconds=3600)
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert not watch.should_stop
        signal.raise_signal(signal.SIGTERM)
        until(lambda: said.asked == 2)
        assert (watch.should_stop, watch.reason, watch.seconds_left) == (True, "signal", None)
    finally:
        watch.close()
        signal.signal(signal.SIGTERM, before)


JOB = """
from workers.runtime.context import job_context
ctx = job_context()
assert job_context() is ctx
ctx.log_metrics({"loss": 0.5}, step=1)
print("running", flush=True)
while not ctx.should_stop:
    pass
ctx.log_metrics({"loss": 0.25}, step=2)
ctx.report({"stopped": ctx.stop_reason})
"""


def test_a_process_told_by_signal_sends_its_last_metrics(api: RuntimeApi) -> None:
    environment = api.job_environment()
    with subprocess.Popen(
        [sys.executable, "-c", JOB], env=environment, cwd=api.work_dir, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        until(lambda: any(path.endswith("should-stop") for _, path, _ in api.calls), 10)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0

    assert api.points("loss") == [(1, 0.5), (2, 0.25)]
    assert api.result() == {"stopped": "signal"}


LEAVING = """
import os, signal
from workers.runtime.context import job_context
class Last:
    def __del__(self, kill=os.kill, pid=os.getpid(), number=signal.SIGTERM):
        kill(pid, number)  # when Python has given its signals back to the system
last = Last()
ctx = job_context()
print("up", flush=True)
while not ctx.should_stop:
    pass
raise SystemExit(83)
"""


def test_a_signal_that_comes_when_the_job_has_left_already_changes_nothing(api: RuntimeApi) -> None:
    api.should_stop = "preempted"
    done = subprocess.run(
        [sys.executable, "-c", LEAVING], env=api.job_environment(), cwd=api.work_dir, timeout=30, check=False
    )
    assert done.returncode == 83


LOCAL_JOB = """
import json, sys
from workers.runtime.context import job_context
ctx = job_context()
ctx.log_metrics({"loss": 0.5}, step=1)
ctx.save_checkpoint(lambda path: path.write_text("state"), step=3)
found = ctx.latest_checkpoint()
ctx.report({"rows": ctx.input("data").files[0].read_text(), "parameters": ctx.parameters, "step": found.step,
            "stop": ctx.should_stop, "heavy": sorted({"torch", "daft", "duckdb", "numpy"} & set(sys.modules))})
"""


def test_the_same_code_runs_without_bedplate(tmp_path: Path, api: RuntimeApi) -> None:
    folder = tmp_path / "bedplate-local"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "rows.csv").write_text("a,b", encoding="utf-8")
    (folder / "parameters.json").write_text('{"epochs": 1}', encoding="utf-8")
    environment = {name: value for name, value in api.job_environment().items() if not name.startswith("BEDPLATE_")}

    subprocess.run([sys.executable, "-c", LOCAL_JOB], env=environment, cwd=tmp_path, check=True, timeout=30)

    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert result == {"rows": "a,b", "parameters": {"epochs": 1}, "step": 3, "stop": False, "heavy": []}
    metrics = json.loads((folder / "metrics.jsonl").read_text(encoding="utf-8"))
    assert metrics["points"][0]["values"] == [0.5]
    assert api.calls == []


def test_a_local_input_that_is_not_there_says_where_to_put_it(tmp_path: Path) -> None:
    local = context_from({}, tmp_path)

    with pytest.raises(FileNotFoundError, match=r"put its input 'data' at .*bedplate-local/data"):
        local.input("data")
