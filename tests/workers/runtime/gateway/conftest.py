"""One gateway process and its control plane for all tests of this folder; every test adds endpoints of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.support import http
from tests.support.gateway_api import TOKEN, ControlPlane
from tests.support.job_process import JobProcess
from tests.support.waiting import until


@dataclass
class Running:
    control_plane: ControlPlane
    process: JobProcess
    client: httpx.Client

    def predict(self, path: str, token: str = "caller", **options: object) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}", **dict(options.pop("headers", {}))}  # type: ignore[call-overload]
        options.setdefault("json", {"records": [{}]})
        return self.client.post(f"/{path}/predict", headers=headers, **options)  # type: ignore[arg-type]

    def metric(self, name: str, **labels: str) -> float:
        """A figure of `/metrics`; labels that are not given may be anything, and values are added up."""
        total = 0.0
        for line in self.client.get("/metrics").text.splitlines():
            series, _, value = line.rpartition(" ")
            if series.partition("{")[0] == name and all(f'{key}="{text}"' in series for key, text in labels.items()):
                total += float(value)
        return total


def gateway_environment(control_plane: ControlPlane) -> dict[str, str]:
    return {
        "BEDPLATE_JOB_API_URL": control_plane.url,
        "BEDPLATE_GATEWAY_TOKEN": TOKEN,
        "BEDPLATE_GATEWAY_PORT": "0",
        "BEDPLATE_LOG_LEVEL": "DEBUG",
    }


@pytest.fixture(scope="module")
def gateway() -> Iterator[Running]:
    with (
        ControlPlane() as control_plane,
        JobProcess("workers.runtime.gateway", gateway_environment(control_plane)) as process,
    ):
        port = process.said("listening")["port"]
        with http.client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            until(lambda: client.get("/readyz").status_code == 200)
            yield Running(control_plane, process, client)
