"""What a command runs in is told whatever it does, and is in nobody's way."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.support.waiting import until
from tests.workers.wrapper.conftest import Wrapped
from tests.workers.wrapper.misbehaving_api import MisbehavingApi, answer
from workers.contracts import environment as names
from workers.runtime import wrapper_facts
from workers.runtime.wrapper_gpus import Nvml

HASH = "0123456789abcdef" * 2 + "01234567"


@pytest.fixture
def first(wrapped: Wrapped) -> Wrapped:
    """The first member of a run."""
    wrapped.environment = {names.RUN_ID: "0193f000-0000-7000-8000-000000000001", names.RANK: "0"}
    return wrapped


def python_with(folder: Path, **packages: str) -> Path:
    """An interpreter that finds these packages, and nothing else."""
    venv.create(folder, with_pip=False, symlinks=True)
    site = folder / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    for name, version in packages.items():
        (site / f"{name}-{version}.dist-info").mkdir()
    return folder / "bin" / "python"


def test_a_script_that_says_nothing_is_told_of(first: Wrapped, api: MisbehavingApi, tmp_path: Path) -> None:
    python = python_with(tmp_path / "own", idna="3.10", Some_Name="1.2+cu130")
    assert first.run(str(python), "-c", "print(1)")[0] == 0
    (told,) = api.bodies("/environment")
    assert told["packages"] == {"idna": "3.10", "some-name": "1.2+cu130"}
    assert (told["python"], told["platform"]) == (platform.python_version(), platform.platform())
    assert (told["cpu_count"], told["gpus"], told["driver"], told["torch"]) == (os.cpu_count(), [], "", None)
    paths = [path for path, _, _ in api.requests]
    assert paths.index("/environment") < paths.index("/exit")


def test_a_script_by_its_first_line(first: Wrapped, api: MisbehavingApi, tmp_path: Path) -> None:
    python = python_with(tmp_path / "own", torch="2.12.0")
    (python.parents[1] / f"lib/python3.{sys.version_info.minor}/site-packages/torch").mkdir()
    (python.parents[1] / f"lib/python3.{sys.version_info.minor}/site-packages/torch/version.py").write_text(
        "__version__ = '2.12.0'\ncuda: Optional[str] = '13.0'\n"
    )
    script = tmp_path / "torchrun"
    script.write_text(f"#!{python}\nprint(1)\n")
    script.chmod(0o755)
    assert first.run(str(script))[0] == 0
    assert api.bodies("/environment")[0]["torch"] == {"version": "2.12.0", "cuda": "13.0"}


def test_a_python_below_a_shell_is_found_while_it_runs(first: Wrapped, api: MisbehavingApi, tmp_path: Path) -> None:
    python = python_with(tmp_path / "own", idna="3.10")
    first.start("sh", "-c", f"{python} -c 'import time; time.sleep(1000)'; true")
    until(lambda: api.bodies("/environment"))
    assert api.bodies("/environment")[0]["packages"] == {"idna": "3.10"}


def test_without_a_python_what_is_known_is_told(first: Wrapped, api: MisbehavingApi, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "sleepy").symlink_to("/bin/true")
    first.environment |= {"PATH": str(tools), "GIT_COMMIT": "0123abc"}
    assert first.run("sleepy")[0] == 0
    (told,) = api.bodies("/environment")
    assert (told["python"], told["packages"], told["git_commit"]) == ("", {}, "0123abc")
    assert told["platform"] == platform.platform()


def test_it_is_told_once_by_the_first_member_of_a_run(wrapped: Wrapped, api: MisbehavingApi) -> None:
    run = {names.RUN_ID: "0193f000-0000-7000-8000-000000000001"}
    for own in ({}, run, {names.RANK: "0"}):
        wrapped.environment = own
        assert wrapped.sh("true") == 0
    wrapped.environment = {**run, names.RANK: "0"}
    assert wrapped.run(sys.executable, "-m", wrapper_facts.TELLS_ITSELF)[0] != 0
    assert api.bodies("/environment") == []


def test_an_answer_that_never_comes_keeps_the_end_a_moment_and_no_longer(first: Wrapped, api: MisbehavingApi) -> None:
    api.behave(answer(503, {}), "/environment")
    status, seconds = first.run(sys.executable, "-I", "-S", "-c", "raise SystemExit(3)")
    assert status == 3
    assert seconds < wrapper_facts.LAST_SECONDS + 10
    assert [body["exit_code"] for body in api.bodies("/exit")] == [3]


def test_an_interpreter_that_cannot_be_asked_has_no_packages(tmp_path: Path) -> None:
    odd = tmp_path / "python"
    odd.write_text("#!/bin/sh\nexit 2\n")
    odd.chmod(0o755)
    assert wrapper_facts.probed(str(odd), {}) == ("", [])
    assert wrapper_facts.probed("", {}) == ("", [])


def test_code_of_the_command_is_not_run(tmp_path: Path) -> None:
    for name in ("site", "os", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(9)\n")
    version, folders = wrapper_facts.probed(sys.executable, {"PYTHONPATH": str(tmp_path)})
    assert (version, folders[0]) == (platform.python_version(), str(tmp_path))


class TestCommit:
    @pytest.fixture
    def copy(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tmp_path)
        copy = tmp_path / "copy"
        (copy / ".git" / "refs" / "heads").mkdir(parents=True)
        (copy / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
        (copy / "src").mkdir()
        return copy

    def test_of_a_branch(self, copy: Path) -> None:
        (copy / ".git/refs/heads/main").write_text(f"{HASH}\n")
        assert wrapper_facts.commit_of({}, ["python", f"{copy}/src/train.py"]) == HASH
        assert wrapper_facts.commit_of({"GIT_COMMIT": "abc"}, ["python", f"{copy}/src/train.py"]) == "abc"
        assert wrapper_facts.commit_of({}, ["python", "train.py"]) == ""

    def test_of_a_packed_branch(self, copy: Path) -> None:
        (copy / ".git/packed-refs").write_text(f"# pack-refs\n{'f' * 40} refs/heads/other\n{HASH} refs/heads/main\n")
        assert wrapper_facts.commit_of({}, ["sh", f"{copy}/train.sh"]) == HASH

    def test_of_the_working_folder(self, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(copy)
        (copy / ".git/HEAD").write_text(f"{HASH}\n")
        assert wrapper_facts.commit_of({}, ["python", "train.py"]) == HASH
        monkeypatch.chdir(copy / "src")
        assert wrapper_facts.commit_of({}, ["python", "train.py"]) == ""

    def test_of_a_second_working_copy(self, copy: Path) -> None:
        (copy / ".git/packed-refs").write_text(f"{HASH} refs/heads/side\n")
        own = copy / ".git/worktrees/side"
        own.mkdir(parents=True)
        (own / "HEAD").write_text("ref: refs/heads/side\n")
        (own / "commondir").write_text("../..\n")
        (copy / "src" / ".git").write_text(f"gitdir: {own}\n")
        assert wrapper_facts.commit_of({}, ["python", f"{copy}/src/train.py"]) == HASH

    @pytest.mark.parametrize("head", ["", "ref: ../../../secret\n", "main\n", "\xff"])
    def test_what_is_none_is_nothing(self, copy: Path, head: str) -> None:
        (copy / ".git/HEAD").write_text(head, encoding="latin-1")
        assert wrapper_facts.commit_of({}, ["python", f"{copy}/train.py"]) == ""

    def test_as_git_says(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        root = Path(__file__).parents[3]
        if not (root / ".git").exists():
            pytest.skip("this is no working copy")
        monkeypatch.chdir(tmp_path)
        said = subprocess.run(["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
        assert wrapper_facts.commit_of({}, ["python", f"{root}/manage.py"]) == said.stdout.strip()


class Library:
    """A driver's library with two devices."""

    def __getattr__(self, name: str) -> object:
        return lambda *words: self._answer(name, *words)

    def _answer(self, name: str, *words: object) -> int:
        if name == "nvmlDeviceGetCount_v2":
            words[0]._obj.value = 2  # type: ignore[attr-defined]
        if name == "nvmlDeviceGetHandleByIndex_v2":
            words[1]._obj.value = words[0].value + 1  # type: ignore[attr-defined]
        if name == "nvmlDeviceGetIndex":
            words[1]._obj.value = words[0].value - 1  # type: ignore[attr-defined]
        if name == "nvmlDeviceGetName":
            words[1].value = b"NVIDIA H100"  # type: ignore[attr-defined]
        if name == "nvmlDeviceGetMemoryInfo_v2":
            words[1]._obj.total = 80 << 30  # type: ignore[attr-defined]
        if name == "nvmlSystemGetDriverVersion":
            words[0].value = b"580.82.07"  # type: ignore[attr-defined]
        return 0


@pytest.mark.parametrize(
    ("variables", "indexes"),
    [
        ({"CUDA_VISIBLE_DEVICES": "1"}, [1]),
        ({"NVIDIA_VISIBLE_DEVICES": "GPU-8f"}, [0, 1]),
        ({"CUDA_VISIBLE_DEVICES": "", "NVIDIA_VISIBLE_DEVICES": "void"}, []),
        ({"NVIDIA_VISIBLE_DEVICES": "void"}, []),
        ({}, []),
    ],
)
def test_gpus_are_those_that_the_job_was_given(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], indexes: list[int]
) -> None:
    monkeypatch.setattr(wrapper_facts._driver(), "opened", lambda devices: Nvml(Library(), devices))
    gpus, driver = wrapper_facts.gpus_of(variables)
    assert gpus == [{"index": one, "name": "NVIDIA H100", "memory_bytes": 80 << 30} for one in indexes]
    assert driver == ("580.82.07" if indexes else "")
