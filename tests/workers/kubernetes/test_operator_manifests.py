"""The whole of what is sent to others' operators. Pods are those of a Job or a Deployment, but for what is named."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from tests.support.manifest_schemas import numbers_where_quantities_go
from tests.workers.kubernetes.cases import ATTEMPT, NAME, NAMESPACE, SITE, job, labels, launch, metadata, server
from workers.backends.base import LaunchRefused
from workers.backends.kubernetes.manifests import Manifests, handle_data, manifests_of
from workers.backends.kubernetes.operators.crds import (
    INFERENCE_SERVICES,
    MPI_JOBS,
    RAY_JOBS,
    TRAIN_JOBS,
    TRAINING_RUNTIMES,
)
from workers.backends.kubernetes.site import ClusterSite, Operators
from workers.contracts.launch import LaunchContext
from workers.contracts.specs import JobSpec, Resources, Spec

GPUS = Resources(cpu_millis=8000, memory_bytes=64 << 30, gpus=4, flavor="H200")
GANG = launch(count=2, nodes=("n1", "n2"))
POLICY_SPEC = {
    "podSelector": {"matchLabels": {"bedplate.io/attempt": ATTEMPT}},
    "policyTypes": ["Ingress", "Egress"],
    "ingress": [{"from": [{"podSelector": {"matchLabels": {"bedplate.io/attempt": ATTEMPT}}}]}],
    "egress": [{"to": [{"podSelector": {"matchLabels": {"bedplate.io/attempt": ATTEMPT}}}]}],
}


def site(**asked: str) -> ClusterSite:
    return replace(SITE, operators=Operators(**asked))


def pods(spec: Spec, context: LaunchContext, kind: str, container: str = "main") -> dict[str, Any]:
    """The template that the cluster's own kinds have, relabelled."""
    made: dict[str, Any] = copy.deepcopy(manifests_of(spec, context, SITE).main["spec"]["template"])
    made["metadata"]["labels"] = labels(kind)
    made["spec"]["containers"][0]["name"] = container
    for name in ("subdomain", "restartPolicy"):
        made["spec"].pop(name, None)
    return made


def with_values(template: dict[str, Any], **values: str) -> dict[str, Any]:
    for each in (*template["spec"]["initContainers"], *template["spec"]["containers"]):
        each["env"] = [variable for variable in each["env"] if variable["name"] not in values]
        each["env"] += [{"name": name, "value": value} for name, value in values.items()]
    return template


def policy(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata(kind), "spec": spec}


def secret(made: Manifests, kind: str) -> dict[str, Any]:
    first = made.rest[0]
    assert (first["kind"], first["metadata"]) == ("Secret", metadata(kind))
    return first


def test_a_gang_under_mpi_is_a_launcher_and_its_workers() -> None:
    spec = job(command=("mpirun", "python", "train.py"), image="ghcr.io/acme/mpi:1", resources=GPUS)
    launcher = with_values(pods(spec, GANG, "mpi"), BEDPLATE_RANK="0")
    launcher["spec"].pop("topologySpreadConstraints")
    for each in (*launcher["spec"]["initContainers"], *launcher["spec"]["containers"]):
        each["resources"] = {
            "requests": {"cpu": "500m", "memory": "68719476736"},
            "limits": {"memory": "68719476736"},
        }
    worker = with_values(pods(spec, GANG, "mpi"), BEDPLATE_RANK="0", BEDPLATE_JOB_API_URL="")
    worker["spec"]["containers"][0]["command"] = ["/usr/sbin/sshd", "-De", "-f", "/home/mpiuser/.sshd_config"]
    made = manifests_of(spec, GANG, site(gangs="mpi"))
    assert made.main == {
        "apiVersion": "kubeflow.org/v2beta1",
        "kind": "MPIJob",
        "metadata": metadata("mpi"),
        "spec": {
            "slotsPerWorker": 4,
            "sshAuthMountPath": "/home/mpiuser/.ssh",
            "mpiImplementation": "OpenMPI",
            "launcherCreationPolicy": "WaitForWorkersReady",
            "runPolicy": {
                "cleanPodPolicy": "Running",
                "backoffLimit": 0,
                "ttlSecondsAfterFinished": 604800,
                "suspend": False,
            },
            "mpiReplicaSpecs": {
                "Launcher": {"replicas": 1, "restartPolicy": "Never", "template": launcher},
                "Worker": {"replicas": 2, "restartPolicy": "Never", "template": worker},
            },
        },
    }
    assert made.rest == (secret(made, "mpi"), policy("mpi", POLICY_SPEC))
    assert (made.first, made.needs) == ((), (MPI_JOBS,))


