"""The whole of a job with one member, without GPUs, as it is sent to a cluster."""

from __future__ import annotations

import base64
import copy
from typing import Any

from tests.workers.kubernetes.cases import CONFINED, SITE, job, labels, launch, metadata
from workers.backends.kubernetes.manifests import Manifests, manifests_of
from workers.contracts.specs import Resources

LABELS, METADATA = labels("job"), metadata("job")
SPEC = (
    '{"kind": "job", "command": ["python", "train.py"], "resources": {"cpu_millis": 2000, "memory_bytes": 4294967296, '
    '"gpus": 0, "flavor": ""}, "image": "", "inputs": [], "outputs": [], "parameters": {}, "files": {"train.py": '
    '"print(1)\\n"}, "environment": {"RATE": "$(HOME) costs $5"}, "secrets": [], "time_limit_seconds": 600}'
)
ENVIRONMENT: list[dict[str, Any]] = [
    {"name": "LANG", "value": "C.UTF-8"},
    {"name": "HOME", "value": "/bedplate/work"},
    {"name": "TMPDIR", "value": "/tmp"},
    {"name": "USER", "value": "bedplate"},
    {"name": "LOGNAME", "value": "bedplate"},
    {"name": "PYTHONUNBUFFERED", "value": "1"},
    {"name": "DO_NOT_TRACK", "value": "1"},
    {"name": "OMP_NUM_THREADS", "value": "2"},
    {"name": "RATE", "value": "$$(HOME) costs $$5"},
    {"name": "PYTHONPATH", "value": "/opt/bedplate/app"},
    {"name": "CUDA_VISIBLE_DEVICES", "value": ""},
    {"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"},
    {"name": "BEDPLATE_JOB_API_URL", "value": "http://bedplate.example.com:8000"},
    {"name": "BEDPLATE_WORKLOAD_ID", "value": "0193f000-1111-7000-8000-000000000001"},
    {"name": "BEDPLATE_ATTEMPT_ID", "value": "0193f000-2222-7000-8000-000000000001"},
    {"name": "BEDPLATE_ATTEMPT_NUMBER", "value": "3"},
    {"name": "BEDPLATE_WORLD_SIZE", "value": "1"},
    {"name": "BEDPLATE_TOKEN_FILE", "value": "/bedplate/run/token"},
    {"name": "BEDPLATE_SPEC_FILE", "value": "/bedplate/run/spec.json"},
    {"name": "BEDPLATE_SECRETS_DIR", "value": "/bedplate/run/secrets"},
    {"name": "BEDPLATE_RESULT_FILE", "value": "/bedplate/state/result.json"},
    {"name": "BEDPLATE_REPORT_FILE", "value": "/dev/termination-log"},
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
        "completions": 1,
        "parallelism": 1,
        "backoffLimit": 0,
        "podFailurePolicy": {
            "rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]
        },
        "podReplacementPolicy": "Failed",
        "ttlSecondsAfterFinished": 604800,
        "activeDeadlineSeconds": 4200,
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
                            "requests": {"cpu": "2000m", "memory": "4294967296"},
                            "limits": {"memory": "4294967296"},
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
                            "--time-limit-seconds",
                            "600",
                            "--",
                            "python",
                            "train.py",
                        ],
                        "workingDir": "/bedplate/work",
                        "env": ENVIRONMENT,
                        "resources": {
                            "requests": {"cpu": "2000m", "memory": "4294967296"},
                            "limits": {"memory": "4294967296"},
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
                            "items": [
                                {"key": "token", "path": "token"},
                                {"key": "spec.json", "path": "spec.json"},
                                {"key": "secret.db.password", "path": "secrets/db.password"},
                            ],
                        },
                    },
                    {"name": "bin", "emptyDir": {"sizeLimit": "16777216"}},
                    {"name": "work", "emptyDir": {"sizeLimit": "53687091200"}},
                    {"name": "state", "emptyDir": {"sizeLimit": "53687091200"}},
                    {"name": "tmp", "emptyDir": {"sizeLimit": "53687091200"}},
                    {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "2147483648"}},
                ],
                "priorityClassName": "bedplate",
                "affinity": {
                    "nodeAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": {
                            "nodeSelectorTerms": [
                                {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}
                            ]
                        }
                    }
                },
                "restartPolicy": "Never",
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
        "secret.db.password": "czNjcmV0",
    },
}


SLICED: dict[str, Any] = copy.deepcopy(MAIN)
"""The same with two slices of a GPU."""
_POD = SLICED["spec"]["template"]["spec"]
_POD["tolerations"] = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
_POD["containers"][0]["resources"] = {
    "requests": {"cpu": "2000m", "memory": "4294967296", "nvidia.com/mig-1g.10gb": "2"},
    "limits": {"memory": "4294967296", "nvidia.com/mig-1g.10gb": "2"},
}
_DEVICES = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES")
for _container in (_POD["initContainers"][0], _POD["containers"][0]):
    _container["env"] = [each for each in ENVIRONMENT if each["name"] not in _DEVICES]

TRAINING: dict[str, Any] = {
    "files": {"train.py": "print(1)\n"},
    "time_limit_seconds": 600,
    "environment": {"RATE": "$(HOME) costs $5"},
}


def test_a_job_of_one_member_is_a_job_and_a_secret() -> None:
    made = manifests_of(job(**TRAINING), launch(secrets={"db.password": b"s3cret"}), SITE)
    assert made.main == MAIN
    assert made == Manifests(METADATA["namespace"], METADATA["name"], MAIN, (SECRET,))


def test_slices_of_a_gpu_are_asked_for_by_their_own_name() -> None:
    resources = Resources(2000, 4 << 30, gpus=2, flavor="mig-1g.10gb")
    made = manifests_of(job(**TRAINING, resources=resources), launch(secrets={"db.password": b"s3cret"}), SITE)
    assert made.main == SLICED
