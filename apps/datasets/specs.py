"""What a data job runs: plain values → JobSpec, and a version as another job's input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from apps.common.storage import uri_of
from workers.contracts import environment as names
from workers.contracts.recipes import secrets_of
from workers.contracts.specs import DataRef, JobSpec, Resources, ServingSpec

MODULE, PREVIEW_MODULE = "workers.runtime.cleaning", "workers.runtime.preview"
RESOURCES = Resources(cpu_millis=1000, memory_bytes=1 << 30)
PREVIEW_RESOURCES = Resources(cpu_millis=250, memory_bytes=768 << 20)
"""It works for moments, on a sample, and must not keep the jobs that its recipe is for from starting."""
TIME_LIMIT_SECONDS = 6 * 3600
COMPANION_BYTES_MOST = 8 << 20
"""Of a small JSON file beside the data of a version: what the web process reads whole."""
INPUT, SOURCE, OUTPUT, RAW = "dataset", "source", "dataset", "raw"
PARTS = "parts"
"""Folder of the object store with the files of versions, by project and content."""
SHA256_LETTERS = 64


def ingestion_spec(*, path: str, sha256: str, file_format: str, options: Mapping[str, Any], runner: str) -> JobSpec:
    """Parse the file at `path` of the store into Parquet."""
    parameters = {**options, "format": options.get("format") or file_format}
    return _spec("ingest", DataRef(SOURCE, uri_of(path), sha256=sha256), parameters, runner, writes=True)


def fetching_spec(
    *, origin: Mapping[str, Any], file_format: str, options: Mapping[str, Any], secrets: Sequence[str], runner: str
) -> JobSpec:
    """Fetch a file, then parse it; `origin` as `workers.runtime.cleaning.origins` takes it."""
    return JobSpec(
        command=("python", "-m", MODULE, "collect"),
        resources=RESOURCES,
        outputs=(DataRef(RAW, ""), DataRef(OUTPUT, "")),
        parameters={**options, "format": options.get("format") or file_format, "origin": dict(origin)},
        environment={names.DATA_RUNNER: runner},
        secrets=tuple(secrets),
        time_limit_seconds=TIME_LIMIT_SECONDS,
    )


def profile_spec(*, version: DataRef, target: str, runner: str) -> JobSpec:
    """Statistics of every column of a version; `target` is the column to be predicted, empty to have it guessed."""
    return _spec("profile", version, {"target": target} if target else {}, runner, writes=False)


def cleaning_spec(*, version: DataRef, steps: Sequence[Mapping[str, Any]], runner: str) -> JobSpec:
    """Apply normalised recipe steps to a version. Secrets that they name come to the job as files."""
    spec = _spec("clean", version, {"steps": [dict(step) for step in steps]}, runner, writes=True)
    return replace(spec, secrets=secrets_of(steps))


def validation_spec(*, version: DataRef, runner: str) -> JobSpec:
    """Evaluate expectations over a version."""
    return _spec("validate", version, {}, runner, writes=False)


def comparison_spec(*, before: DataRef, after: DataRef, key: Sequence[str], runner: str) -> JobSpec:
    """What became of the rows of one version in another."""
    spec = _spec("compare", before, {"key": list(key)}, runner, writes=False)
    return replace(spec, inputs=(before, after))


def preview_spec(*, version: DataRef, token_sha256: str) -> ServingSpec:
    """A server that applies recipes to a sample of a version, for who knows the token."""
    return ServingSpec(
        command=("python", "-m", PREVIEW_MODULE),
        resources=PREVIEW_RESOURCES,
        inputs=(version,),
        parameters={"token_sha256": token_sha256},
    )


def file_path(manifest: Mapping[str, Any], file: Mapping[str, Any]) -> str:
    """Where a file of a version lies in the store: below the folder of its job in manifests of before there were parts.

    Args:
        file: of the manifest, the preprocessor or a companion.
    """
    return str(file["path"]) if "path" in file else f"{manifest['prefix']}{file['name']}"


def part_path(project_id: UUID, file_name: str, sha256: str) -> str:
    """Where versions of a project keep a file of this content: one of them, or several."""
    return f"{PARTS}/{project_id}/{sha256[:2]}/{sha256}{PurePosixPath(file_name).suffix.lower()}"


def part_digest(path: str) -> str:
    """The SHA-256 of a file of versions, as its path says; empty for any other path."""
    name = PurePosixPath(path).stem
    return name if path.startswith(f"{PARTS}/") and len(name) == SHA256_LETTERS else ""


def version_ref(
    *, name: str, project_id: UUID, manifest: Mapping[str, Any], preprocessor: Mapping[str, Any] | None = None
) -> DataRef:
    """A version as an input of a job: its part files, then the preprocessor where it has one."""
    files = [*manifest["files"], *([preprocessor] if preprocessor else [])]
    names = tuple(str(file["name"]) for file in files)
    if "prefix" in manifest:
        return DataRef(name, uri_of(manifest["prefix"]), names)
    paths = tuple(file_path(manifest, file) for file in files)
    return DataRef(name, uri_of(f"{PARTS}/{project_id}/"), names, paths)


def _spec(verb: str, source: DataRef, parameters: dict[str, Any], runner: str, *, writes: bool) -> JobSpec:
    return JobSpec(
        command=("python", "-m", MODULE, verb),
        resources=RESOURCES,
        inputs=(source,),
        outputs=(DataRef(OUTPUT, ""),) if writes else (),
        parameters=parameters,
        environment={names.DATA_RUNNER: runner},
        time_limit_seconds=TIME_LIMIT_SECONDS,
    )