def test_a_gang_under_the_trainer_has_a_runtime_of_its_own() -> None:
    spec = job(resources=GPUS, time_limit_seconds=600)
    node = pods(spec, GANG, "train", "node")
    node["spec"]["restartPolicy"] = "Never"
    made = manifests_of(spec, GANG, site(gangs="train"))
    assert made.main == {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainJob",
        "metadata": metadata("train"),
        "spec": {
            "runtimeRef": {"apiGroup": "trainer.kubeflow.org", "kind": "TrainingRuntime", "name": NAME},
            "trainer": {"numNodes": 2},
            "suspend": False,
            "activeDeadlineSeconds": 4200,
        },
    }
    ancestor = {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}
    runtime = {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainingRuntime",
        "metadata": metadata("train"),
        "spec": {
            "mlPolicy": {"numNodes": 2, "torch": {"numProcPerNode": 4}},
            "template": {
                "metadata": {"labels": labels("train")},
                "spec": {
                    "network": {"enableDNSHostnames": True, "publishNotReadyAddresses": True},
                    "failurePolicy": {"maxRestarts": 0},
                    "replicatedJobs": [
                        {
                            "name": "node",
                            "replicas": 1,
                            "template": {
                                "metadata": {"labels": {**labels("train"), **ancestor}},
                                "spec": {
                                    "completionMode": "Indexed",
                                    "completions": 2,
                                    "parallelism": 2,
                                    "backoffLimit": 0,
                                    "template": node,
                                },
                            },
                        }
                    ],
                },
            },
        },
    }
    assert made.first == (runtime,)
    assert made.rest == (secret(made, "train"), policy("train", POLICY_SPEC))
    assert made.needs == (TRAIN_JOBS, TRAINING_RUNTIMES)


def test_a_job_on_data_under_ray_brings_its_cluster() -> None:
    spec = job(environment={"BEDPLATE_DATA_RUNNER": "ray"}, command=("python", "-c", "print('a b')"))
    head = with_values(
        pods(spec, GANG, "ray", "ray-head"),
        BEDPLATE_RANK="0",
        BEDPLATE_DATA_RUNNER="ray",
        BEDPLATE_RAY_ADDRESS="127.0.0.1:6379",
    )
    worker = with_values(pods(spec, GANG, "ray", "ray-worker"), BEDPLATE_RANK="0", BEDPLATE_JOB_API_URL="")
    for template in (head, worker):
        template["spec"].pop("topologySpreadConstraints")
        for name in ("command", "terminationMessagePath", "terminationMessagePolicy"):
            template["spec"]["containers"][0].pop(name)
    made = manifests_of(spec, GANG, site(data="ray", gangs="train"))
    assert made.main == {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "metadata": metadata("ray"),
        "spec": {
            "entrypoint": """python -I -S /bedplate/bin/wrapper.py -- python -c 'print('"'"'a b'"'"')'""",
            "submissionMode": "HTTPMode",
            "shutdownAfterJobFinishes": True,
            "ttlSecondsAfterFinished": 0,
            "backoffLimit": 0,
            "suspend": False,
            "rayClusterSpec": {
                "headGroupSpec": {"rayStartParams": {"dashboard-host": "0.0.0.0"}, "template": head},
                "workerGroupSpecs": [
                    {
                        "groupName": "workers",
                        "replicas": 1,
                        "minReplicas": 1,
                        "maxReplicas": 1,
                        "rayStartParams": {},
                        "template": worker,
                    }
                ],
            },
        },
    }
    operator = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app.kubernetes.io/name": "kuberay-operator"}}}
    asked = {"from": [operator], "ports": [{"protocol": "TCP", "port": 8265}]}
    allowed = {**POLICY_SPEC, "ingress": [*POLICY_SPEC["ingress"], asked]}
    assert made.rest == (secret(made, "ray"), policy("ray", allowed))
    assert made.needs == (RAY_JOBS,)


