"""What a job's code uses: its parameters, data, metrics, checkpoints, result, and whether it should leave.

    from workers.runtime.context import job_context

    ctx = job_context()
    data = ctx.input("data").path
    ctx.log_metrics({"train/loss": 0.4}, step=3)

The same code runs without Bedplate: then everything is read from and written to `./bedplate-local/`.
This is the only module of a job that reads the environment.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.contracts import environment as names
from workers.contracts.specs import spec_from_json
from workers.runtime.client import RuntimeClient
from workers.runtime.link import LOCAL_FOLDER, ApiLink, Link, LocalLink
from workers.runtime.metric_buffer import MetricBuffer
from workers.runtime.stop_watch import StopWatch
from workers.runtime.stored_file import StoredFile, Writer, hash_file, store_file, write_text_atomically

RESULT_LIMIT_BYTES = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


@dataclass(frozen=True, slots=True)
class Input:
    """One resolved input. `path` is a folder, or the file itself; `files` are the files of it, in order."""

    name: str
    uri: str
    path: Path
    files: list[Path]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint that the control plane acknowledged."""

    step: int
    path: Path
    metadata: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Identity:
    """Which job this is and what its backend set for it; the defaults are those of a script run by hand."""

    workload_id: str = ""
    attempt_id: str = ""
    attempt_number: int = 1
    rank: int = 0
    world_size: int = 1
    result_file: Path = Path(LOCAL_FOLDER) / "result.json"
    secrets_dir: Path = Path(LOCAL_FOLDER) / "secrets"
    serve_host: str = "127.0.0.1"
    serve_port: int = 8080
    data_runner: str = "native"


class JobContext:
    """A job's side of the runtime API; use `job_context()`, one per process.

    Calls that reach the control plane block, and repeat for up to two minutes while it is away. They raise
    `JobApiError` when it refuses, and `AttemptSuperseded` (which ends the process with status 85) when this
    attempt no longer counts.
    """

    def __init__(self, identity: Identity, link: Link, work_dir: Path) -> None:
        self.identity = identity
        self.workload_id = identity.workload_id
        self.attempt_id = identity.attempt_id
        self.attempt_number = identity.attempt_number
        self.rank = identity.rank
        self.world_size = identity.world_size
        self.parameters: dict[str, Any] = link.parameters()
        self.resources = link.resources()
        self._link = link
        self.work_dir = work_dir
        self._inputs: dict[str, Input] = {}
        self._outputs: dict[str, tuple[Path, str]] = {}
        self._metrics = MetricBuffer(link.send_metrics)
        self._stop = StopWatch(link.should_stop)

    # Data ---------------------------------------------------------------------------------------------------

    def input(self, name: str) -> Input:
        """The input of that name; behind an address, it is downloaded into the working folder once."""
        if name not in self._inputs:
            self._inputs[name] = self._fetch(self._link.resolve(name, "read"))
        return self._inputs[name]

    def output(self, name: str) -> Path:
        """The folder to write the output of that name into; it exists."""
        return self._output(name)[0]

    def output_uri(self, name: str) -> str:
        """Address of that folder, with a slash at its end: what the control plane calls it."""
        return self._output(name)[1]

    def secret(self, name: str) -> str:
        """The value of a secret that the spec asked for. Raises FileNotFoundError for any other."""
        return (self.identity.secrets_dir / _checked(name)).read_text(encoding="utf-8")

    # What happens -------------------------------------------------------------------------------------------

    def log_metrics(self, values: Mapping[str, float], step: int) -> None:
        """Record one value per key. Never blocks: batches leave in the background, the rest at exit."""
        self._metrics.add(values, step)

    @property
    def should_stop(self) -> bool:
        """True once the job was told to leave. Cheap. The first look takes over SIGTERM (in the main thread)."""
        return self._stop.should_stop

    @property
    def stop_reason(self) -> str:
        """Why: `preempted`, `cancelled_by_user`, …; `signal` when only the signal came; empty otherwise."""
        return self._stop.reason

    # Results ------------------------------------------------------------------------------------------------

    def save_checkpoint(
        self, source: Path | str | Writer, step: int, metadata: dict[str, Any] | None = None
    ) -> Checkpoint:
        """Store a checkpoint, from a file or by a writer; once this returns it counts, and a later attempt finds it."""
        folder, uri = self._output("checkpoints")
        origin = Path(source) if isinstance(source, str) else source
        suffix = origin.suffix if isinstance(origin, Path) else ".pt"
        name, again = f"step-{step}{suffix}", 1
        while (folder / name).exists():  # an acknowledged file is never written over
            name, again = f"step-{step}-{again}{suffix}", again + 1
        stored = store_file(origin, folder, uri, name)
        self._link.register_checkpoint({"step": step, **_announcement(stored), "metadata": metadata or {}})
        return Checkpoint(step=step, path=stored.path, metadata=metadata or {})

    def latest_checkpoint(self) -> Checkpoint | None:
        """The last acknowledged checkpoint of this workload, also of an earlier attempt.

        Raises:
            ValueError: its file is not the one that was acknowledged.
        """
        record = self._link.latest_checkpoint()
        if record is None:
            return None
        path = (
            Path(record["path"]) if record.get("path") else self._download("checkpoints", record["uri"], record["url"])
        )
        if hash_file(path) != record["sha256"]:
            raise ValueError(f"the checkpoint of step {record['step']} is damaged: {path}")
        return Checkpoint(step=record["step"], path=path, metadata=record.get("metadata") or {})

    def log_artifact(
        self, name: str, path: Path | str, kind: str = "file", metadata: dict[str, Any] | None = None
    ) -> StoredFile:
        """Store a file as an artifact: `kind` is `model`, `preprocessor`, `report` or `file`."""
        folder, uri = self._output("artifacts")
        source = Path(path)
        stored = store_file(source, folder, uri, f"{_checked(name)}/{_checked(source.name)}")
        record = {"name": name, "kind": kind, **_announcement(stored), "metadata": metadata or {}}
        self._link.register_artifact(record)
        return stored

    def report(self, result: dict[str, Any]) -> None:
        """Leave the result of the job; a later call replaces it.

        Raises:
            ValueError: over 1 MiB of JSON, or a number that is not finite.
        """
        text = json.dumps(result, ensure_ascii=False, allow_nan=False)
        if len(text.encode()) > RESULT_LIMIT_BYTES:
            raise ValueError(f"the result is {len(text.encode())} bytes of JSON; at most {RESULT_LIMIT_BYTES} are kept")
        write_text_atomically(self.identity.result_file, text)

    def close(self) -> None:
        """Send the metrics that still wait. Called at exit; calling it twice does nothing more."""
        self._stop.close()
        self._metrics.close()
        self._link.close()

    # Below --------------------------------------------------------------------------------------------------

    def _output(self, name: str) -> tuple[Path, str]:
        if name not in self._outputs:
            answer = self._link.resolve(name, "write")
            self._outputs[name] = (Path(answer["path"]), answer["uri"])
        return self._outputs[name]

    def _fetch(self, answer: dict[str, Any]) -> Input:
        name, uri = answer["name"], answer["uri"]
        entries = answer.get("files") or []
        files = [
            Path(entry["path"]) if entry.get("path") else self._download(name, entry["name"], entry["url"])
            for entry in entries
        ]
        if answer.get("path"):
            path = Path(answer["path"])
        else:
            path = files[0] if len(files) == 1 and not uri.endswith("/") else self.work_dir / "inputs" / name
        return Input(name=name, uri=uri, path=path, files=files or [path])

    def _download(self, name: str, file_name: str, url: str) -> Path:
        path = self.work_dir / "inputs" / _checked(name) / _checked(file_name.rsplit("/", 1)[-1])
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            self._link.download(url, path)
        return path


