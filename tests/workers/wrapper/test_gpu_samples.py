"""What is known of GPUs while nvidia-smi fails: nothing, and not what it was before."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from workers.runtime import wrapper_reporting
from workers.runtime.wrapper_reporting import GPU_SECONDS, Usage


class Enough(Exception):
    """The test has seen enough."""


def watched(monkeypatch: pytest.MonkeyPatch, folder: Path, answers: list[str]) -> list[tuple[float, list[float]]]:
    """What is known after each question: (pause before the next, busy shares); one shell line answers each."""
    tool = folder / "nvidia-smi"
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    seen: list[tuple[float, list[float]]] = []
    usage = Usage(list)

    def answer(line: str) -> None:
        tool.write_text(f"#!/bin/sh\n{line}\n")
        tool.chmod(0o755)

    def sleep(seconds: float) -> None:
        seen.append((seconds, [gpu["utilisation_ratio"] for gpu in usage.sample()["gpus"]]))
        if len(seen) == len(answers):
            raise Enough
        answer(answers[len(seen)])

    monkeypatch.setattr(wrapper_reporting, "time", SimpleNamespace(sleep=sleep, monotonic=time.monotonic))
    answer(answers[0])
    with pytest.raises(Enough):
        usage.watch_gpus()
    return seen


def test_what_fails_leaves_no_old_figures_and_is_asked_less_often(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    good, odd, bad = "echo '3, 50, 1024'", "echo '3, [N/A], 1024'", "exit 9"
    found = watched(monkeypatch, tmp_path, [good, bad, odd, bad, bad, bad, good])
    assert found == [
        (GPU_SECONDS, [0.5]),
        (GPU_SECONDS * 2, []),
        (GPU_SECONDS * 4, []),
        (GPU_SECONDS * 8, []),
        (GPU_SECONDS * 16, []),
        (GPU_SECONDS * 16, []),
        (GPU_SECONDS, [0.5]),
    ]


def test_where_it_is_removed_the_last_figures_are_not_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho '3, 50, 1024'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    monkeypatch.setattr(
        wrapper_reporting, "time", SimpleNamespace(sleep=lambda _: tool.unlink(), monotonic=time.monotonic)
    )
    usage = Usage(list)
    usage.watch_gpus()
    assert (usage.sample()["gpus"], tool.exists()) == ([], False)


def test_where_there_is_none_nobody_asks_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    usage = Usage(list)
    usage.watch_gpus()
    assert usage.sample()["gpus"] == []
