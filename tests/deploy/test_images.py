"""The images: everything that is copied is there, what is installed is pinned, and who runs is nobody special."""

from __future__ import annotations

import re
import subprocess
from dataclasses import fields

import pytest

from controlplane import env, serve
from tests.deploy.dockerfile import IMAGES, NAMES, ROOT, copied, exec_form, in_context, instructions, of, variables

FINAL = {"control.Dockerfile": ("",), "runtime.Dockerfile": ("runtime", "worker")}
"""Stages that become images."""
TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
SETTINGS = {env.name_of(row.name) for row in fields(env.Environment)} | {env.ENV_FILE}


def test_every_dockerfile_is_tested() -> None:
    assert sorted(path.name for path in IMAGES.glob("*Dockerfile")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_copied_is_in_the_context(name: str) -> None:
    missing = []
    for source in copied(name):
        below = [path for path in TRACKED if path == source or path.startswith(source.rstrip("/") + "/")]
        if not any(in_context(path) for path in below):
            missing.append(source)
    assert missing == []


def test_the_context_is_what_is_copied_and_nothing_else() -> None:
    wanted = {source.rstrip("/") for name in NAMES for source in copied(name)}
    stray = [
        path
        for path in TRACKED
        if in_context(path) and not any(path == source or path.startswith(f"{source}/") for source in wanted)
    ]
    assert stray == []


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        "deploy/.env",
        "frontend/.env",
        ".git/config",
        ".venv/bin/python",
        "var/keys/secret_key",
        "tests/conftest.py",
        "examples/credit_risk/run.py",
        "requirements/dev.lock",
        "frontend/node_modules/vite/package.json",
        "frontend/dist/dashboard/manifest.json",
        "frontend/src/lib/format.test.ts",
        "controlplane/__pycache__/env.cpython-311.pyc",
    ],
)
def test_what_no_image_needs_is_not_sent(path: str) -> None:
    assert not in_context(path)


@pytest.mark.parametrize("name", NAMES)
def test_bases_are_pinned_by_tag(name: str) -> None:
    defaults = dict(re.findall(r"(\w+)=(\S+)", "\n".join(of(name, "ARG"))))
    stages = {each.stage for each in instructions(name)}
    for words in of(name, "FROM"):
        base = words.partition(" AS ")[0]
        base = defaults.get(base.strip("${}"), base)
        assert base in stages or re.fullmatch(r"docker\.io/library/(python|node):\d+(\.\d+)?[\w.-]+", base), words


@pytest.mark.parametrize("name", NAMES)
def test_packages_are_installed_by_hash(name: str) -> None:
    """But for torch, whose builds differ by index; its version is pinned in its file."""
    installs = [words for words in of(name, "RUN") if "pip install" in words]
    assert installs
    for words in installs:
        assert "--only-binary=:all:" in words
        assert ("--require-hashes" in words) != ("torch.txt" in words)
        assert re.search(r"-r \S+(\.lock|/torch\.txt)$", words)
    assert all("npm install" not in words for words in of(name, "RUN"))


def test_the_control_image_has_no_engine_of_the_jobs() -> None:
    """numpy alone is let in: the scheduler counts with it."""
    words = "\n".join(each.words for each in instructions("control.Dockerfile"))
    assert "torch" not in words
    assert "runtime.lock" not in words
    lock = (ROOT / "requirements" / "control.lock").read_text()
    assert not re.search(r"^(torch|daft|duckdb|pyarrow|onnxruntime|pandas|scipy)==", lock, re.MULTILINE)


@pytest.mark.parametrize("name, stage", [(name, stage) for name, stages in FINAL.items() for stage in stages])
def test_an_image_runs_as_nobody_special_and_hears_signals(name: str, stage: str) -> None:
    assert of(name, "USER", stage)[-1] == "10001:10001"
    words = exec_form(of(name, "CMD", stage)[-1])
    assert words[:1] == ["python"]
    assert words[1:] == [] or (words[1:3] == ["-m", "controlplane.serve"] and words[3] in serve.PARTS)
    assert not any(each.verb in ("ENTRYPOINT", "HEALTHCHECK", "ADD") for each in instructions(name))


@pytest.mark.parametrize("name", NAMES)
def test_what_an_image_sets_is_a_setting(name: str) -> None:
    assert {key for key in variables(name) if key.startswith("BEDPLATE_")} <= SETTINGS


def test_images_agree_about_places() -> None:
    control = variables("control.Dockerfile", "")
    worker = variables("runtime.Dockerfile", "runtime") | variables("runtime.Dockerfile", "worker")
    worker.pop("PYTHONPATH")  # jobs are given it anyway
    assert control == worker
