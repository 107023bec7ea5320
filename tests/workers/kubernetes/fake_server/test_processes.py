"""Containers that are processes of this machine: their files, their environment, their ends, their probes."""

from __future__ import annotations

import stat
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.kubernetes.kinds import DEPLOYMENTS, JOBS, PODS, SECRETS
from tests.support.kubernetes.kubelet_process import MARK, REPOSITORY
from tests.support.kubernetes.pods import ready
from tests.support.kubernetes.server import KubernetesServer
from tests.support.kubernetes.store import Object
from tests.support.waiting import until
from tests.workers.backends.jobs import SERVER

MOUNTS = [
    {"name": "run", "mountPath": "/bedplate/run", "readOnly": True},
    {"name": "bin", "mountPath": "/bedplate/bin"},
]


@pytest.fixture
def machine() -> Iterator[KubernetesServer]:
    with KubernetesServer(processes=True) as server:
        server.cluster.add(
            SECRETS,
            {"metadata": {"name": "files"}, "type": "Opaque", "data": {"token": "c2VjcmV0", "a": "Yg=="}},
            "default",
        )
        yield server


def container(script: str, name: str = "main", **more: Any) -> Object:
    made = {"name": name, "image": "example.com/app:1", "command": ["sh", "-c", script], "volumeMounts": MOUNTS}
    return {**made, "terminationMessagePath": "/dev/termination-log", **more}


def run(server: KubernetesServer, main: Object, *, name: str = "train", count: int = 1, **pod: Any) -> None:
    items = [{"key": "token", "path": "token"}, {"key": "a", "path": "secrets/a", "mode": 0o444}]
    volumes = [
        {"name": "run", "secret": {"secretName": "files", "defaultMode": 0o400, "items": items}},
        {"name": "bin", "emptyDir": {}},
    ]
    spec = {"restartPolicy": "Never", "containers": [main], "volumes": volumes, **pod}
    job = {
        "metadata": {"name": name},
        "spec": {
            "completionMode": "Indexed",
            "completions": count,
            "parallelism": count,
            "backoffLimit": 0,
            "template": {"spec": spec},
        },
    }
    server.create(JOBS, job)
    until(lambda: server.all(PODS))


def ended(server: KubernetesServer, index: int = 0, name: str = "train") -> dict[str, Any]:
    def state() -> dict[str, Any]:
        [status] = server.pod_of(name, index)["status"].get("containerStatuses") or [{"state": {}}]
        found: dict[str, Any] = status["state"].get("terminated") or {}
        return found

    until(state, what=f"the end of {name}-{index}")
    return state()


def output(server: KubernetesServer, index: int = 0, name: str = "train") -> str:
    kept = server.kubelet.runs[server.pod_of(name, index)["metadata"]["uid"]]
    log = kept.mains[0].log
    return "" if log is None else b"".join(text for _, _, text in log.lines).decode()


def test_files_of_a_secret_have_their_modes(machine: KubernetesServer) -> None:
    script = "stat -L -c %a /bedplate/run/token /bedplate/run/secrets/a; cat /bedplate/run/token"
    run(machine, container(script), securityContext={"fsGroup": 10001})
    assert ended(machine)["exitCode"] == 0
    assert output(machine) == "440\n444\nsecret"
    kept = machine.processes.folder(machine.pod_of("train"), "run") / "token"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o440


def test_an_init_container_leaves_files_for_the_main_one(machine: KubernetesServer) -> None:
    first = container("echo prepared > /bedplate/bin/word", "prepare")
    run(machine, container("cat /bedplate/bin/word; exit 7"), initContainers=[first])
    assert (ended(machine)["exitCode"], output(machine)) == (7, "prepared\n")
    until(lambda: machine.pod_of("train")["status"]["phase"] == "Failed")


def test_a_failed_init_container_is_the_end_of_the_pod(machine: KubernetesServer) -> None:
    run(machine, container("echo never"), initContainers=[container("exit 85", "prepare")])
    until(lambda: machine.pod_of("train")["status"]["phase"] == "Failed")
    status = machine.pod_of("train")["status"]
    assert status["initContainerStatuses"][0]["state"]["terminated"]["exitCode"] == 85
    assert status["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}


def test_the_environment_is_that_of_the_pod(machine: KubernetesServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_THE_TESTS", "not for jobs")
    index = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
    env = [
        {"name": "FIRST", "value": "one"},
        {"name": "TWICE", "value": "$(FIRST)-$$(FIRST)-$(NONE)"},
        {"name": "PLACE", "value": "/bedplate/run/token"},
        {"name": "APP", "value": "/opt/bedplate/app:/else"},
        {"name": "TMPDIR", "value": "/tmp"},
        {"name": "RANK", "valueFrom": {"fieldRef": {"fieldPath": index}}},
        {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "files", "key": "token"}}},
    ]
    script = 'echo "$$TWICE $$RANK $$SECRET $$APP $${OF_THE_TESTS:-none} $$TMPDIR"; cat "$$PLACE"'
    mounts = [*MOUNTS, {"name": "bin", "mountPath": "/tmp"}]
    run(machine, container(script, env=env, volumeMounts=mounts), count=2)
    ended(machine, 1)
    temporary = machine.processes.folder(machine.pod_of("train", 1), "bin")
    first, second = output(machine, 1).splitlines()
    assert first == f"one-$(FIRST)-$(NONE) 1 secret {REPOSITORY}:/else none {temporary}"
    assert second == "secret"


