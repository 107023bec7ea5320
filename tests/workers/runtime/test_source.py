"""What runs before the command of a source bundle: unpacks it, has its packages, and turns into the command."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.runtime_api import ROOT, RuntimeApi
from tests.support.waiting import until
from tests.support.wheels import wheel
from tests.support.zips import zip_of
from workers.contracts import environment as names

TRAIN = """
import json, os, pathlib, sys
from lib.words import WORD
print(json.dumps({
    "words": sys.argv[1:], "word": WORD, "here": os.getcwd(), "seed": os.environ.get("BEDPLATE_SEED"),
    "prefix": sys.prefix, "executable": os.access("run.sh", os.X_OK),
}))
"""
FILES = {"train.py": TRAIN, "lib/words.py": "WORD = 'level'\n", "run.sh": "#!/bin/sh\necho by hand: $1\n"}


def started(
    api: RuntimeApi, words: list[str], *, files: dict[str, str] | None = None, by_url: bool = False,
    lock: str = "", sha256: str = "", **more: str,
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    content = zip_of(FILES if files is None else files, modes={"run.sh": stat.S_IFREG | 0o755})
    archive = api.job_dir / "source.zip"
    archive.write_bytes(content)
    api.add_input("source", [archive], by_url=api.url if by_url else "")
    api.inputs["source"]["files"][0]["sha256"] = sha256 or hashlib.sha256(content).hexdigest()
    environment = {**api.job_environment(), "PYTHONPATH": str(ROOT), names.PATIENCE_SECONDS: "5", **more}
    if lock:
        (api.work_dir / ".bedplate").mkdir(exist_ok=True)
        (api.work_dir / ".bedplate" / "packages.lock").write_text(lock)
    command = [sys.executable, "-m", "workers.runtime.source", "--", *words]
    return subprocess.run(command, cwd=api.work_dir, env=environment, capture_output=True, text=True, check=False)


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("by_url", [False, True], ids=["near", "distant"])
def test_the_command_runs_in_the_folder_of_the_bundle(tmp_path: Path, by_url: bool) -> None:
    with RuntimeApi(tmp_path) as api:
        said = told(started(api, ["python", "train.py", "--a", "$HOME b"], by_url=by_url, BEDPLATE_SEED="9"))
        until(lambda: len(api.environments) == 1)
    assert (said["words"], said["word"], said["seed"]) == (["--a", "$HOME b"], "level", "9")
    assert said["here"] == str(api.work_dir / "source")
    assert said["executable"]
    assert "httpx" in api.environments[0]["packages"]


def test_a_file_of_the_bundle_is_a_command(tmp_path: Path) -> None:
    with RuntimeApi(tmp_path) as api:
        assert started(api, ["./run.sh", "x"]).stdout == "by hand: x\n"


def test_it_starts_again_where_an_earlier_start_left_its_files(tmp_path: Path) -> None:
    with RuntimeApi(tmp_path) as api:
        told(started(api, ["python", "train.py"]))
        (api.work_dir / "source" / "left.txt").write_text("x")
        told(started(api, ["python", "train.py"]))
    assert not (api.work_dir / "source" / "left.txt").exists()


def test_packages_of_the_lock_are_installed_and_told(tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "bpl_delta", "3.1")
    pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "wheels"), "PIP_CONFIG_FILE": os.devnull}
    kept = {names.ENVIRONMENTS_DIR: str(tmp_path / "kept")}
    files = {"train.py": "import bpl_delta, sys\nprint(bpl_delta.VERSION, sys.prefix)\n"}
    with RuntimeApi(tmp_path) as api:
        done = started(api, ["python", "train.py"], files=files, lock="bpl-delta==3.1\n", **pip, **kept)
        until(lambda: len(api.environments) == 1)
    assert done.returncode == 0, done.stderr
    version, prefix = done.stdout.splitlines()[-1].split()
    assert (version, Path(prefix).parent) == ("3.1", tmp_path / "kept")
    assert api.environments[0]["packages"]["bpl-delta"] == "3.1"


def test_packages_that_cannot_be_installed_end_it_with_a_reason(tmp_path: Path) -> None:
    pip = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, names.ENVIRONMENTS_DIR: str(tmp_path / "kept")}
    with RuntimeApi(tmp_path) as api:
        done = started(api, ["python", "train.py"], lock="bpl-omega==1.0\n", **pip)
        error = api.result()["error"]
    assert (done.returncode, error["code"]) == (1, "environment_failed")
    assert "bpl-omega==1.0" in error["detail"]
    assert error["detail"] in done.stderr


@pytest.mark.parametrize(
    ("files", "sha256"),
    [(None, "0" * 64), ({"../out.py": "x"}, ""), ({"/tmp/bedplate-out.py": "x"}, "")],
    ids=["another", "leads-out", "absolute"],
)
def test_an_archive_that_is_not_the_bundle_ends_it(tmp_path: Path, files: dict[str, str] | None, sha256: str) -> None:
    with RuntimeApi(tmp_path) as api:
        done = started(api, ["python", "train.py"], files=files, sha256=sha256)
        assert (done.returncode, api.result()["error"]["code"]) == (1, "source_failed")
    assert not (api.work_dir / "out.py").exists()


def test_a_command_that_is_not_there_says_so(tmp_path: Path) -> None:
    with RuntimeApi(tmp_path) as api:
        done = started(api, ["no-such-program"])
        assert api.result()["error"]["detail"] == "cannot start no-such-program: No such file or directory"
    assert done.returncode == 127
