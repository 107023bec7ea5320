"""Where a job's context sends what it does: to Bedplate, or, for a script run by hand, to a folder.

Both sides speak the JSON of the runtime API, so that everything above them is the same code.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol

from workers.contracts.specs import JobSpec, Resources, ServingSpec
from workers.runtime.client import RuntimeClient

METRICS_RETRY_SECONDS = 10.0
LOCAL_FOLDER = "bedplate-local"


class Link(Protocol):
    """The other side of a `JobContext`."""

    def parameters(self) -> dict[str, Any]: ...

    def resources(self) -> Resources | None:
        """What one member was granted; None when nobody said."""

    def resolve(self, name: str, mode: str) -> dict[str, Any]:
        """Answer of `POST runtime/data/resolve`."""

    def download(self, url: str, path: Path) -> None: ...

    def send_metrics(self, sequence: int, points: list[dict[str, Any]]) -> None: ...

    def register_checkpoint(self, record: dict[str, Any]) -> None: ...

    def latest_checkpoint(self) -> dict[str, Any] | None: ...

    def register_artifact(self, record: dict[str, Any]) -> None: ...

    def should_stop(self) -> str: ...

    def close(self) -> None: ...


class ApiLink:
    """Speaks to the control plane."""

    def __init__(self, client: RuntimeClient, spec: JobSpec | ServingSpec, rank: int) -> None:
        self._client = client
        self._spec = spec
        self._rank = rank

    def parameters(self) -> dict[str, Any]:
        return dict(self._spec.parameters)

    def resources(self) -> Resources | None:
        return self._spec.resources

    def resolve(self, name: str, mode: str) -> dict[str, Any]:
        return self._client.resolve(name, mode)

    def download(self, url: str, path: Path) -> None:
        self._client.download(url, path)

    def send_metrics(self, sequence: int, points: list[dict[str, Any]]) -> None:
        self._client.send_metrics(self._rank, sequence, points, retry=METRICS_RETRY_SECONDS)

    def register_checkpoint(self, record: dict[str, Any]) -> None:
        self._client.register_checkpoint(record)

    def latest_checkpoint(self) -> dict[str, Any] | None:
        return self._client.latest_checkpoint()

    def register_artifact(self, record: dict[str, Any]) -> None:
        self._client.register_artifact(record)

    def should_stop(self) -> str:
        return self._client.should_stop()

    def close(self) -> None:
        self._client.close()


class LocalLink:
    """The twin for a script that nobody launched: a folder with the same things in it.

    Inputs are read from `<folder>/<name>/` (or a file of that name), outputs written to `<folder>/<name>/`, or
    `<folder>/<name>-output/` where an input of that name was read; parameters come from `<folder>/parameters.json`
    where there is one; metrics, checkpoints and artifacts are noted as JSON lines.
    """

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

    def download(self, url: str, path: Path) -> None:
        raise FileNotFoundError(f"a local job has no input behind an address: {url}")

    def send_metrics(self, sequence: int, points: list[dict[str, Any]]) -> None:
        self._append("metrics.jsonl", {"sequence": sequence, "points": points})

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

    def should_stop(self) -> str:
        return ""

    def close(self) -> None:
        """Nothing is held open."""

    def _append(self, name: str, record: dict[str, Any]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / name).open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