@functools.cache
def job_context() -> JobContext:
    """The context of this process, the same at every call. Metrics that wait are sent when the process ends."""
    context = context_from(os.environ)
    atexit.register(context.close)
    return context


def context_from(environment: Mapping[str, str], work_dir: Path | None = None) -> JobContext:
    """A context as `environment` describes it; the local twin when it names no attempt.

    Raises:
        KeyError: a variable that the backend must set is missing.
    """
    here = work_dir or Path.cwd()
    if names.ATTEMPT_ID not in environment:
        folder = here / LOCAL_FOLDER
        local = Identity(result_file=folder / "result.json", secrets_dir=folder / "secrets")
        return JobContext(local, LocalLink(folder), here)
    identity = identity_from(environment)
    spec = spec_from_json(json.loads(Path(environment[names.SPEC_FILE]).read_text(encoding="utf-8")))
    client = RuntimeClient(environment[names.API_URL], Path(environment[names.TOKEN_FILE]))
    return JobContext(identity, ApiLink(client, spec, identity.rank), here)


def identity_from(environment: Mapping[str, str]) -> Identity:
    """What the backend set for a job, typed. Raises KeyError or ValueError for what is missing or no number."""
    return Identity(
        workload_id=environment[names.WORKLOAD_ID],
        attempt_id=environment[names.ATTEMPT_ID],
        attempt_number=int(environment[names.ATTEMPT_NUMBER]),
        rank=int(environment.get(names.RANK, "0")),
        world_size=int(environment.get(names.WORLD_SIZE, "1")),
        result_file=Path(environment[names.RESULT_FILE]),
        secrets_dir=Path(environment.get(names.SECRETS_DIR, "secrets")),
        serve_host=environment.get(names.SERVE_HOST, "127.0.0.1"),
        serve_port=int(environment.get(names.SERVE_PORT, "8080")),
        data_runner=environment.get(names.DATA_RUNNER, "native"),
    )


def process_environment() -> Mapping[str, str]:
    """The environment, for the processes of the runtime that are no job: the gateway."""
    return os.environ


def refuse_telemetry() -> None:
    """Keep libraries that are imported later from calling home: a job's machine speaks to the control plane only."""
    os.environ["DO_NOT_TRACK"] = "1"


def _checked(name: str) -> str:
    """A name that is safe as one part of a path. Raises ValueError for any other."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot be the name of a stored file: letters, digits, '.', '_' and '-' are")
    return name


def _announcement(stored: StoredFile) -> dict[str, Any]:
    return {"uri": stored.uri, "sha256": stored.sha256, "size_bytes": stored.size_bytes}
