"""What a data job runs: plain values → JobSpec, and a version as another job's input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apps.common.storage import uri_of
from workers.contracts import environment as names
from workers.contracts.specs import DataRef, JobSpec, Resources

MODULE = "workers.runtime.cleaning"
RESOURCES = Resources(cpu_millis=1000, memory_bytes=1 << 30)
TIME_LIMIT_SECONDS = 6 * 3600
COMPANION_BYTES_MOST = 8 << 20
"""Of a small JSON file beside the data of a version: what the web process reads whole."""
INPUT, SOURCE, OUTPUT = "dataset", "source", "dataset"


def ingestion_spec(*, path: str, file_format: str, options: Mapping[str, Any], runner: str) -> JobSpec:
    """Parse the file at `path` of the store into Parquet."""
    parameters = {**options, "format": options.get("format") or file_format}
    return _spec("ingest", DataRef(SOURCE, uri_of(path)), parameters, runner, writes=True)


def profile_spec(*, version: DataRef, runner: str) -> JobSpec:
    """Statistics of every column of a version."""
    return _spec("profile", version, {}, runner, writes=False)


def cleaning_spec(*, version: DataRef, steps: Sequence[Mapping[str, Any]], runner: str) -> JobSpec:
    """Apply normalised recipe steps to a version."""
    return _spec("clean", version, {"steps": [dict(step) for step in steps]}, runner, writes=True)


def version_ref(*, name: str, manifest: Mapping[str, Any], preprocessor: Mapping[str, Any] | None = None) -> DataRef:
    """A version as an input of a job: its part files, then the preprocessor where it has one."""
    files = [str(file["name"]) for file in manifest["files"]]
    if preprocessor:
        files.append(str(preprocessor["name"]))
    return DataRef(name, uri_of(manifest["prefix"]), tuple(files))


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
