"""`deploy/verify_cluster.py` against a cluster whose containers are processes of this machine."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy import verify_cluster
from tests.support.kubernetes import kinds
from tests.support.kubernetes.faults import Fault
from tests.support.kubernetes.nodes import NodeSpec
from tests.support.kubernetes.plans import Plan
from tests.support.kubernetes.server import KubernetesServer
from tests.support.kubernetes.store import Change, Object
from tests.support.waiting import until
from workers.backends.kubernetes import rights
from workers.backends.kubernetes.site import ClusterSite, Tenant
from workers.contracts.observation import Observation, Phase

cluster_steps, carried_runtime = sys.modules["cluster_steps"], sys.modules["carried_runtime"]
"""Beside the script, and found by it."""
NOWHERE = cluster_steps.NOWHERE
KINDS = [kind for kind in vars(kinds).values() if isinstance(kind, kinds.Kind) and kind != kinds.EVENTS]
NAMES = [name for name, _ in verify_cluster.STEPS]


def of_no_image(pod: Object) -> bool:
    return any(container["image"] == NOWHERE for container in pod["spec"]["containers"])


@pytest.fixture
def cluster() -> Iterator[KubernetesServer]:
    with KubernetesServer([NodeSpec("node-1", gpus=1), NodeSpec("node-2")], processes=True) as server:
        server.kubelet.removal_seconds = 0.5  # as a real one
        server.processes.environment = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"}
        server.scripted_if = of_no_image
        server.plan(Plan(image_error="ErrImagePull"))
        yield server


class Run:
    """One run of the script: what it said, and its exit status."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._file, self._capsys = folder / "kubeconfig", capsys

    def __call__(self, kubeconfig: str, *words: str) -> tuple[int, str]:
        self._file.write_text(kubeconfig)
        status = verify_cluster.main(["--kubeconfig", str(self._file), "--timeout", "40", *words])
        said = self._capsys.readouterr()
        return status, said.out + said.err


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(tmp_path, capsys)


def outcomes(said: str) -> dict[str, str]:
    """Step → ok, FAILED or skipped."""
    lines = re.findall(rf"^(.{{{verify_cluster.WIDTH}}})  (ok|FAILED|skipped|warning) ", said, re.MULTILINE)
    return {name.strip(): outcome for name, outcome in lines}


def everything(cluster: KubernetesServer) -> set[tuple[str, str, str]]:
    """All that is on the cluster, but what it writes down of the past."""
    return {
        (kind.qualified, found["metadata"].get("namespace", ""), found["metadata"]["name"])
        for kind in KINDS
        for found in cluster.all(kind)
    }


