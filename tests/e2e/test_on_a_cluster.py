"""The worked example on a Kubernetes cluster: the same jobs, with nothing changed but the pool's name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Away
from tests.support.kubernetes.kinds import DEPLOYMENTS, JOBS, PODS
from tests.support.kubernetes.nodes import NodeSpec
from tests.support.kubernetes.server import KubernetesServer
from tests.support.stack import ROOT
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("away")
POOL = "lab"
IMAGE = "registry.example.com/bedplate-runtime:1.0"


@pytest.fixture(scope="module")
def cluster() -> Iterator[KubernetesServer]:
    with KubernetesServer([NodeSpec("node-1"), NodeSpec("node-2")], processes=True) as server:
        server.kubelet.removal_seconds = 0.5
        yield server


def test_the_example_runs_there_and_leaves_nothing_running(away: Away, cluster: KubernetesServer) -> None:
    stack = away.stack
    config = stack.home / "cluster.yaml"
    config.write_text(cluster.kubeconfig())
    stack.manage("cluster", "add", POOL, "--kubeconfig", str(config), "--runtime-image", IMAGE)
    token = away.demo.headers["Authorization"].removeprefix("Bearer ")
    own = {"CREDIT_RISK_URL": stack.url, "CREDIT_RISK_TOKEN": token, "POOL": POOL}
    done = subprocess.run(
        [sys.executable, "examples/credit_risk/run.py"],
        cwd=ROOT,
        env=os.environ | own,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr + stack.logs()
    assert json.loads(done.stdout.splitlines()[-1])["example_auc"] == pytest.approx(0.8448, abs=0.005)
    jobs = cluster.all(JOBS)
    assert len(jobs) >= 3  # ingest, clean, train; what else there is follows from these
    assert all(job["status"].get("succeeded") == 1 for job in jobs)
    (server,) = cluster.all(DEPLOYMENTS)
    (project,) = away.demo.get("/projects?name=credit-risk").json()["results"]
    (endpoint,) = away.demo.get(f"/endpoints?project={project['id']}").json()["results"]
    assert away.demo.post(f"/endpoints/{endpoint['id']}/stop").status_code == 200
    name = server["metadata"]["name"]
    until(
        lambda: not [pod for pod in cluster.all(PODS) if pod["metadata"]["name"].startswith(name)], timeout_seconds=60
    )
