"""Each lock has everything that its image imports. What only developers have installed is hidden from the imports here,
as it is missing in the image."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
IMPORTS = """
import importlib, pathlib, re, sys
from importlib import metadata

def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()

files, rooms = sys.argv[1].split(","), sys.argv[2:]
text = "".join(pathlib.Path("requirements", name).read_text() for name in files)
locked = {plain(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE)}
owners = metadata.packages_distributions()
hidden = {top for top, names in owners.items() if not locked & {plain(name) for name in names}}

class Hides:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hides())
if "control.lock" in files:
    import django
    django.setup()
    import kombu.transport.redis, uvicorn.loops.uvloop, uvicorn.protocols.http.httptools_impl
for room in rooms:
    for path in sorted(pathlib.Path(room).rglob("*.py")):
        if not {"__main__.py", "migrations", "settings"} & {path.name, *path.parts}:
            importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
print(len(hidden))
"""


@pytest.mark.parametrize(
    "files, rooms",
    [
        (
            "control.lock",
            [
                *("controlplane", "apps", "workers/backends", "workers/contracts", "workers/dispatch", "workers/tasks"),
                *("workers/runtime/gateway", "workers/runtime/web"),
            ],
        ),
        ("runtime.lock,torch.txt", ["workers/contracts", "workers/runtime"]),
    ],
)
def test_a_lock_has_what_is_imported(files: str, rooms: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, files, *rooms],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20  # developers have more than any image