def test_a_pod_waits_for_its_secret(machine: KubernetesServer) -> None:
    machine.store.remove(SECRETS, "files", "default")
    run(machine, container("cat /bedplate/run/token"))
    machine.settle()
    [event] = [each for each in machine.all_events() if each["reason"] == "FailedMount"]
    assert event["message"] == 'MountVolume.SetUp failed for volume "run" : secret "files" not found'
    machine.cluster.add(SECRETS, {"metadata": {"name": "files"}, "data": {"token": "eA==", "a": "eQ=="}}, "default")
    assert ended(machine)["exitCode"] == 0


def test_what_is_left_at_the_termination_message_path_is_told(machine: KubernetesServer) -> None:
    env = [{"name": "REPORT", "value": "/dev/termination-log"}]
    run(machine, container("""printf '{"exit_code": 3}' > $$REPORT; exit 3""", env=env))
    assert (ended(machine)["message"], ended(machine)["exitCode"]) == ('{"exit_code": 3}', 3)


def test_sigterm_is_heard_by_who_listens(machine: KubernetesServer) -> None:
    run(machine, container("trap 'exit 143' TERM; echo ready; while :; do sleep 0.05; done"))
    until(lambda: output(machine) == "ready\n")
    pod = machine.pod_of("train")
    machine.cluster.delete(PODS, pod["metadata"]["name"], "default", grace=30)
    until(lambda: not machine.all(PODS))
    assert machine.get(JOBS, "train", "default")["status"]["failed"] == 1


def test_who_does_not_listen_is_killed_after_the_grace(machine: KubernetesServer) -> None:
    run(machine, container("echo ready; exec sleep 1000"))
    until(lambda: output(machine) == "ready\n")
    pod = machine.pod_of("train")
    machine.cluster.delete(PODS, pod["metadata"]["name"], "default", grace=300)
    machine.settle()
    assert machine.pod_of("train")["metadata"]["deletionGracePeriodSeconds"] == 300
    machine.cluster.delete(PODS, pod["metadata"]["name"], "default", grace=1)
    until(lambda: not machine.all(PODS))
    ends = [
        each.obj["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"]
        for each in machine.store.shelf(PODS).history
        if each.type == "DELETED"
    ]
    assert ends == [137]


def test_nothing_of_a_container_outlives_it(machine: KubernetesServer) -> None:
    run(machine, container("setsid sleep 1000 & echo started; exit 0"))
    ended(machine)
    uid = machine.pod_of("train")["metadata"]["uid"]
    assert [process.pid for process in psutil.process_iter() if marked(process).startswith(uid)] == []


def marked(process: psutil.Process) -> str:
    try:
        return process.environ().get(MARK, "")
    except psutil.Error:
        return ""


def test_members_of_a_gang_find_the_first_one(machine: KubernetesServer, tmp_path: Path) -> None:
    env = [
        {"name": "MASTER_ADDR", "value": "train-0.train.default.svc"},
        {"name": "MASTER_PORT", "value": "29400"},
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
    ]
    run(machine, container("echo $$MASTER_ADDR $$MASTER_PORT $$IP", env=env), count=2)
    for index in range(2):
        ended(machine, index)
    (host, port, first), (other_host, other_port, second) = (output(machine, index).split() for index in range(2))
    assert (host, port) == (other_host, other_port) == (first, port)
    assert first != second


def test_replicas_listen_on_the_same_port_and_are_asked_for_real(machine: KubernetesServer) -> None:
    env = [
        {"name": "BEDPLATE_SERVE_PORT", "value": "8080"},
        {"name": "BEDPLATE_SERVE_HOST", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
    ]
    probe = {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 1, "failureThreshold": 1}
    main = {
        "name": "main", "image": "example.com/app:1", "command": ["python", "-I", "-S", "-c", SERVER], "env": env,
        "ports": [{"name": "http", "containerPort": 8080}], "readinessProbe": probe,
        "startupProbe": {**probe, "failureThreshold": 100},
    }  # fmt: skip
    labels = {"app": "web"}
    spec = {
        "replicas": 2,
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [main], "terminationGracePeriodSeconds": 1},
        },
    }
    machine.create(DEPLOYMENTS, {"metadata": {"name": "web"}, "spec": spec})
    until(lambda: len(pods := machine.all(PODS)) == 2 and all(map(ready, pods)), 15)
    answers = set()
    for pod in machine.all(PODS):
        with urllib.request.urlopen(f"http://{pod['status']['podIP']}:8080/pid", timeout=5) as answer:
            answers.add(answer.read())
    assert len(answers) == 2
