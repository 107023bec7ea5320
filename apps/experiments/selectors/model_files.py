"""The files of a model version, as they were fixed when it was registered."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from apps.experiments.models import ModelVersion


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
