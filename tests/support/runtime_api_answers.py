"""What the test server of `runtime_api` answers, and what it remembers. No network here."""

from __future__ import annotations

import hashlib
import json
import threading
import zlib
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import msgspec

from tests.support.runtime_api_files import TakesFiles

PREFIX = "/api/v1/runtime"


@dataclass
class Problem(Exception):
    """Answered as problem+json."""

    status: int
    code: str
    title: str
    detail: str = ""


class RuntimeApiAnswers(TakesFiles):
    """State of one attempt as the control plane would keep it."""

    def __init__(self, store: Path) -> None:
        super().__init__()
        self.store = store
        self.token = "attempt-token"
        self.gateway_token = "gateway-token"
        self.workload_id = "01900000-0000-7000-8000-000000000001"
        self.attempt_id = "01900000-0000-7000-8000-000000000002"
        self.inputs: dict[str, dict[str, Any]] = {}
        self.outputs: set[str] = set()
        self.should_stop = ""
        self.superseded = False
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        """Every call that was let in: method, path below the prefix, body."""
        self.asked = 0
        """How many calls came with a valid token, those that were not let in included."""
        self.metrics: dict[tuple[int, int], list[dict[str, Any]]] = {}
        """By (rank, sequence), as first sent."""
        self.checkpoints: list[dict[str, Any]] = []
        self.artifacts: list[dict[str, Any]] = []
        self.parameters: dict[str, Any] = {}
        self.heartbeats: list[dict[str, Any]] = []
        self.wrong: list[str] = []
        """What was not as agreed."""
        self.logs: dict[tuple[int, int], str] = {}
        self.exits: list[dict[str, Any]] = []
        self.environments: list[dict[str, Any]] = []
        self.figures: list[dict[str, Any]] = []
        self.troubles: list[dict[str, Any]] = []
        self.endpoints: list[dict[str, Any]] = []
        self.grants: dict[str, set[str]] = {}
        """API token of a caller -> ids of the endpoints that it may call."""
        self.mood: Callable[[], str] = lambda: ""
        """Asked at each call: `away` does nothing, `lost` does what it is told and then fails; else it behaves."""
        self.native = True
        """False: an older control plane, which takes JSON only."""
        self._failures: list[list[Any]] = []
        self._lock = threading.RLock()

    # Set up -------------------------------------------------------------------------------------------------

    def add_input(self, name: str, files: list[Path], *, by_url: str = "") -> None:
        """An input of these files; with `by_url` (the server's address) they are offered by URL instead of by path."""
        entries = [
            {
                "name": file.name,
                "path": None if by_url else str(file),
                "url": f"{by_url}/files/{name}/{file.name}" if by_url else None,
                "size_bytes": file.stat().st_size,
            }
            for file in files
        ]
        single = len(files) == 1
        path = str(files[0] if single else files[0].parent)
        uri = f"bedplate://inputs/{name}" + ("" if single else "/")
        self.inputs[name] = {
            "name": name,
            "uri": uri,
            "path": None if by_url else path,
            "files": entries,
            "where": {file.name: file for file in files},
        }

    def fail(self, path: str, status: int, times: int = 1, *, after: bool = False) -> None:
        """Answer `times` calls of `path` with a problem; with `after`, do what was asked first (a lost answer)."""
        self._failures.append([path, status, times, after])

    def points(self, key: str) -> list[tuple[int, float]]:
        """All recorded (step, value) of one metric, by sequence."""
        with self._lock:
            batches = [self.metrics[where] for where in sorted(self.metrics)]
        found = [point for batch in batches for point in batch if point["key"] == key]
        return [pair for point in found for pair in zip(point["steps"], point["values"], strict=True)]

    def file_of(self, path: str) -> bytes:
        _, _, name, file = path.split("/", 3)
        if name == "store":
            return (self.store / file).read_bytes()
        content: bytes = self.inputs[name]["where"][file].read_bytes()
        return content

    # Read ---------------------------------------------------------------------------------------------------

    def body_of(self, path: str, query: str, headers: dict[str, str], content: bytes) -> dict[str, Any]:
        """The body of a request in the JSON form, whichever form it came in. Raises Problem: not as agreed."""
        kind = headers.get("Content-Type", "").partition(";")[0]
        if kind in ("", "application/json"):
            return dict(json.loads(content or b"{}"))
        agreed = {"/metrics": "application/x-msgpack", "/attempts/self/logs": "text/plain"}
        if kind != agreed.get(path) or not self.native:
            raise Problem(415, "unsupported_media_type", "Not a form that is taken here", kind)
        try:
            return _batch(content) if path == "/metrics" else _chunk(query, headers, content)
        except (AssertionError, ValueError, KeyError, msgspec.MsgspecError, zlib.error) as error:
            self.wrong.append(repr(error))
            raise Problem(400, "invalid", "Not as agreed", repr(error)) from error

    # Answer -------------------------------------------------------------------------------------------------

    def answer(self, method: str, path: str, body: dict[str, Any], authorization: str) -> tuple[int, Any]:
        with self._lock:
            expected = self.gateway_token if path.startswith("/gateway/") else self.token
            if authorization != f"Bearer {expected}":
                raise Problem(401, "not_authenticated", "No valid token")
            self.asked += 1
            mood = self.mood()
            if mood == "away":
                raise Problem(503, "unavailable", "The database did not answer in time")
            if self.superseded:
                raise Problem(410, "attempt_superseded", "Attempt superseded", "attempt 2 took over")
            failing = next((each for each in self._failures if each[0] == path and each[2] > 0), None)
            if failing is not None:
                failing[2] -= 1
            if failing is None or failing[3]:
                self.calls.append((method, path, body))
                done = self._do(method, path, body)
            if failing is not None:
                raise Problem(failing[1], f"injected_{failing[1]}", "Injected failure")
            if mood == "lost":
                raise Problem(502, "lost", "Done, and nobody knows")
            return done

    def _do(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        verb = getattr(self, f"_{method.lower()}{path.replace('/', '_').replace('-', '_')}", None)
        if verb is None:
            raise Problem(404, "not_found", "Not found", f"{method} {path}")
        result: tuple[int, Any] = verb(body)
        return result

    def _post_data_resolve(self, body: dict[str, Any]) -> tuple[int, Any]:
        name = body["name"]
        if body["mode"] == "write" and name in self.outputs:
            return 200, self.output_folder(name)
        if body["mode"] == "read" and name in self.inputs:
            return 200, {key: value for key, value in self.inputs[name].items() if key != "where"}
        raise Problem(403, "not_an_input", "Not in the spec", f"{name} is neither an input nor an output of this job")

    def _post_metrics(self, body: dict[str, Any]) -> tuple[int, Any]:
        self.metrics.setdefault((body["rank"], body["sequence"]), body["points"])
        return 200, {"accepted": sum(len(point["steps"]) for point in body["points"])}

    def _post_checkpoints(self, body: dict[str, Any]) -> tuple[int, Any]:
        self._verify(body)
        if body not in self.checkpoints:
            self.checkpoints.append(body)
        return 201, {"id": f"checkpoint-{self.checkpoints.index(body)}"}

    def _get_checkpoints_latest(self, _: dict[str, Any]) -> tuple[int, Any]:
        if not self.checkpoints:
            raise Problem(404, "not_found", "No checkpoint")
        latest = max(self.checkpoints, key=lambda each: each["step"])
        if self.is_distant:
            return 200, {**latest, "path": None, "url": f"/files/store/{latest['uri'].removeprefix('bedplate://')}"}
        return 200, {**latest, "path": str(self.path_of(latest["uri"])), "url": None}

    def _post_artifacts(self, body: dict[str, Any]) -> tuple[int, Any]:
        self._verify(body)
        if body not in self.artifacts:
            self.artifacts.append(body)
        return 201, {"id": f"artifact-{self.artifacts.index(body)}"}

    def _post_parameters(self, body: dict[str, Any]) -> tuple[int, Any]:
        for name, value in body["parameters"].items():
            if self.parameters.setdefault(name, value) != value:
                raise Problem(400, "invalid", "Invalid", f"{name} has another value")
        return 200, {"logged": sorted(body["parameters"])}

    def _post_attempts_self_heartbeat(self, body: dict[str, Any]) -> tuple[int, Any]:
        self.heartbeats.append(body)
        return 200, {"should_stop": self.should_stop, "grace_seconds": 30}

    def _post_attempts_self_environment(self, body: dict[str, Any]) -> tuple[int, Any]:
        self.environments.append(body)
        return 200, {}

    def _get_attempts_self_should_stop(self, _: dict[str, Any]) -> tuple[int, Any]:
        return 200, {"should_stop": self.should_stop, "grace_seconds": 30}

    def _post_attempts_self_logs(self, body: dict[str, Any]) -> tuple[int, Any]:
        self.logs.setdefault((body["rank"], body["sequence"]), body["text"])
        return 200, {}

    def _post_attempts_self_exit(self, body: dict[str, Any]) -> tuple[int, Any]:
        self.exits.append(body)
        return 200, {}

    def _post_attempts_self_figures(self, body: dict[str, Any]) -> tuple[int, Any]:
        self.figures.append(body)
        return 200, {"accepted": len(body["seconds"])}

    def _post_attempts_self_trouble(self, body: dict[str, Any]) -> tuple[int, Any]:
        self.troubles.append(body)
        return 200, {}

    def _get_gateway_routes(self, _: dict[str, Any]) -> tuple[int, Any]:
        return 200, {"endpoints": self.endpoints}

    def _post_gateway_authorize(self, body: dict[str, Any]) -> tuple[int, Any]:
        allowed = body["endpoint_id"] in self.grants.get(body["token"], set())
        return 200, {"allowed": allowed, "user": "demo" if allowed else "", "ttl_seconds": 10}

    def path_of(self, uri: str) -> Path:
        return self.store / uri.removeprefix("bedplate://")

    def _verify(self, body: dict[str, Any]) -> None:
        path = self.path_of(body["uri"])
        if not path.is_file() or path.stat().st_size != body["size_bytes"]:
            raise Problem(400, "size_differs", "Not the announced file", body["uri"])
        if hashlib.sha256(path.read_bytes()).hexdigest() != body["sha256"]:
            raise Problem(400, "digest_differs", "Not the announced file", body["uri"])


class _Points(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    steps: bytes
    values: bytes
    times: bytes


class _Batch(msgspec.Struct, forbid_unknown_fields=True):
    rank: int
    sequence: int
    points: list[_Points]


def _batch(content: bytes) -> dict[str, Any]:
    """A native batch of metric points."""
    assert len(content) <= 8 << 20
    batch = msgspec.msgpack.decode(content, type=_Batch)
    points = [
        {
            "key": each.key,
            "steps": array("q", each.steps).tolist(),
            "values": array("d", each.values).tolist(),
            "times": array("d", each.times).tolist(),
        }
        for each in batch.points
    ]
    assert all(len(each["steps"]) == len(each["values"]) == len(each["times"]) > 0 for each in points)
    assert sum(len(each["steps"]) for each in points) <= 100_000
    return {"rank": batch.rank, "sequence": batch.sequence, "points": points}


def _chunk(query: str, headers: dict[str, str], content: bytes) -> dict[str, Any]:
    """A native chunk of a log."""
    encoding = headers.get("Content-Encoding", "")
    assert encoding in ("", "deflate")
    text = (zlib.decompress(content) if encoding else content).decode("utf-8")
    assert len(text.encode()) <= 2 << 20
    numbers = {name: int(value) for name, [value] in parse_qs(query).items()}
    assert numbers.keys() == {"rank", "sequence", "first_line"}
    return {**numbers, "text": text}