def only(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Of the steps only these, to be quick."""
    monkeypatch.setattr(verify_cluster, "STEPS", [step for step in verify_cluster.STEPS if step[0] in names])


def test_a_good_cluster_is_well_and_is_left_as_it_was(cluster: KubernetesServer, run: Run) -> None:
    before = everything(cluster)
    status, said = run(cluster.kubeconfig())
    assert outcomes(said) == {**dict.fromkeys([*NAMES, "clean-up"], "ok"), "control plane": "skipped"}, said
    assert (status, said.splitlines()[-1]) == (0, "All is well.")
    assert "two members have met by name" in said
    assert "SIGTERM was heard" in said
    assert everything(cluster) == before


def test_a_runtime_image_prepares_its_pods_itself(
    cluster: KubernetesServer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, "connection", "one job")
    cluster.scripted_if = lambda pod: True
    cluster.plan(Plan(seconds=0.1))
    found: list[tuple[str, str]] = []

    def note(change: Change) -> None:
        for each in ((change.obj or {}).get("spec") or {}).get("initContainers", []):
            found.append((each["image"], each["command"][-1]))

    cluster.store.listeners.append(note)
    status, said = run(cluster.kubeconfig(), "--runtime-image", "registry.example.org/bedplate-runtime:1")
    assert (status, outcomes(said)["one job"]) == (0, "ok"), said
    prepared = ("registry.example.org/bedplate-runtime:1", "/opt/bedplate/app/workers/runtime/prepare.py")
    assert set(found) == {prepared}


def test_a_missing_right_is_named_and_no_namespace_is_left_in_silence(
    cluster: KubernetesServer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, "connection", "permissions", "one job")
    rules = [
        {"apiGroups": [one.group], "resources": [one.resource], "verbs": [one.verb]}
        for one in rights.RIGHTS
        if one.text != "create networkpolicies.networking.k8s.io"
    ]
    status, said = run(cluster.kubeconfig(cluster.token("bedplate", rules=rules)))
    assert status == 1
    assert outcomes(said) == {
        "connection": "ok",
        "permissions": "FAILED",
        "one job": "FAILED",
        "clean-up": "FAILED",
    }, said
    assert "create networkpolicies" in said
    assert "has no job any more and is left: this account may not delete it" in said


def test_rights_that_bedplate_does_not_need_are_not_asked_for(
    cluster: KubernetesServer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the rights of the chart's role, and that to delete the namespace after it."""
    only(monkeypatch, "connection", "permissions", "one job", "quota refusal")
    asked = [(one.group, one.resource, one.verb) for one in rights.RIGHTS]
    asked += [("", "namespaces", "get"), ("", "namespaces", "delete")]
    rules = [{"apiGroups": [group], "resources": [resource], "verbs": [verb]} for group, resource, verb in asked]
    token = cluster.token("bedplate", rules=rules)
    before = everything(cluster)
    status, said = run(cluster.kubeconfig(token))
    assert (status, outcomes(said)) == (
        0,
        {"connection": "ok", "permissions": "ok", "one job": "ok", "quota refusal": "ok", "clean-up": "ok"},
    ), said
    assert everything(cluster) == before


def test_a_job_that_goes_wrong_fails_its_step_and_nothing_else(
    cluster: KubernetesServer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, "connection", "one job", "machines")
    before = everything(cluster)
    cluster.scripted_if = lambda pod: True
    cluster.plan(Plan(seconds=0.1, exit_code=3))
    status, said = run(cluster.kubeconfig())
    assert (status, outcomes(said)) == (
        1,
        {"connection": "ok", "one job": "FAILED", "machines": "ok", "clean-up": "ok"},
    ), said
    assert "exit status 3" in said
    assert said.endswith("Something is wrong: see above.\n")
    assert everything(cluster) == before


def test_what_does_not_end_in_time_is_said(
    cluster: KubernetesServer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, "connection", "one job")
    before = everything(cluster)
    cluster.scripted_if = lambda pod: True
    cluster.plan(Plan())
    status, said = run(cluster.kubeconfig(), "--timeout", "2")
    assert (status, outcomes(said)["one job"]) == (1, "FAILED")
    assert "expected a job that succeeds within 2 s; it is running" in said
    assert everything(cluster) == before


def test_without_an_answer_nothing_else_is_tried(cluster: KubernetesServer, run: Run) -> None:
    cluster.faults.add(Fault(status=503, times=None))
    status, said = run(cluster.kubeconfig())
    assert status == 1
    found = outcomes(said)
    assert found.pop("connection") == "FAILED"
    assert set(found.values()) == {"skipped"}
    assert "clean-up" not in found


def test_whoever_interrupts_it_leaves_nothing(
    cluster: KubernetesServer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(trial: Any) -> str:
        raise KeyboardInterrupt

    steps = [step for step in verify_cluster.STEPS if step[0] in ("connection", "one job")]
    monkeypatch.setattr(verify_cluster, "STEPS", [*steps, ("interrupted", interrupted)])
    before = everything(cluster)
    with pytest.raises(KeyboardInterrupt):
        run(cluster.kubeconfig())
    assert everything(cluster) == before


def test_what_a_killed_run_has_left_the_next_one_removes(
    cluster: KubernetesServer, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = everything(cluster)
    file = tmp_path / "of-the-first"
    file.write_text(cluster.kubeconfig())
    cluster.scripted_if = lambda pod: True  # the first job runs for ever
    command = [sys.executable, verify_cluster.__file__, "--kubeconfig", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        until(lambda: cluster.all(kinds.PODS), timeout_seconds=60, what="a job of the first run")
        first.send_signal(signal.SIGSTOP)  # else it gives its job up where the other one is slow
        status, said = run(cluster.kubeconfig())
        assert (status, said.count("another run tries this cluster from here")) == (2, 1)
        first.kill()
    assert everything(cluster) != before
    only(monkeypatch, "connection", "earlier runs")
    status, said = run(cluster.kubeconfig())
    assert (status, outcomes(said)) == (0, {"connection": "ok", "earlier runs": "ok", "clean-up": "ok"}), said
    assert "one was ended before its clean-up: removed, and 1 of its jobs" in said
    assert everything(cluster) == before


def test_an_image_that_no_node_can_fetch_is_said_soon_and_what_needs_it_is_left_out(
    cluster: KubernetesServer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["cluster_trial"], "STUCK_SECONDS", 0.5)
    only(monkeypatch, "connection", "one job", "logs", "gang of two")
    cluster.scripted_if = lambda pod: True
    status, said = run(cluster.kubeconfig())
    assert (status, outcomes(said)) == (
        1,
        {"connection": "ok", "one job": "FAILED", "logs": "skipped", "gang of two": "skipped", "clean-up": "ok"},
    ), said
    assert "image_pull: The image of member 0 cannot be fetched" in said
    assert "Name an image that its nodes can fetch (--image)" in said
    assert said.count("needs: one job") == 2


def test_policies_that_nothing_enforces_are_warned_of(
    cluster: KubernetesServer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, "connection", "network policies")
    cluster.processes.environment["KUBERNETES_SERVICE_PORT"] = cluster.url.rpartition(":")[2]
    status, said = run(cluster.kubeconfig())
    assert (status, outcomes(said)["network policies"]) == (0, "warning"), said
    assert "does not enforce them" in said
    assert said.endswith("Jobs run here; mind the warning above.\n")


def test_whether_jobs_reach_the_control_plane_is_tried_where_it_is_named(
    cluster: KubernetesServer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, "connection", "control plane")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        status, said = run(cluster.kubeconfig(), "--api-url", url)
    assert (status, f"a job reached {url}" in said) == (0, True), said
    status, said = run(cluster.kubeconfig(), "--api-url", url)
    assert (status, outcomes(said)["control plane"]) == (1, "FAILED")
    assert f"a job cannot reach {url}: no answer: " in said


def test_without_a_device_no_job_asks_for_one(
    cluster: KubernetesServer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, "connection", "job on a GPU")
    cluster.cluster.change(kinds.NODES, "node-1", "", lambda node: node["spec"].update(unschedulable=True))
    status, said = run(cluster.kubeconfig())
    assert (status, outcomes(said)["job on a GPU"]) == (0, "skipped"), said


def test_what_is_kept_is_named(cluster: KubernetesServer, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "connection", "one job")
    status, said = run(cluster.kubeconfig(), "--keep", "--namespace-prefix", "trial")
    assert status == 0
    (name,) = re.findall(r"kubectl delete namespace (trial-check-[0-9a-f]{8})", said)
    assert name in {found["metadata"]["name"] for found in cluster.all(kinds.NAMESPACES)}


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "cannot be used"),
        ("{", "cannot be used"),
        ("current-context: none", "cannot be used"),
    ],
)
def test_a_broken_kubeconfig_is_refused(run: Run, text: str, words: str) -> None:
    status, said = run(text)
    assert status == 2
    assert words in said


def test_a_kubeconfig_that_runs_a_program_is_refused(cluster: KubernetesServer, run: Run) -> None:
    text = re.sub(
        r"token: .*", "exec: {apiVersion: client.authentication.k8s.io/v1, command: aws}", cluster.kubeconfig()
    )
    status, said = run(text)
    assert status == 2
    assert "aws" in said or "program" in said


def test_a_file_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert verify_cluster.main(["--kubeconfig", "/nowhere/kubeconfig"]) == 2
    assert "/nowhere/kubeconfig cannot be used" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["0", "3601", "nan", "-1", "soon"])
def test_a_time_that_is_none_is_refused(capsys: pytest.CaptureFixture[str], text: str) -> None:
    with pytest.raises(SystemExit) as left:
        verify_cluster.main(["--kubeconfig", "k", f"--timeout={text}"])
    assert left.value.code == 2
    assert f"{text} is no number of seconds from 1 to 3600" in capsys.readouterr().err


class Silent:
    """A backend of which nothing is heard."""

    def observe(self, handles: list[Any]) -> list[Observation]:
        return [Observation(Phase.PENDING)]


def test_a_step_takes_no_longer_than_it_may_however_often_it_waits() -> None:
    site = ClusterSite("i", "c", "image")
    trial: Any = verify_cluster.Trial(Silent(), None, site, Tenant("o", "t", "p"), "image", 3600.0)  # type: ignore[arg-type]
    trial.begin()
    trial.deadline -= 3600.0  # as after a first wait that took all
    with pytest.raises(cluster_steps.Failed, match="expected an end within 3600 s; it is pending, no reason"):
        trial.see(None, "an end", lambda seen: False)


def test_what_a_pod_carries_fits_into_a_command() -> None:
    assert len(carried_runtime.payload()) < 100_000  # the kernel takes 128 KiB
