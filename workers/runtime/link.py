"""Where a job's context sends what it does: to Bedplate, or, for a script run by hand, to a folder.

Both sides speak the JSON of the runtime API, so that everything above them is the same code.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

from workers.contracts.specs import JobSpec, Resources, ServingSpec
from workers.runtime.client import JobApiError, RuntimeClient, StopOrder
from workers.runtime.fetching import Wanted
from workers.runtime.metric_batch import CONTENT_TYPE, unpack
from workers.runtime.sending import Sending

LOCAL_FOLDER = "bedplate-local"
ParameterValue = str | int | float | bool | None


class Link(Protocol):
    """The other side of a `JobContext`."""

    def parameters(self) -> dict[str, Any]: ...

    def resources(self) -> Resources | None:
        """What one member was granted; None when nobody said."""

    def resolve(self, name: str, mode: str) -> dict[str, Any]:
        """Answer of `POST runtime/data/resolve`."""

    def download(self, wanted: Wanted, path: Path, renew: Callable[[Wanted], str]) -> None:
        """Fetch a file by its short-lived address; `renew` asks for another one."""

    def upload(self, file: Sending) -> None:
        """Have a file in the store, in one try. Raises JobApiError."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs that the spec declares."""

    @property
    def distant(self) -> bool:
        """The other side may be away: what is announced to it is repeated."""

    def send_metrics(self, batch: bytes) -> None:
        """Deliver one packed batch, in one try. Raises JobApiError."""

    def register_checkpoint(self, record: dict[str, Any]) -> None:
        """Announce one, in one try. Raises JobApiError."""

    def latest_checkpoint(self) -> dict[str, Any] | None: ...

    def register_artifact(self, record: dict[str, Any]) -> None:
        """Announce one, in one try. Raises JobApiError."""

    def log_parameters(self, values: dict[str, ParameterValue]) -> None:
        """Say parameters of the run, in one try. Raises JobApiError: also where one has another value."""

    def should_stop(self) -> StopOrder: ...

    def tell_environment(self, record: dict[str, Any]) -> None:
        """What the job runs in. Raises JobApiError."""

    def close(self) -> None: ...


class ApiLink:
    """Speaks to the control plane."""

    distant = True

    def __init__(self, client: RuntimeClient, spec: JobSpec | ServingSpec) -> None:
        self._client = client
        self._spec = spec
        self._native = True

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(ref.name for ref in self._spec.outputs) if isinstance(self._spec, JobSpec) else ()

    def parameters(self) -> dict[str, Any]:
        return dict(self._spec.parameters)

    def resources(self) -> Resources | None:
        return self._spec.resources

    def resolve(self, name: str, mode: str) -> dict[str, Any]:
        return self._client.resolve(name, mode)

    def download(self, wanted: Wanted, path: Path, renew: Callable[[Wanted], str]) -> None:
        self._client.download(wanted, path, renew)

    def upload(self, file: Sending) -> None:
        self._client.upload(file)

    def send_metrics(self, batch: bytes) -> None:
        if self._native:
            try:
                self._client.send_batch(batch, CONTENT_TYPE)
            except JobApiError as error:
                if error.status != HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
                    raise
                self._native = False  # an older control plane
            else:
                return
        self._client.send_batch(unpack(batch))

    def register_checkpoint(self, record: dict[str, Any]) -> None:
        self._client.register_checkpoint(record, retry=0.0)

    def latest_checkpoint(self) -> dict[str, Any] | None:
        return self._client.latest_checkpoint()

    def register_artifact(self, record: dict[str, Any]) -> None:
        self._client.register_artifact(record, retry=0.0)

    def log_parameters(self, values: dict[str, ParameterValue]) -> None:
        self._client.post("/parameters", {"parameters": values}, retry_seconds=0.0)

    def should_stop(self) -> StopOrder:
        return self._client.should_stop()

    def tell_environment(self, record: dict[str, Any]) -> None:
        self._client.post("/attempts/self/environment", record)

    def close(self) -> None:
        self._client.close()


class LocalLink:
    """The twin for a script that nobody launched: a folder with the same things in it.

    Inputs are read from `<folder>/<name>/` (or a file of that name), outputs written to `<folder>/<name>/`, or
    `<folder>/<name>-output/` where an input of that name was read; parameters come from `<folder>/parameters.json`
    where there is one; metrics, checkpoints and artifacts are noted as JSON lines.
    """

    distant = False
    outputs: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: set[str] = set()

    def parameters(self) -> dict[str, Any]:
        path = self._folder / "parameters.json"
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}

    def resources(self) -> Resources | None:
        return None

    def resolve(self, name: str, mode: str) -> dict[str, Any]:
        """Raises FileNotFoundError for an input that is not in the folder."""
        if mode == "write":
            path = (self._folder / (f"{name}-output" if name in self._read else name)).resolve()
            path.mkdir(parents=True, exist_ok=True)
            return {"name": name, "uri": path.as_uri() + "/", "path": str(path)}
        path = (self._folder / name).resolve()
        self._read.add(name)
        if not path.exists():
            raise FileNotFoundError(f"this job does not run in Bedplate: put its input {name!r} at {path}")
        found = sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]
        files = [
            {"name": file.name, "path": str(file), "url": None, "size_bytes": file.stat().st_size} for file in found
        ]
        return {"name": name, "uri": path.as_uri(), "path": str(path), "files": files}

    def download(self, wanted: Wanted, path: Path, renew: Callable[[Wanted], str]) -> None:
        raise FileNotFoundError(f"a local job has no input behind an address: {wanted.url}")

    def upload(self, file: Sending) -> None:
        raise FileNotFoundError(f"a local job keeps its outputs in a folder: {file.source}")

    def send_metrics(self, batch: bytes) -> None:
        found = unpack(batch)
        try:
            self._append("metrics.jsonl", {"sequence": found["sequence"], "points": found["points"]})
        except OSError as error:
            raise JobApiError("not_written", f"metrics.jsonl: {error.strerror}") from error

    def register_checkpoint(self, record: dict[str, Any]) -> None:
        self._append("checkpoints.jsonl", record)

    def latest_checkpoint(self) -> dict[str, Any] | None:
        path = self._folder / "checkpoints.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        if not lines:
            return None
        record: dict[str, Any] = max((json.loads(line) for line in lines), key=lambda line: line["step"])
        return {**record, "path": str(self._folder / "checkpoints" / record["uri"].rsplit("/", 1)[1])}

    def register_artifact(self, record: dict[str, Any]) -> None:
        self._append("artifacts.jsonl", record)

    def log_parameters(self, values: dict[str, ParameterValue]) -> None:
        self._append("logged_parameters.jsonl", dict(values))

    def should_stop(self) -> StopOrder:
        return StopOrder()

    def tell_environment(self, record: dict[str, Any]) -> None:
        """Nobody asks."""

    def close(self) -> None:
        """Nothing is held open."""

    def _append(self, name: str, record: dict[str, Any]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / name).open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
