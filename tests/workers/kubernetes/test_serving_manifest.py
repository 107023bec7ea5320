"""The whole of a served revision of three replicas, as it is sent to a cluster."""

from __future__ import annotations

import base64
from typing import Any

from tests.workers.kubernetes.cases import CONFINED, SITE, labels, launch, metadata, server
from workers.backends.kubernetes.manifests import manifests_of

LABELS, METADATA = labels("serving"), metadata("serving")
SPEC = (
    '{"kind": "serving", "command": ["python", "-m", "serve"], "resources": {"cpu_millis": 1000, "memory_bytes": '
    '1073741824, "gpus": 0, "flavor": ""}, "image": "", "inputs": [], "parameters": {}, "files": {}, "environment": '
    '{}, "secrets": [], "health_path": "/readyz", "start_timeout_seconds": 90}'
)
ENVIRONMENT: list[dict[str, Any]] = [
    {"name": "LANG", "value": "C.UTF-8"},
    {"name": "HOME", "value": "/bedplate/work"},
    {"name": "TMPDIR", "value": "/tmp"},
    {"name": "USER", "value": "bedplate"},
    {"name": "LOGNAME", "value": "bedplate"},
    {"name": "PYTHONUNBUFFERED", "value": "1"},
    {"name": "DO_NOT_TRACK", "value": "1"},
    {"name": "OMP_NUM_THREADS", "value": "1"},
    {"name": "PYTHONPATH", "value": "/opt/bedplate/app"},
    {"name": "CUDA_VISIBLE_DEVICES", "value": ""},
    {"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"},
    {"name": "BEDPLATE_JOB_API_URL", "value": "http://bedplate.example.com:8000"},
    {"name": "BEDPLATE_WORKLOAD_ID", "value": "0193f000-1111-7000-8000-000000000001"},
    {"name": "BEDPLATE_ATTEMPT_ID", "value": "0193f000-2222-7000-8000-000000000001"},
    {"name": "BEDPLATE_ATTEMPT_NUMBER", "value": "3"},
    {"name": "BEDPLATE_WORLD_SIZE", "value": "3"},
    {"name": "BEDPLATE_TOKEN_FILE", "value": "/bedplate/run/token"},
    {"name": "BEDPLATE_SPEC_FILE", "value": "/bedplate/run/spec.json"},
    {"name": "BEDPLATE_SECRETS_DIR", "value": "/bedplate/run/secrets"},
    {"name": "BEDPLATE_RESULT_FILE", "value": "/bedplate/state/result.json"},
    {"name": "BEDPLATE_REPORT_FILE", "value": "/dev/termination-log"},
    {"name": "BEDPLATE_SERVE_PORT", "value": "8080"},
    {"name": "BEDPLATE_POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
    {"name": "BEDPLATE_SERVE_HOST", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
]

MAIN: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": METADATA,
    "spec": {
        "replicas": 3,
        "revisionHistoryLimit": 0,
        "progressDeadlineSeconds": 690,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
        "selector": {"matchLabels": {"bedplate.io/attempt": "0193f000-2222-7000-8000-000000000001"}},
        "template": {
            "metadata": {"labels": LABELS},
            "spec": {
                "serviceAccountName": "bedplate-job",
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "terminationGracePeriodSeconds": 35,
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
                            "requests": {"cpu": "1000m", "memory": "1073741824"},
                            "limits": {"memory": "1073741824"},
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
                        "image": "registry.example.com/bedplate-runtime:1.0",
                        "command": [
                            "python",
                            "-I",
                            "-S",
                            "/bedplate/bin/wrapper.py",
                            "--last-words-seconds",
                            "1",
                            "--replica",
                            "--",
                            "python",
                            "-m",
                            "serve",
                        ],
                        "workingDir": "/bedplate/work",
                        "env": ENVIRONMENT,
                        "resources": {
                            "requests": {"cpu": "1000m", "memory": "1073741824"},
                            "limits": {"memory": "1073741824"},
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
                        "ports": [{"name": "http", "containerPort": 8080}],
                        "startupProbe": {
                            "httpGet": {"path": "/readyz", "port": "http"},
                            "periodSeconds": 1,
                            "timeoutSeconds": 1,
                            "failureThreshold": 90,
                        },
                        "readinessProbe": {
                            "httpGet": {"path": "/readyz", "port": "http"},
                            "periodSeconds": 2,
                            "timeoutSeconds": 2,
                            "failureThreshold": 3,
                        },
                        "livenessProbe": {
                            "httpGet": {"path": "/livez", "port": "http"},
                            "periodSeconds": 10,
                            "timeoutSeconds": 5,
                            "failureThreshold": 6,
                        },
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
                    {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "536870912"}},
                ],
                "priorityClassName": "bedplate",
                "affinity": {
                    "nodeAffinity": {
                        "preferredDuringSchedulingIgnoredDuringExecution": [
                            {
                                "weight": 100,
                                "preference": {
                                    "matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]
                                },
                            },
                            {
                                "weight": 100,
                                "preference": {
                                    "matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n2"]}]
                                },
                            },
                        ]
                    }
                },
                "topologySpreadConstraints": [
                    {
                        "maxSkew": 1,
                        "topologyKey": "kubernetes.io/hostname",
                        "whenUnsatisfiable": "ScheduleAnyway",
                        "labelSelector": {
                            "matchLabels": {"bedplate.io/attempt": "0193f000-2222-7000-8000-000000000001"}
                        },
                    },
                    {
                        "maxSkew": 1,
                        "topologyKey": "topology.kubernetes.io/zone",
                        "whenUnsatisfiable": "ScheduleAnyway",
                        "labelSelector": {
                            "matchLabels": {"bedplate.io/attempt": "0193f000-2222-7000-8000-000000000001"}
                        },
                    },
                ],
                "restartPolicy": "Always",
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
        "selector": {"bedplate.io/attempt": "0193f000-2222-7000-8000-000000000001"},
        "ports": [{"name": "http", "port": 8080, "targetPort": "http", "protocol": "TCP"}],
    },
}

BUDGET = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": METADATA,
    "spec": {
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": {"bedplate.io/attempt": "0193f000-2222-7000-8000-000000000001"}},
    },
}


def test_a_server_is_a_deployment_with_a_service_and_a_budget() -> None:
    made = manifests_of(server(start_timeout_seconds=90), launch(count=3, nodes=("n1", "n2", "n1")), SITE)
    assert made.main == MAIN
    assert made.rest == (SECRET, SERVICE, BUDGET)
    assert (made.namespace, made.name) == (METADATA["namespace"], METADATA["name"])


def test_of_a_foreign_image_it_is_only_known_that_it_listens() -> None:
    made = manifests_of(server(image="ghcr.io/acme/tgi:1"), launch(count=1), SITE).main
    main = made["spec"]["template"]["spec"]["containers"][0]
    assert main["livenessProbe"] == {"tcpSocket": {"port": "http"}, "periodSeconds": 10, "timeoutSeconds": 5}
