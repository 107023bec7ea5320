"""Source bundles on a real installation: by the example program, with packages of their own, and exactly again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Away, Ground, ground_of, post
from tests.support.stack import ROOT, Stack, finished
from tests.support.wheels import wheel
from tests.support.zips import zip_of

TRAIN = """
import sys
from lib.words import WORD
from workers.runtime.context import job_context

ctx = job_context()
print("says", WORD, sys.argv[1:], ctx.seed)
if "holdout" in sys.argv:
    print("holdout has", len(ctx.input("holdout").files), "files")
try:
    import bpl_omega
    print("packages", bpl_omega.VERSION, sys.prefix)
except ImportError:
    print("packages of the runtime")
ctx.log_metrics({"loss": 0.5}, step=1)
ctx.report({"seed": ctx.seed})
"""
FILES = {"train.py": TRAIN, "lib/words.py": "WORD = 'level'\n", ".gitignore": "*.log\n", "a.log": "x"}


def bundled(demo: httpx.Client, ground: Ground, files: dict[str, str]) -> str:
    archive = {"archive": ("code.zip", zip_of(files), "application/zip")}
    answer = demo.post("/source-bundles", data={"project": ground.project}, files=archive)
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["id"])


def run_of(demo: httpx.Client, ground: Ground, name: str, **changes: Any) -> dict[str, Any]:
    body = {
        "experiment": ground.experiment,
        "name": name,
        "kind": "bundle",
        "bundle": bundled(demo, ground, FILES),
        "command": ["python", "train.py"],
        "resources": {"cpu_millis": 200, "memory_bytes": 512 << 20},
        "time_limit_seconds": 120,
        **changes,
    }
    return finished(demo, f"/runs/{post(demo, '/runs', body)['id']}")


def log_of(demo: httpx.Client, run: dict[str, Any]) -> str:
    chunks = demo.get(f"/workloads/{run['workload']}/logs").json()["chunks"]
    return "".join(chunk["text"] for chunk in chunks)


@pytest.mark.xdist_group("stack")
def test_the_example_program_runs_a_folder(stack: Stack, demo: httpx.Client, ground: Ground, tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    project = demo.get(f"/projects/{ground.project}").json()["name"]
    token = demo.headers["Authorization"].removeprefix("Bearer ")
    command = [sys.executable, str(ROOT / "examples/submit_folder.py"), "--project", project, "--experiment", "folders"]
    done = subprocess.run(
        [*command, "--folder", str(tmp_path), "--seed", "3", "--", "python", "train.py", "--a b"],
        env={**os.environ, "BEDPLATE_URL": stack.url, "BEDPLATE_TOKEN": token},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 files, 1 left out" in done.stdout
    assert "says level ['--a b'] 3\n" in done.stdout


@pytest.mark.xdist_group("stack")
def test_packages_of_a_lock_are_installed_once_and_a_run_repeats_exactly(
    demo: httpx.Client, ground: Ground, tmp_path: Path
) -> None:
    wheel(tmp_path, "bpl_omega", "1.5")
    pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}
    asked = {"requirements": "bpl-omega==1.5\n", "environment": pip, "seed": 4}
    first = run_of(demo, ground, "packages", **asked)
    assert (first["state"], first["result"]) == ("succeeded", {"seed": 4}), log_of(demo, first)
    text = log_of(demo, first)
    assert "installing 1 packages" in text
    prefix = text.partition("packages 1.5 ")[2].split()[0]

    repeated = post(demo, f"/runs/{first['id']}/repeat", {})
    again = finished(demo, f"/runs/{repeated['id']}")
    assert again["state"] == "succeeded"
    assert "installing" not in log_of(demo, again)
    assert f"packages 1.5 {prefix}" in log_of(demo, again)
    made_of = demo.get(f"/runs/{again['id']}/provenance").json()
    assert (made_of["repeats"], made_of["differences"]) == (first["id"], [])
    assert made_of["environment"]["packages"]["bpl-omega"] == "1.5"


@pytest.mark.xdist_group("stack")
def test_packages_that_cannot_be_installed_are_the_reason(demo: httpx.Client, ground: Ground) -> None:
    asked = {"requirements": "bpl-nowhere==1.0\n", "environment": {"PIP_NO_INDEX": "1"}}
    run = run_of(demo, ground, "no-packages", **asked)
    assert (run["state"], run["state_reason"]) == ("failed", "environment_failed")
    assert "No matching distribution found for bpl-nowhere==1.0" in run["state_detail"]


@pytest.mark.xdist_group("stack")
def test_a_run_that_fails_is_tried_again_as_often_as_was_asked_for(demo: httpx.Client, ground: Ground) -> None:
    retries = {"reasons": ["exit_nonzero"], "max_attempts": 2, "backoff_seconds": 0}
    run = run_of(demo, ground, "fails-twice", command=["python", "-c", "raise SystemExit(3)"], retries=retries)
    assert (run["state"], run["state_reason"]) == ("failed", "exit_nonzero")
    attempts = demo.get(f"/runs/{run['id']}/attempts").json()
    assert [(each["outcome"], each["exit_code"]) for each in attempts] == [("exit_nonzero", 3)] * 2


@pytest.mark.xdist_group("stack")
def test_several_versions_are_read_by_name(demo: httpx.Client, ground: Ground) -> None:
    inputs = [{"name": "holdout", "dataset_version": ground.version}]
    run = run_of(demo, ground, "two-inputs", inputs=inputs, command=["python", "train.py", "holdout"])
    assert run["state"] == "succeeded", log_of(demo, run)
    assert "holdout has 1 files" in log_of(demo, run)


@pytest.mark.xdist_group("away")
def test_a_job_that_shares_no_disk_fetches_its_source(away: Away) -> None:
    run = run_of(away.demo, ground_of(away.demo, "bundles"), "far")
    assert run["state"] == "succeeded", log_of(away.demo, run)
    assert "says level [] None" in log_of(away.demo, run)
