"""The whole of a gang of two with GPUs, in an image of the user's, as it is sent to a cluster."""

from __future__ import annotations

import base64
from typing import Any

from tests.workers.kubernetes.cases import CONFINED, SITE, job, labels, launch, metadata
from workers.backends.kubernetes.manifests import manifests_of
from workers.contracts.specs import Resources

LABELS, METADATA = labels("job"), metadata("job")
SPEC = (
    '{"kind": "job", "command": ["python", "train.py"], "resources": {"cpu_millis": 8000, "memory_bytes": 68719476736, '
    '"gpus": 4, "flavor": "H200"}, "image": "ghcr.io/acme/trainer:2", "inputs": [], "outputs": [], "parameters": {}, '
    '"files": {}, "environment": {}, "secrets": [], "time_limit_seconds": 0}'
)
ENVIRONMENT: list[dict[str, Any]] = [
    {"name": "LANG", "value": "C.UTF-8"},
    {"name": "HOME", "value": "/bedplate/work"},
    {"name": "TMPDIR", "value": "/tmp"},
    {"name": "USER", "value": "bedplate"},
    {"name": "LOGNAME", "value": "bedplate"},
    {"name": "PYTHONUNBUFFERED", "value": "1"},
    {"name": "DO_NOT_TRACK", "value": "1"},
    {"name": "OMP_NUM_THREADS", "value": "8"},
    {"name": "BEDPLATE_JOB_API_URL", "value": "http://bedplate.example.com:8000"},
    {"name": "BEDPLATE_WORKLOAD_ID", "value": "0193f000-1111-7000-8000-000000000001"},
    {"name": "BEDPLATE_ATTEMPT_ID", "value": "0193f000-2222-7000-8000-000000000001"},
    {"name": "BEDPLATE_ATTEMPT_NUMBER", "value": "3"},
    {"name": "BEDPLATE_WORLD_SIZE", "value": "2"},
    {"name": "BEDPLATE_TOKEN_FILE", "value": "/bedplate/run/token"},
    {"name": "BEDPLATE_SPEC_FILE", "value": "/bedplate/run/spec.json"},
    {"name": "BEDPLATE_SECRETS_DIR", "value": "/bedplate/run/secrets"},
    {"name": "BEDPLATE_RESULT_FILE", "value": "/bedplate/state/result.json"},
    {"name": "BEDPLATE_REPORT_FILE", "value": "/dev/termination-log"},
    {
        "name": "MASTER_ADDR",
        "value": "bp-0193f000222270008000000000000001-0.bp-0193f000222270008000000000000001"
        ".bedplate-acme-credit-risk.svc",
    },
    {"name": "MASTER_PORT", "value": "29400"},
    {"name": "BEDPLATE_POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
    {
        "name": "BEDPLATE_RANK",
        "valueFrom": {"fieldRef": {"fieldPath": "metadata.annotations['batch.kubernetes.io/job-completion-index']"}},
    },
]

MAIN: dict[str, Any] = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": METADATA,
    "spec": {
        "completionMode": "Indexed",
        "completions": 2,
        "parallelism": 2,
        "backoffLimit": 0,
        "podFailurePolicy": {
            "rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]
        },
        "podReplacementPolicy": "Failed",
        "ttlSecondsAfterFinished": 604800,
        "template": {
            "metadata": {"labels": LABELS},
            "spec": {
                "serviceAccountName": "bedplate-job",
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "terminationGracePeriodSeconds": 125,
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": 10001,
                    "runAsGroup": 10001,
                    "fsGroup": 10001,
                    "fsGroupChangePolicy": "OnRootMismatch",
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "initContainers": [
                    {
                        "name": "prepare",
                        "image": "registry.example.com/bedplate-runtime:1.0",
                        "command": ["python", "-I", "-S", "/opt/bedplate/app/workers/runtime/prepare.py"],
                        "env": ENVIRONMENT,
                        "resources": {
                            "requests": {"cpu": "8000m", "memory": "68719476736"},
                            "limits": {"memory": "68719476736"},
                        },
                        "volumeMounts": [
                            {"name": "run", "mountPath": "/bedplate/run", "readOnly": True},
                            {"name": "bin", "mountPath": "/bedplate/bin"},
                            {"name": "work", "mountPath": "/bedplate/work"},
                            {"name": "state", "mountPath": "/bedplate/state"},
                            {"name": "tmp", "mountPath": "/tmp"},
                        ],
                        "securityContext": CONFINED,
                        "terminationMessagePolicy": "FallbackToLogsOnError",
                    }
                ],
                "containers": [
                    {
                        "name": "main",
                        "image": "ghcr.io/acme/trainer:2",
                        "command": ["python3", "-I", "-S", "/bedplate/bin/wrapper.py", "--", "python3", "train.py"],
                        "workingDir": "/bedplate/work",
                        "env": ENVIRONMENT,
                        "resources": {
                            "requests": {"cpu": "8000m", "memory": "68719476736", "nvidia.com/gpu": "4"},
                            "limits": {"memory": "68719476736", "nvidia.com/gpu": "4"},
                        },
                        "volumeMounts": [
                            {"name": "run", "mountPath": "/bedplate/run", "readOnly": True},
                            {"name": "bin", "mountPath": "/bedplate/bin", "readOnly": True},
                            {"name": "work", "mountPath": "/bedplate/work"},
                            {"name": "state", "mountPath": "/bedplate/state"},
                            {"name": "tmp", "mountPath": "/tmp"},
                            {"name": "shm", "mountPath": "/dev/shm"},
                        ],
                        "securityContext": CONFINED,
                        "terminationMessagePath": "/dev/termination-log",
                        "terminationMessagePolicy": "File",
                    }
                ],
                "volumes": [
                    {
                        "name": "run",
                        "secret": {
                            "secretName": "bp-0193f000222270008000000000000001",
                            "defaultMode": 256,
                            "items": [{"key": "token", "path": "token"}, {"key": "spec.json", "path": "spec.json"}],
                        },
                    },
                    {"name": "bin", "emptyDir": {"sizeLimit": "16777216"}},
                    {"name": "work", "emptyDir": {"sizeLimit": "53687091200"}},
                    {"name": "state", "emptyDir": {"sizeLimit": "53687091200"}},
                    {"name": "tmp", "emptyDir": {"sizeLimit": "53687091200"}},
                    {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "34359738368"}},
                ],
                "tolerations": [
                    {
                        "key": "team",
                        "operator": "Equal",
                        "value": "risk",
                        "effect": "NoExecute",
                        "tolerationSeconds": 60,
                    },
                    {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
                ],
                "nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-H200"},
                "runtimeClassName": "nvidia",
                "priorityClassName": "bedplate",
                "affinity": {
                    "nodeAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": {
                            "nodeSelectorTerms": [
                                {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]},
                                {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n2"]}]},
                            ]
                        }
                    }
                },
                "topologySpreadConstraints": [
                    {
                        "maxSkew": 1,
                        "topologyKey": "kubernetes.io/hostname",
                        "whenUnsatisfiable": "DoNotSchedule",
                        "labelSelector": {
                            "matchLabels": {"bedplate.io/attempt": "0193f000-2222-7000-8000-000000000001"}
                        },
                    }
                ],
                "restartPolicy": "Never",
                "subdomain": "bp-0193f000222270008000000000000001",
            },
        },
    },
}

SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": METADATA,
    "type": "Opaque",
    "data": {
        "token": "dDBrZW4=",
        "spec.json": base64.b64encode(SPEC.encode()).decode(),
    },
}

SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": METADATA,
    "spec": {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": {"bedplate.io/attempt": "0193f000-2222-7000-8000-000000000001"},
        "ports": [{"name": "rendezvous", "port": 29400, "protocol": "TCP"}],
    },
}

POLICY = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": METADATA,
    "spec": {
        "podSelector": {"matchLabels": {"bedplate.io/attempt": "0193f000-2222-7000-8000-000000000001"}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {
                "from": [
                    {"podSelector": {"matchLabels": {"bedplate.io/attempt": "0193f000-2222-7000-8000-000000000001"}}}
                ]
            }
        ],
        "egress": [
            {"to": [{"podSelector": {"matchLabels": {"bedplate.io/attempt": "0193f000-2222-7000-8000-000000000001"}}}]}
        ],
    },
}


def test_a_gang_also_has_a_service_and_leave_to_connect() -> None:
    resources = Resources(cpu_millis=8000, memory_bytes=64 << 30, gpus=4, flavor="H200")
    spec = job(image="ghcr.io/acme/trainer:2", resources=resources)
    made = manifests_of(spec, launch(count=2, nodes=("n1", "n2"), grace_seconds=120), SITE)
    assert made.main == MAIN
    assert made.rest == (SECRET, SERVICE, POLICY)
    assert (made.namespace, made.name) == (METADATA["namespace"], METADATA["name"])
