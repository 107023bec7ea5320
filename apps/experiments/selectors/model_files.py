"""The files of a model version, as they were fixed when it was registered."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from apps.experiments.models import ModelVersion
from apps.experiments.selectors.artifacts import Entry


class ModelFile(msgspec.Struct, frozen=True):
    """One file: its name in the version, where the store has it, and what it must be."""

    name: str
    path: str
    sha256: str
    size_bytes: int


def files_of(version: ModelVersion) -> list[ModelFile]:
    """All files of a version, by name. Of one from before versions had lists: its model and preprocessor."""
    if version.files:
        return msgspec.convert(version.files, list[ModelFile])
    beside = [version.artifact] + ([version.preprocessor] if version.preprocessor is not None else [])
    return [ModelFile(one.name, one.path, one.sha256, one.size_bytes) for one in beside]


def manifest_of(files: Iterable[ModelFile]) -> str:
    """`sha256:…` over names, sizes and digests: the same files under the same names have the same one."""
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda one: one.name):
        digest.update(msgspec.json.encode([file.name, file.size_bytes, file.sha256]) + b"\n")
    return f"sha256:{digest.hexdigest()}"


def version_entries(version: ModelVersion, folder: str) -> list[Entry]:
    """What lies directly in a folder of a version, by name."""
    prefix = f"{folder}/" if folder else ""
    found: dict[str, Entry] = {}
    for file in files_of(version):
        if not file.name.startswith(prefix):
            continue
        first, cut, _ = file.name.removeprefix(prefix).partition("/")
        found[first] = Entry(first, prefix + first, bool(cut), None if cut else file.size_bytes)
    return [found[name] for name in sorted(found)]
