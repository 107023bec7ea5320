"""`bedplate-runtime` as somebody installs it: a wheel that is built from the checkout, with nothing fetched."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import httpx
import msgspec
import pytest

from workers import runtime

ROOT = Path(__file__).resolve().parents[3]
PROJECT = ROOT / "workers" / "runtime"
SCRIPT = """
import sys
from workers.runtime import init, __version__
assert not {"torch", "django", "pyarrow", "numpy"} & set(sys.modules), sorted(sys.modules)
with init(params={"rate": 0.1}) as ctx:
    for step in range(3):
        ctx.metrics.log({"loss": 1 / (step + 1)}, step=step)
    ctx.params.log({"rate": 0.1})
    ctx.artifacts.log("me.py", __file__)
    ctx.report({"steps": 3})
import workers.runtime
print(workers.runtime.__file__, __version__)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by pip's own way, which calls the backend in a process of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-index", "-q", "-w", str(folder), str(PROJECT)]
    done = subprocess.run(build, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    [built] = folder.glob("*.whl")
    return built


def test_it_runs_where_nothing_of_the_checkout_is(wheel: Path, tmp_path: Path) -> None:
    """In an environment of its own, with the two packages that it asks for and no others."""
    home = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True, timeout=60)
    [site] = (home / "lib").glob("python3*/site-packages")
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        "-q",
        "--target",
        str(site),
        str(wheel),
    ]
    subprocess.run(install, check=True, timeout=60)
    (site / "others.pth").write_text(str(Path(httpx.__file__).parents[1]), encoding="utf-8")
    (tmp_path / "train.py").write_text(SCRIPT, encoding="utf-8")
    command = [str(home / "bin" / "python"), "train.py"]
    environment = {"PATH": os.environ["PATH"]}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    where, version = done.stdout.split()
    assert where.startswith(str(site))
    assert version == runtime.__version__
    assert json.loads((tmp_path / "bedplate-local" / "result.json").read_text(encoding="utf-8")) == {"steps": 3}


def test_it_says_what_it_needs_and_is_typed(wheel: Path) -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == runtime.__version__
    assert {each.split("~")[0].split(">")[0] for each in project["dependencies"]} == {httpx.__name__, msgspec.__name__}
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = archive.read(f"bedplate_runtime-{runtime.__version__}.dist-info/METADATA").decode()
    assert {"workers/runtime/py.typed", "workers/contracts/py.typed", "workers/runtime/wrapper.py"} <= names
    assert not [name for name in names if not name.startswith(("workers/", "bedplate_runtime-")) or "/packing/" in name]
    assert 'Requires-Dist: torch>=2.4; extra == "torch"' in metadata


def test_the_same_files_make_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("wheel_backend", PROJECT / "packing" / "wheel_backend.py")
    assert spec is not None
    assert spec.loader is not None
    backend = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(backend)
    again = tmp_path / backend.build_wheel(str(tmp_path))
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (wheel, again)]
    assert digests[0] == digests[1]
    with pytest.raises(NotImplementedError):
        backend.build_sdist(str(tmp_path))
