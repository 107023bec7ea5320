"""A small real HTTP server that speaks the runtime API, for tests of what runs inside a job.

    with RuntimeApi(tmp_path) as api:
        api.add_input("data", [tmp_path / "part-00000.parquet"])
        environment = api.job_environment(parameters={"epochs": 2}, outputs=("dataset",))
        subprocess.run([sys.executable, "-m", "…"], env=environment, cwd=api.work_dir)
        assert api.result() == {…}

It keeps what it was told (`metrics`, `checkpoints`, `artifacts`, `heartbeats`, `logs`, `exits`) and can
misbehave: `fail(path, status, times)`, `superseded`, `should_stop`.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from tests.support.runtime_api_answers import PREFIX, Problem, RuntimeApiAnswers
from workers.contracts import environment as names
from workers.contracts.specs import DataRef, JobSpec, Resources, ServingSpec, spec_to_json

ROOT = Path(__file__).resolve().parents[2]


class RuntimeApi(RuntimeApiAnswers):
    """The server and its folders: `work_dir` for the job, `store` for what it writes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(store=folder / "store")
        self.work_dir = folder / "work"
        self.job_dir = folder / "job"
        for path in (self.work_dir, self.job_dir, self.store):
            path.mkdir(parents=True, exist_ok=True)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def token_file(self) -> Path:
        return self.job_dir / "token"

    def job_environment(
        self, parameters: dict[str, Any] | None = None, outputs: tuple[str, ...] = (), *, attempt_number: int = 1
    ) -> dict[str, str]:
        """Write spec and token as the local backend does; returns the whole environment of a job."""
        resources = Resources(cpu_millis=1000, memory_bytes=1 << 30)
        spec = JobSpec(
            command=("python",),
            resources=resources,
            inputs=tuple(DataRef(name, f"bedplate://inputs/{name}") for name in self.inputs),
            outputs=tuple(DataRef(name, "") for name in outputs),
            parameters=parameters or {},
        )
        return self._environment(spec, set(outputs), attempt_number)

    def serving_environment(self, parameters: dict[str, Any] | None = None, port: int = 0) -> dict[str, str]:
        """The same for a replica that must listen on `port`."""
        resources = Resources(cpu_millis=1000, memory_bytes=1 << 30)
        inputs = tuple(DataRef(name, f"bedplate://inputs/{name}") for name in self.inputs)
        spec = ServingSpec(command=("python",), resources=resources, inputs=inputs, parameters=parameters or {})
        serving = {names.SERVE_HOST: "127.0.0.1", names.SERVE_PORT: str(port)}
        return self._environment(spec, set(), 1) | serving

    def result(self) -> dict[str, Any]:
        """The result file that the job left."""
        return dict(json.loads((self.job_dir / "result.json").read_text(encoding="utf-8")))

    def _environment(self, spec: JobSpec | ServingSpec, outputs: set[str], attempt_number: int) -> dict[str, str]:
        self.outputs = outputs
        spec_file = self.job_dir / "spec.json"
        spec_file.write_text(json.dumps(spec_to_json(spec)), encoding="utf-8")
        self.token_file.write_text(self.token, encoding="utf-8")
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self.work_dir),
            "PYTHONPATH": os.pathsep.join([str(ROOT), *(path for path in sys.path if "site-packages" in path)]),
            "PYTHONUNBUFFERED": "1",
            names.API_URL: self.url,
            names.WORKLOAD_ID: self.workload_id,
            names.ATTEMPT_ID: self.attempt_id,
            names.ATTEMPT_NUMBER: str(attempt_number),
            names.RANK: "0",
            names.WORLD_SIZE: "1",
            names.TOKEN_FILE: str(self.token_file),
            names.SPEC_FILE: str(spec_file),
            names.RESULT_FILE: str(self.job_dir / "result.json"),
            names.REPORT_FILE: str(self.job_dir / "report.json"),
            names.SECRETS_DIR: str(self.job_dir / "secrets"),
        }


def _handler(api: RuntimeApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path.startswith("/files/"):
                self._bytes(200, api.file_of(self.path), "application/octet-stream")
            else:
                self._answer("GET", {})

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = urlsplit(self.path)
            try:
                body = api.body_of(path.path.removeprefix(PREFIX), path.query, dict(self.headers), content)
            except Problem as problem:
                self._problem(problem)
            else:
                self._answer("POST", body)

        def do_PUT(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path.startswith("/presigned/"):
                api.take_presigned(self.path, dict(self.headers), content)
                self._bytes(200, b"", "application/xml")
                return
            address = self.path.removeprefix(PREFIX)
            try:
                api.answer("PUT", "/outputs", {"address": address}, self.headers.get("Authorization", ""))
            except Problem as problem:
                self._problem(problem)
            else:
                if api.take(address, content):
                    self._bytes(201, b"", "text/plain")
                else:
                    self._problem(Problem(400, "not_as_said", "Not the file that was announced"))

        def _answer(self, method: str, body: dict[str, Any]) -> None:
            path = urlsplit(self.path).path.removeprefix(PREFIX)
            try:
                status, answer = api.answer(method, path, body, self.headers.get("Authorization", ""))
            except Problem as problem:
                self._problem(problem)
            else:
                self._bytes(status, json.dumps(answer).encode(), "application/json")

        def _problem(self, problem: Problem) -> None:
            self._bytes(problem.status, json.dumps(asdict(problem)).encode(), "application/problem+json")

        def _bytes(self, status: int, content: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Tests read `api.calls`, not a log."""

    return Handler
