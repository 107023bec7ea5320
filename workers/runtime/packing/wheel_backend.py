"""Builds `bedplate-runtime` (PEP 517): the folders `contracts` and `runtime` of `workers` as one wheel.

Standard library only, so that nothing is fetched to build it. The same files make the same bytes.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
WORKERS = HERE.parent
PACKED = ("contracts", "runtime")
LEFT_OUT = frozenset({"__pycache__", "packing"})
KEPT = frozenset({".py", ".typed", ".sql", ".json"})
EPOCH = (1980, 1, 1, 0, 0, 0)
TAG = "py3-none-any"


def build_wheel(
    wheel_directory: str, config_settings: Mapping[str, Any] | None = None, metadata_directory: str | None = None
) -> str:
    """Write the wheel into a folder; its name."""
    project = _project()
    stem = f"{project['name'].replace('-', '_')}-{project['version']}"
    name = f"{stem}-{TAG}.whl"
    files = dict(_modules()) | dict(_metadata(project, f"{stem}.dist-info"))
    record = f"{stem}.dist-info/RECORD"
    with zipfile.ZipFile(Path(wheel_directory) / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for place in sorted(files):
            _put(archive, place, files[place])
        _put(archive, record, _record(files, record))
    return name


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: Mapping[str, Any] | None = None) -> str:
    """Write what is told of the package before it is built; the name of the folder."""
    project = _project()
    folder = f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    for place, content in _metadata(project, folder):
        path = Path(metadata_directory) / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def get_requires_for_build_wheel(config_settings: Mapping[str, Any] | None = None) -> list[str]:
    return []


class UnsupportedOperation(NotImplementedError):
    """By which front ends know that there is no source distribution (PEP 517)."""


def build_sdist(sdist_directory: str, config_settings: Mapping[str, Any] | None = None) -> str:
    raise UnsupportedOperation("bedplate-runtime is built as a wheel, from the repository")


def _project() -> dict[str, Any]:
    return dict(tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"])


def _modules() -> Iterator[tuple[str, bytes]]:
    """Where each file lies in the wheel, and its content."""
    yield "workers/__init__.py", (WORKERS / "__init__.py").read_bytes()
    for folder in PACKED:
        for path in (WORKERS / folder).rglob("*"):
            place = path.relative_to(WORKERS)
            if path.is_file() and path.suffix in KEPT and not LEFT_OUT.intersection(place.parts):
                yield f"workers/{place.as_posix()}", path.read_bytes()


def _metadata(project: Mapping[str, Any], folder: str) -> Iterator[tuple[str, bytes]]:
    lines = [
        "Metadata-Version: 2.3",
        f"Name: {project['name']}",
        f"Version: {project['version']}",
        f"Summary: {project['description']}",
        f"Requires-Python: {project['requires-python']}",
        *(f"Requires-Dist: {each}" for each in project["dependencies"]),
    ]
    for extra, wanted in project["optional-dependencies"].items():
        lines += [f"Provides-Extra: {extra}", *(f'Requires-Dist: {each}; extra == "{extra}"' for each in wanted)]
    lines.append("Description-Content-Type: text/markdown")
    readme = (HERE / project["readme"]).read_text(encoding="utf-8")
    yield f"{folder}/METADATA", ("\n".join(lines) + "\n\n" + readme).encode()
    wheel = f"Wheel-Version: 1.0\nGenerator: bedplate\nRoot-Is-Purelib: true\nTag: {TAG}\n"
    yield f"{folder}/WHEEL", wheel.encode()


def _record(files: Mapping[str, bytes], own: str) -> bytes:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    for place in sorted(files):
        digest = base64.urlsafe_b64encode(hashlib.sha256(files[place]).digest()).rstrip(b"=").decode()
        rows.writerow([place, f"sha256={digest}", len(files[place])])
    rows.writerow([own, "", ""])
    return text.getvalue().encode()


def _put(archive: zipfile.ZipFile, place: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(place, EPOCH)
    entry.external_attr = 0o644 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)
