"""Plans of containers, the cluster's clock, and scenes that tests set: nothing here waits for real time."""

from __future__ import annotations

import pytest

from tests.support.kubernetes.kinds import EVENTS, JOBS, NODES, PODS, QUOTAS
from tests.support.kubernetes.loading import load
from tests.support.kubernetes.nodes import NodeSpec
from tests.support.kubernetes.plans import Plan
from tests.support.kubernetes.pods import condition, ready
from tests.support.kubernetes.server import KubernetesServer
from tests.support.kubernetes.store import Object
from tests.workers.kubernetes.fake_server.conftest import job


def conditions(cluster: KubernetesServer, name: str = "train") -> list[str]:
    return [each["type"] for each in cluster.get(JOBS, name, "default")["status"].get("conditions", ())]


def state(cluster: KubernetesServer, name: str = "train", index: int = 0) -> tuple[str, Object]:
    [(kind, found)] = cluster.pod_of(name, index)["status"]["containerStatuses"][0]["state"].items()
    return kind, found


def test_a_plan_ends_by_the_clusters_clock(cluster: KubernetesServer) -> None:
    cluster.plan(Plan(seconds=3600, exit_code=3, log="one\n", message="told"), name="train")
    cluster.create(JOBS, job())
    cluster.advance(3599)
    assert state(cluster)[0] == "running"
    cluster.advance(2)
    kind, ended = state(cluster)
    assert (kind, ended["exitCode"], ended["reason"], ended["message"]) == ("terminated", 3, "Error", "told")
    assert conditions(cluster) == ["FailureTarget", "Failed"]


@pytest.mark.parametrize("code", [137, 7, 0])
def test_out_of_memory_comes_with_any_exit_code(cluster: KubernetesServer, code: int) -> None:
    cluster.create(JOBS, job())
    cluster.settle()
    cluster.exit(cluster.pod_of("train"), code, reason="OOMKilled")
    assert state(cluster)[1]["reason"] == "OOMKilled"
    assert conditions(cluster)[-1] == ("Failed" if code else "Complete")


def test_plans_are_chosen_by_attempt(cluster: KubernetesServer) -> None:
    cluster.plan(Plan(seconds=1, exit_code=5), name="train", attempt=0)
    cluster.plan(Plan(seconds=1), name="train", attempt=1)
    cluster.create(JOBS, job(backoffLimit=1))
    cluster.advance(5)
    assert cluster.get(JOBS, "train", "default")["status"]["failed"] == 1
    cluster.advance(15)
    assert conditions(cluster) == ["SuccessCriteriaMet", "Complete"]


def test_a_slow_image_is_pulled_and_told(cluster: KubernetesServer) -> None:
    cluster.plan(Plan(pull_seconds=120), name="train")
    cluster.create(JOBS, job())
    cluster.advance(119)
    assert state(cluster) == ("waiting", {"reason": "ContainerCreating"})
    cluster.advance(2)
    assert state(cluster)[0] == "running"
    reasons = [each["reason"] for each in cluster.all(EVENTS) if each["involvedObject"]["kind"] == "Pod"]
    assert reasons == ["Scheduled", "Pulling", "Pulled", "Created", "Started"]


