"""The worked example on a Kubernetes cluster: the same jobs, with nothing changed but the pool's name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Away
from tests.support.kubernetes.kinds import DEPLOYMENTS, JOBS, PODS
from tests.support.kubernetes.nodes import NodeSpec
from tests.support.kubernetes.server import KubernetesServer
from tests.support.stack import ROOT
from tests.support.waiting import until
from tests.support.wheels import wheel
from tests.support.zips import zip_of

pytestmark = pytest.mark.xdist_group("away")
POOL = "lab"
COMMIT = "0123456789abcdef" * 2 + "01234567"
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


def test_a_gang_that_says_nothing_of_itself_is_known_by_its_packages_and_commit(
    away: Away, cluster: KubernetesServer, tmp_path: Path
) -> None:
    """After the test above, whose pool it runs in."""
    demo = away.demo
    wheel(tmp_path, "bpl_omega", "1.5")
    (project,) = demo.get("/projects?name=credit-risk").json()["results"]
    experiment = demo.post("/experiments", json={"project": project["id"], "name": "gangs"}).json()
    script = "import os, bpl_omega\nprint(os.environ['RANK'], bpl_omega.VERSION)\n"
    archive = zip_of({"train.py": script, ".git/HEAD": f"{COMMIT}\n"})
    sent = demo.post("/source-bundles", data={"project": project["id"]}, files={"archive": ("code.zip", archive)})
    asked = {
        "experiment": experiment["id"], "name": "gang", "kind": "bundle", "bundle": sent.json()["id"], "pool": POOL,
        "command": ["python", "train.py"], "count_min": 2, "count_max": 2, "requirements": "bpl-omega==1.5\n",
        "environment": {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)},
        "resources": {"cpu_millis": 100, "memory_bytes": 64 << 20},
    }  # fmt: skip
    run = demo.post("/runs", json=asked).json()
    until(lambda: demo.get(f"/runs/{run['id']}").json()["state"] in ("succeeded", "failed"), timeout_seconds=90)
    log = "".join(one["text"] for one in demo.get(f"/workloads/{run['workload']}/logs").json()["chunks"])
    assert {"0 1.5", "1 1.5"} <= set(log.splitlines()), log
    made_of = demo.get(f"/runs/{run['id']}/provenance").json()
    assert (made_of["git_commit"], made_of["environment"]["packages"]["bpl-omega"]) == (COMMIT, "1.5")
    (image,) = made_of["images_seen"]
    assert image.startswith("sha256:"), "of an image that was put on its nodes by hand"
    again = demo.post(f"/runs/{run['id']}/repeat", json={})
    assert again.status_code == 201, again.text
    workload = demo.get(f"/workloads/{again.json()['workload']}").json()
    assert workload["pool"] == demo.get(f"/workloads/{run['workload']}").json()["pool"]
