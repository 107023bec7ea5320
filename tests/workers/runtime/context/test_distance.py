"""A job that shares no disk with the store: what it writes is sent before it is announced, the rest at its end."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.runtime_api import RuntimeApi
from tests.support.waiting import until
from workers.contracts import environment as names
from workers.contracts import exit_codes
from workers.runtime.client import JobApiError
from workers.runtime.context import JobContext, context_from

OUTPUTS = ("dataset", "checkpoints", "artifacts")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[RuntimeApi]:
    with RuntimeApi(tmp_path) as server:
        server.is_distant = True
        yield server


Make = Callable[..., JobContext]


@pytest.fixture
def context(api: RuntimeApi) -> Iterator[Make]:
    """Makes contexts of this job, in variables that may differ."""
    made: list[JobContext] = []

    def make(**environment: str) -> JobContext:
        variables = api.job_environment(outputs=OUTPUTS) | {names.PATIENCE_SECONDS: "20"} | environment
        made.append(context_from(variables, api.work_dir))
        return made[-1]

    yield make
    for ctx in made:
        ctx.close()


def stored(api: RuntimeApi, path: str) -> bytes:
    return (api.store / "attempts" / api.attempt_id / path).read_bytes()


def scratch(api: RuntimeApi, output: str) -> list[str]:
    return sorted(path.name for path in (api.work_dir / "outputs" / output).rglob("*") if path.is_file())


def calls(api: RuntimeApi) -> list[str]:
    return [path for method, path, _ in api.calls if method in ("POST", "PUT") and path != "/data/resolve"]


def test_what_lies_in_an_output_at_the_end_is_sent(api: RuntimeApi, context: Make) -> None:
    ctx = context()
    folder = ctx.output("dataset")
    assert folder == api.work_dir / "outputs" / "dataset"
    assert ctx.output_is_distant("dataset")
    for number in range(9):
        (folder / f"part-{number}.parquet").write_bytes(b"rows %d" % number)
    (folder / "deep").mkdir()
    (folder / "deep" / "a name.json").write_bytes(b"{}")
    (folder / ".part-9.partial").write_bytes(b"half")
    assert api.sent == []
    ctx.close()
    assert sorted(api.sent) == ["dataset/deep/a name.json", *(f"dataset/part-{number}.parquet" for number in range(9))]
    assert stored(api, "dataset/part-3.parquet") == b"rows 3"


def test_an_artifact_is_sent_before_it_is_announced(api: RuntimeApi, context: Make, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"onnx")
    ctx = context()
    ctx.log_artifact("model", tmp_path / "model.onnx", kind="model")
    assert calls(api) == ["/data/upload", "/outputs", "/artifacts"]
    assert stored(api, "artifacts/model/model.onnx") == b"onnx"
    ctx.log_artifact("model", tmp_path / "model.onnx", kind="model")
    ctx.close()
    assert [each["uri"].rsplit("/", 2)[1:] for each in api.artifacts] == [
        ["model", "model.onnx"], ["model", "model-1.onnx"],
    ]  # fmt: skip


def test_a_checkpoint_that_counts_makes_room_for_the_next(api: RuntimeApi, context: Make) -> None:
    ctx = context()
    for step in (5, 5, 9):
        ctx.save_checkpoint(lambda path, step=step: path.write_bytes(b"weights %d" % step), step=step)
    ctx.close()
    assert [each["uri"].rsplit("/", 1)[1] for each in api.checkpoints] == ["step-5.pt", "step-5-1.pt", "step-9.pt"]
    assert scratch(api, "checkpoints") == ["step-9.pt"]
    found = context(**{names.ATTEMPT_NUMBER: "2"}).latest_checkpoint()
    assert found is not None
    assert (found.step, found.path.read_bytes()) == (9, b"weights 9")


def test_members_do_not_take_each_other_s_names(api: RuntimeApi, context: Make) -> None:
    for rank in (0, 1):
        ctx = context(**{names.RANK: str(rank), names.WORLD_SIZE: "2"})
        ctx.save_checkpoint(lambda path, rank=rank: path.write_bytes(b"of %d" % rank), step=5)
        ctx.close()
    assert sorted(api.sent) == ["checkpoints/step-5-rank1.pt", "checkpoints/step-5.pt"]


@pytest.mark.parametrize("broken", ["/data/upload", "/outputs"])
@pytest.mark.parametrize("after", [False, True])
def test_what_could_not_be_sent_is_sent_again_and_in_order(
    api: RuntimeApi, context: Make, broken: str, after: bool
) -> None:
    api.fail(broken, 503, times=3, after=after)
    ctx = context()
    for step in (1, 2):
        ctx.save_checkpoint(lambda path, step=step: path.write_bytes(b"%d" % step), step=step)
    (ctx.output("dataset") / "rows").write_bytes(b"rows")
    ctx.close()
    assert [each["step"] for each in api.checkpoints] == [1, 2]
    assert list(dict.fromkeys(api.sent)) == ["checkpoints/step-1.pt", "checkpoints/step-2.pt", "dataset/rows"]


def test_a_job_goes_on_while_the_control_plane_is_away(api: RuntimeApi, context: Make) -> None:
    ctx = context()
    ctx.output("checkpoints")
    api.mood = lambda: "away"
    began = time.monotonic()
    saved = [ctx.save_checkpoint(lambda path: path.write_bytes(b"w"), step=step) for step in (1, 2, 3)]
    assert time.monotonic() - began < 10
    assert [each.acknowledged for each in saved] == [False] * 3
    assert (api.sent, api.checkpoints) == ([], [])
    api.mood = lambda: ""
    assert all(each.wait(20) for each in saved)
    ctx.close()
    assert [each["step"] for each in api.checkpoints] == [1, 2, 3]


def test_a_file_that_is_refused_fails_the_job(api: RuntimeApi, context: Make) -> None:
    ctx = context()
    (ctx.output("dataset") / "rows").write_bytes(b"rows")
    api.fail("/data/upload", 413)
    with pytest.raises(JobApiError, match="injected_413"):
        ctx.close()


JOB = """
import sys
from workers.runtime.context import job_context
ctx = job_context()
(ctx.output("dataset") / "rows").write_text("rows")
ctx.report({"rows": 1})
print("written", flush=True)
sys.stdin.readline()
sys.exit(%s)
"""


def job(api: RuntimeApi, status: int = 0, patience: str = "20") -> subprocess.Popen[str]:
    environment: dict[str, Any] = api.job_environment(outputs=OUTPUTS) | {names.PATIENCE_SECONDS: patience}
    return subprocess.Popen(
        [sys.executable, "-c", JOB % status],
        env=environment,
        cwd=api.work_dir,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("status", [0, 1])
def test_a_process_ends_once_its_outputs_are_stored(api: RuntimeApi, status: int) -> None:
    output, process = "", job(api, status)
    output, _ = process.communicate("\n", timeout=60)
    assert process.returncode == status, output
    assert stored(api, "dataset/rows") == b"rows"


def test_a_process_whose_outputs_cannot_be_stored_has_not_succeeded(api: RuntimeApi) -> None:
    api.fail("/outputs", 503, times=10_000)
    process = job(api, patience="1")
    output, _ = process.communicate("\n", timeout=60)
    assert process.returncode == exit_codes.USER_ERROR
    assert "1 stored files could not be announced" in output


def test_a_superseded_process_sends_nothing(api: RuntimeApi) -> None:
    process = job(api)
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    api.superseded = True
    process.communicate("\n", timeout=60)
    assert api.sent == []


def test_a_wrong_checkpoint_is_not_used(api: RuntimeApi, context: Make) -> None:
    ctx = context()
    ctx.save_checkpoint(lambda path: path.write_bytes(b"weights"), step=1)
    (api.store / "attempts" / api.attempt_id / "checkpoints" / "step-1.pt").write_bytes(b"weightz")
    with pytest.raises(JobApiError, match="damaged"):
        context().latest_checkpoint()
    ctx.close()


def test_many_parts_are_fetched_at_the_same_time(api: RuntimeApi, context: Make, tmp_path: Path) -> None:
    files = [tmp_path / f"part-{number:02}.parquet" for number in range(20)]
    for number, file in enumerate(files):
        file.write_bytes(bytes([number]) * 1000)
    api.add_input("data", files, by_url="")
    for entry, file in zip(api.inputs["data"]["files"], files, strict=True):
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        entry.update(path=None, url=f"/files/data/{file.name}", sha256=digest)
    api.inputs["data"]["path"] = None
    found = context().input("data")
    assert [file.read_bytes() for file in found.files] == [file.read_bytes() for file in files]
    until(lambda: not list((api.work_dir / "inputs").rglob("*.partial")), what="nothing half")


def test_a_file_goes_to_the_store_itself_where_that_is_remote(api: RuntimeApi, context: Make) -> None:
    api.presigns = True
    ctx = context()
    (ctx.output("dataset") / "rows").write_bytes(b"rows")
    ctx.close()
    ((path, headers),) = api.presigned
    assert path == "/presigned/dataset/rows"
    assert headers["x-amz-checksum-sha256"] == "said"
    assert "Authorization" not in headers, "the address is the permission"
    assert headers["Content-Length"] == "4"
    assert stored(api, "dataset/rows") == b"rows"