def test_a_served_revision_under_kserve_has_no_autoscaler() -> None:
    context = launch(count=3)
    inside = pods(server(), context, "kserve", "kserve-container")["spec"]
    made = manifests_of(server(), context, site(serving="kserve"))
    assert made.main == {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            **metadata("kserve"),
            "annotations": {
                "serving.kserve.io/deploymentMode": "RawDeployment",
                "serving.kserve.io/autoscalerClass": "none",
            },
        },
        "spec": {
            "predictor": {
                "minReplicas": 3,
                "maxReplicas": 3,
                "labels": labels("kserve"),
                "deploymentStrategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1},
                },
                **inside,
            }
        },
    }
    assert [each["kind"] for each in made.rest] == ["Secret", "PodDisruptionBudget"]
    assert made.needs == (INFERENCE_SERVICES,)


@pytest.mark.parametrize(
    ("spec", "context", "asked", "kind"),
    [
        (job(), GANG, {}, "job"),
        (job(), GANG, {"gangs": "mpi"}, "mpi"),
        (job(), GANG, {"gangs": "train"}, "train"),
        (job(), launch(), {"gangs": "train", "data": "ray", "serving": "kserve"}, "job"),
        (job(environment={"BEDPLATE_DATA_RUNNER": "ray"}), launch(), {"data": "ray"}, "ray"),
        (job(environment={"BEDPLATE_DATA_RUNNER": "ray"}), launch(), {}, "job"),
        (job(environment={"BEDPLATE_DATA_RUNNER": "native"}), launch(), {"data": "ray"}, "job"),
        (server(), launch(), {"gangs": "train", "data": "ray"}, "serving"),
        (server(), launch(), {"serving": "kserve"}, "kserve"),
    ],
)
def test_a_handle_says_whose_kind_it_is(spec: Spec, context: LaunchContext, asked: dict[str, str], kind: str) -> None:
    assert handle_data(spec, context, site(**asked))["kind"] == kind


def test_a_site_may_have_ray_for_all_jobs_on_data() -> None:
    chosen = replace(site(data="ray"), environment={"BEDPLATE_DATA_RUNNER": "ray"})
    assert handle_data(job(), launch(), chosen)["kind"] == "ray"


def test_mpi_needs_an_image_that_has_it() -> None:
    with pytest.raises(LaunchRefused, match="needs an image of its own"):
        manifests_of(job(), GANG, site(gangs="mpi"))


@pytest.mark.parametrize("asked", [{"gangs": "mpi"}, {"gangs": "train"}, {"data": "ray"}, {"serving": "kserve"}])
def test_quantities_are_texts_and_places_are_named(asked: dict[str, str]) -> None:
    environment = {"BEDPLATE_DATA_RUNNER": "ray"} if "data" in asked else {}
    spec: Spec = JobSpec(("a",), GPUS, image="ghcr.io/acme/mpi:1", environment=environment)
    made = manifests_of(server() if "serving" in asked else spec, GANG, site(**asked))
    for manifest in (made.main, *made.first, *made.rest):
        assert list(numbers_where_quantities_go(manifest)) == []
        assert (manifest["metadata"]["name"], manifest["metadata"]["namespace"]) == (NAME, NAMESPACE)
