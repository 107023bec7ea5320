"""Fresh servers, and the official client that talks to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import yaml
from kubernetes import client, config

from tests.support.kubernetes.server import KubernetesServer
from tests.support.kubernetes.store import Object


@dataclass
class Clients:
    """The official client's groups, for one account."""

    api: client.ApiClient
    core: client.CoreV1Api
    batch: client.BatchV1Api
    apps: client.AppsV1Api


def clients(kubeconfig: str) -> Clients:
    settings = client.Configuration()
    settings.retries = False
    config.load_kube_config_from_dict(yaml.safe_load(kubeconfig), client_configuration=settings)
    api = client.ApiClient(settings)
    return Clients(api, client.CoreV1Api(api), client.BatchV1Api(api), client.AppsV1Api(api))


@pytest.fixture
def cluster() -> Iterator[KubernetesServer]:
    with KubernetesServer() as server:
        yield server


@pytest.fixture
def official(cluster: KubernetesServer) -> Iterator[Clients]:
    made = clients(cluster.kubeconfig())
    yield made
    made.api.rest_client.pool_manager.clear()


def job(name: str = "train", count: int = 1, **spec: object) -> Object:
    """A Job whose containers do what plans say."""
    container = {"name": "main", "image": "example.com/app:1", "resources": {"requests": {"cpu": "1"}}}
    pod = {"restartPolicy": "Never", "containers": [container]}
    given = {"completionMode": "Indexed", "completions": count, "parallelism": count, "backoffLimit": 0, **spec}
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": template, **given},
    }
