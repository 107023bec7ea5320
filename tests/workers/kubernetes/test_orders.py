"""What an attempt is besides what it was made as: owned, stopped, resized, stopped before it was made."""

from __future__ import annotations

import pytest

from tests.workers.kubernetes.cases import (
    ATTEMPT,
    CONFINED,
    NAME,
    NAMESPACE,
    RUNTIME,
    SITE,
    WORKLOAD,
    job,
    launch,
    server,
)
from workers.backends.base import LaunchRefused
from workers.backends.kubernetes import orders
from workers.backends.kubernetes.manifests import handle_data, manifests_of, never_started, owned_by

HANDLE = {"attempt_id": ATTEMPT, "workload_id": WORKLOAD, "namespace": NAMESPACE, "kind": "job"}
LABELS = {
    "app.kubernetes.io/managed-by": "bedplate",
    "bedplate.io/installation": "0193f000-0000-7000-8000-000000000001",
    "bedplate.io/attempt": "0193f000-2222-7000-8000-000000000001",
    "bedplate.io/workload": "0193f000-1111-7000-8000-000000000001",
    "bedplate.io/kind": "job",
}
IDENTITY = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "runAsGroup": 10001,
    "fsGroup": 10001,
    "fsGroupChangePolicy": "OnRootMismatch",
    "seccompProfile": {"type": "RuntimeDefault"},
}


def test_a_handle_finds_the_objects() -> None:
    assert handle_data(job(), launch(), SITE) == HANDLE
    assert handle_data(server(), launch(), SITE) == {**HANDLE, "kind": "serving"}
    with pytest.raises(LaunchRefused, match="cannot name a job"):
        handle_data(job(), launch(attempt_id=""), SITE)


def test_what_belongs_to_a_job_goes_with_it() -> None:
    made = manifests_of(job(), launch(), SITE)
    answer = {**made.main, "metadata": {**made.main["metadata"], "uid": "u1", "resourceVersion": "7"}}
    owned = owned_by(made.rest[0], answer)
    assert owned["metadata"].pop("ownerReferences") == [
        {"apiVersion": "batch/v1", "kind": "Job", "name": NAME, "uid": "u1"}
    ]
    assert owned == made.rest[0]
    assert "ownerReferences" not in made.rest[0]["metadata"]


def test_orders_are_small_patches() -> None:
    assert orders.stopped("job") == {
        "metadata": {"annotations": {"bedplate.io/stop": "true"}},
        "spec": {"suspend": True},
    }
    assert orders.stopped("serving", "2026-01-01T00:00:00Z") == {
        "metadata": {"annotations": {"bedplate.io/stop": "2026-01-01T00:00:00Z"}},
        "spec": {"replicas": 0},
    }
    assert orders.resized("serving", 4) == {
        "metadata": {"annotations": {"bedplate.io/replicas": "4"}},
        "spec": {"replicas": 4},
    }


def test_a_job_that_shall_never_start_stands_in_its_place() -> None:
    assert never_started(HANDLE, SITE) == {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": NAME,
            "namespace": NAMESPACE,
            "labels": LABELS,
            "annotations": {"bedplate.io/never": "true", "bedplate.io/stop": "true"},
        },
        "spec": {
            "suspend": True,
            "completionMode": "Indexed",
            "completions": 1,
            "parallelism": 1,
            "template": {
                "metadata": {"labels": LABELS},
                "spec": {
                    "securityContext": IDENTITY,
                    "containers": [
                        {"name": "main", "image": RUNTIME, "command": ["false"], "securityContext": CONFINED}
                    ],
                    "restartPolicy": "Never",
                },
            },
        },
    }


def test_a_server_that_shall_never_start_stands_in_its_place() -> None:
    made = never_started({**HANDLE, "kind": "serving"}, SITE)
    assert (made["apiVersion"], made["kind"], made["metadata"]["name"]) == ("apps/v1", "Deployment", NAME)
    assert made["spec"]["replicas"] == 0
    assert made["spec"]["selector"] == {"matchLabels": {"bedplate.io/attempt": ATTEMPT}}
    assert made["spec"]["template"]["metadata"]["labels"] == {**LABELS, "bedplate.io/kind": "serving"}


@pytest.mark.parametrize("missing", list(HANDLE))
def test_an_incomplete_handle_names_no_place(missing: str) -> None:
    handle = {name: text for name, text in HANDLE.items() if name != missing}
    with pytest.raises(LaunchRefused, match=f"does not say its {missing}"):
        never_started(handle, SITE)


def test_a_limit_beyond_all_time_is_the_longest_that_there_is() -> None:
    made = manifests_of(job(time_limit_seconds=2**40), launch(), SITE).main
    assert made["spec"]["activeDeadlineSeconds"] == 2**31 - 1
    assert "activeDeadlineSeconds" not in manifests_of(job(), launch(), SITE).main["spec"]