def test_who_ignores_sigterm_lives_out_the_grace(cluster: KubernetesServer) -> None:
    cluster.plan(Plan(term_exit=None), name="train")
    made = job()
    made["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 20
    cluster.create(JOBS, made)
    cluster.settle()
    cluster.cluster.delete(JOBS, "train", "default")
    cluster.advance(19)
    assert cluster.pod_of("train")["status"]["phase"] == "Running"
    cluster.advance(2)
    assert cluster.all(PODS) == []


def test_a_job_that_ended_goes_after_its_time(cluster: KubernetesServer) -> None:
    cluster.plan(Plan(seconds=1))
    cluster.create(JOBS, job(ttlSecondsAfterFinished=604_800))
    cluster.advance(604_000)
    assert conditions(cluster) == ["SuccessCriteriaMet", "Complete"]
    cluster.advance(1000)
    assert (cluster.all(JOBS), cluster.all(PODS)) == ([], [])


def test_readiness_comes_and_goes(cluster: KubernetesServer) -> None:
    cluster.plan(Plan(ready_after=5))
    cluster.create(JOBS, job())
    cluster.settle()
    assert not ready(cluster.pod_of("train"))
    cluster.advance(6)
    assert ready(cluster.pod_of("train"))
    cluster.set_ready(cluster.pod_of("train"), False)
    assert not ready(cluster.pod_of("train"))


def test_gpus_are_counted(cluster: KubernetesServer) -> None:
    for name in ("first", "second"):
        made = job(name)
        gpus = {"nvidia.com/gpu": "5"}
        made["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": gpus, "limits": gpus}
        cluster.create(JOBS, made)
        cluster.settle()
    waiting = cluster.pod_of("second")
    found = condition(waiting, "PodScheduled")
    assert found is not None
    assert found["message"].startswith("0/1 nodes are available: 1 Insufficient nvidia.com/gpu.")
    cluster.nodes.add(NodeSpec("node-2", gpus=8))
    cluster.settle()
    assert cluster.pod_of("second")["spec"]["nodeName"] == "node-2"


def test_a_lost_node_comes_back_and_does_what_it_missed(cluster: KubernetesServer) -> None:
    cluster.create(JOBS, job())
    cluster.settle()
    cluster.nodes.lose("node-1")
    cluster.advance(50)
    taints = [taint["key"] for taint in cluster.get(NODES, "node-1")["spec"]["taints"]]
    assert taints == ["node.kubernetes.io/unreachable"] * 2
    assert (ready(cluster.pod_of("train")), cluster.pod_of("train")["status"]["phase"]) == (False, "Running")
    cluster.advance(300)
    assert cluster.pod_of("train")["metadata"]["deletionTimestamp"]
    cluster.nodes.back("node-1")
    cluster.advance(1)
    assert "taints" not in cluster.get(NODES, "node-1")["spec"]
    assert cluster.all(PODS) == []
    assert conditions(cluster) == ["FailureTarget", "Failed"]


def test_a_raised_quota_lets_the_pods_in(cluster: KubernetesServer) -> None:
    cluster.create(QUOTAS, {"metadata": {"name": "team"}, "spec": {"hard": {"pods": "0"}}})
    cluster.create(JOBS, job())
    cluster.advance(3)
    assert cluster.all(PODS) == []
    assert [each["reason"] for each in cluster.all(EVENTS)] == ["FailedCreate"] * 2
    cluster.cluster.change(QUOTAS, "team", "default", lambda quota: quota["spec"]["hard"].update(pods="1"))
    cluster.advance(8)
    assert len(cluster.all(PODS)) == 1
    assert cluster.get(QUOTAS, "team", "default")["status"]["used"] == {"pods": "1"}


def test_steps_can_be_held(cluster: KubernetesServer) -> None:
    cluster.loop.hold("Jobs.reconcile")
    cluster.create(JOBS, job())
    cluster.settle()
    assert cluster.get(JOBS, "train", "default")["status"] == {}
    cluster.loop.release("Jobs.reconcile")
    cluster.settle()
    assert cluster.get(JOBS, "train", "default")["status"]["active"] == 1


def test_an_error_in_a_controller_is_not_lost() -> None:
    def broken() -> None:
        raise LookupError("a mistake")

    server = KubernetesServer()
    server.__enter__()
    server.loop.soon(broken)
    server.settle()
    with pytest.raises(LookupError, match="a mistake"):
        server.close()


def test_many_running_jobs_are_there_at_once(cluster: KubernetesServer) -> None:
    made = load(cluster, 200, lambda number: job(f"job-{number}", 2))
    assert (len(made), len(cluster.all(JOBS)), len(cluster.all(PODS))) == (200, 200, 400)
    assert all(ready(pod) and pod["spec"]["nodeName"] == "node-1" for pod in cluster.all(PODS))
    cluster.settle()
    status = cluster.get(JOBS, "job-7", "default")["status"]
    assert (status["active"], status["ready"]) == (2, 2)
    cluster.cluster.delete(JOBS, "job-7", "default")
    cluster.settle()
    assert len(cluster.all(PODS)) == 398
