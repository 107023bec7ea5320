"""Kubernetes clusters over REST: added, changed, checked, removed; credentials go in and never out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.access.models import User
from apps.common import queues
from apps.common.models import IdempotencyKey
from apps.quotas.models import Cluster, ResourcePool
from apps.quotas.services.cluster_credentials import credentials_open
from apps.quotas.services.clusters import Checked, cluster_checked
from tests.support.factories.access import UserFactory
from tests.support.factories.quotas import ClusterFactory, WorkloadFactory, make_pool, make_queue
from tests.support.jobs import sent
from tests.support.kubeconfigs import CERTIFICATE, SERVER, TOKEN, kubeconfig_text
from tests.support.stack import ROOT
from workers.contracts import kubeconfig

__all__ = ["sent"]
pytestmark = pytest.mark.django_db
API = "/api/v1"
BY_TOKEN = {"kind": "token", "server": SERVER, "ca_pem": CERTIFICATE, "token": TOKEN}


@pytest.fixture
def root() -> User:
    made: User = UserFactory.create(is_superuser=True)
    return made


@pytest.fixture
def client(root: User) -> APIClient:
    made = APIClient()
    made.force_authenticate(root)
    return made


def _add(client: APIClient, **body: Any) -> Any:
    return client.post(f"{API}/clusters", {"name": "gpu", **body}, format="json")


@pytest.mark.parametrize(
    ("body", "server"),
    [
        (BY_TOKEN, SERVER),
        ({"kind": "kubeconfig", "kubeconfig": kubeconfig_text()}, SERVER),
        ({"kind": "in_cluster"}, ""),
    ],
    ids=["token", "kubeconfig", "in_cluster"],
)
def test_a_cluster_is_added_and_no_answer_holds_its_credentials(
    client: APIClient, body: dict[str, Any], server: str, sent: Any
) -> None:
    answer = _add(client, **body, options={"image_policy": ["ghcr.io/acme"]})
    assert answer.status_code == 201, answer.content
    told = answer.json()
    pool = ResourcePool.objects.get()
    assert (told["name"], told["kind"], told["server"], told["pool"]) == ("gpu", body["kind"], server, str(pool.pk))
    assert (told["healthy"], told["checked_at"], told["problems"]) == (False, None, [])
    assert told["options"] == {"image_policy": ["ghcr.io/acme"]}
    assert sent == [(queues.CLUSTER_CHECK, told["id"])]
    one, rows = client.get(f"{API}/clusters/{told['id']}"), client.get(f"{API}/clusters")
    assert one.json() == told == rows.json()["results"][0]
    for said in (answer, one, rows):
        assert TOKEN not in said.content.decode()
        assert not {"token", "kubeconfig", "ciphertext", "nonce"} & set(told)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "kubeconfig", "kubeconfig": "a: [b"}, "kubeconfig"),
        ({"kind": "kubeconfig", "kubeconfig": kubeconfig_text(user={"exec": {"command": "aws"}})}, "kubeconfig"),
        ({"kind": "kubeconfig", "kubeconfig": kubeconfig_text(user={"tokenFile": "/etc/shadow"})}, "kubeconfig"),
        ({"kind": "kubeconfig"}, "kubeconfig"),
        ({"kind": "kubeconfig", "kubeconfig": 5 * ["x"]}, "kubeconfig"),
        ({"kind": "token", "server": SERVER}, "token"),
        ({"kind": "telnet"}, "kind"),
        ({}, "kind"),
        ({**BY_TOKEN, "name": "No Name"}, "name"),
        ({**BY_TOKEN, "name": "a" * 41}, "name"),
        ({**BY_TOKEN, "namespace_prefix": "-"}, "namespace_prefix"),
        ({**BY_TOKEN, "requests_per_second": 0}, "requests_per_second"),
        ({**BY_TOKEN, "options": {"flavors": {"H200": {"resource": "a b"}}}}, "options.flavors.H200.resource"),
        ({**BY_TOKEN, "options": "none"}, "options"),
    ],
)
def test_what_cannot_be_is_refused_at_once_by_name(client: APIClient, body: dict[str, Any], field: str) -> None:
    answer = _add(client, **body)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert list(answer.json()["fields"]) == [field]
    assert TOKEN not in answer.content.decode()
    assert Cluster.objects.count() == 0


def test_why_a_kubeconfig_is_refused_has_a_code_that_every_language_knows(client: APIClient) -> None:
    answer = _add(client, kind="kubeconfig", kubeconfig=kubeconfig_text(user={"exec": {"command": "aws"}}))
    assert answer.json()["code"] == "credentials_exec_plugin"
    said = re.findall(r'KubeconfigRefused\(\s*"(\w+)"', Path(kubeconfig.__file__).read_text())
    for language in ("en", "zh"):
        known = json.loads((ROOT / f"frontend/src/locale/common.{language}.json").read_text())["problem"]
        assert {f"credentials_{code}" for code in said} - set(known) == set()


def test_a_name_that_is_taken(client: APIClient) -> None:
    make_pool()
    assert _add(client, **BY_TOKEN).status_code == 201
    for name, said in (("gpu", "There is a cluster gpu already."), ("local", "There is a pool local already")):
        answer = client.post(f"{API}/clusters", {"name": name, **BY_TOKEN}, format="json")
        assert (answer.status_code, answer.json()["detail"].startswith(said)) == (409, True)


def test_a_request_that_is_repeated_adds_one(client: APIClient) -> None:
    key = {"HTTP_IDEMPOTENCY_KEY": "once"}
    first, again = (client.post(f"{API}/clusters", {"name": "gpu", **BY_TOKEN}, format="json", **key) for _ in "12")
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert TOKEN not in str(IdempotencyKey.objects.values().get())


def test_a_change_and_other_credentials(client: APIClient, sent: Any) -> None:
    told = _add(client, **BY_TOKEN).json()
    path = f"{API}/clusters/{told['id']}"
    cluster_checked(Cluster.objects.get().pk, Checked(True, "v1.36.2"), revision=1)
    changed = client.patch(path, {"makes_namespaces": False}, format="json").json()
    assert (changed["makes_namespaces"], changed["healthy"], changed["version"]) == (False, False, "v1.36.2")
    moved = client.patch(path, {"kind": "token", "server": "https://10.7.7.7", "token": "new"}, format="json").json()
    assert (moved["server"], moved["ca_pem"]) == ("https://10.7.7.7", "")
    assert credentials_open(Cluster.objects.get()) == "new"
    for alone, field in (
        ({"server": "https://10.6.6.6"}, "kind"),
        ({"token": "x"}, "kind"),
        ({"kind": "token"}, "server"),
    ):
        answer = client.patch(path, alone, format="json")
        assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])
    assert Cluster.objects.get().server == "https://10.7.7.7", "no stored token goes to another server"


def test_a_check_is_asked_for_and_says_what_is_missing(client: APIClient, sent: Any) -> None:
    cluster = ClusterFactory.create()
    answer = client.post(f"{API}/clusters/{cluster.pk}/check")
    assert (answer.status_code, sent) == (202, [(queues.CLUSTER_CHECK, str(cluster.pk))])
    problem = {
        "code": "missing_permission",
        "detail": "It may not create jobs.",
        "params": {"verb": "create"},
        "blocking": True,
    }
    cluster_checked(cluster.pk, Checked(False, "v1.36.2", [problem]), revision=1)
    assert client.get(f"{API}/clusters/{cluster.pk}").json()["problems"] == [problem]
    pool = client.get(f"{API}/pools/{cluster.pool.pk}").json()
    assert pool["cluster"]["problems"] == [problem]
    assert (pool["cluster"]["id"], pool["cluster"]["healthy"]) == (str(cluster.pk), False)
    assert client.get(f"{API}/pools/{make_pool().pk}").json()["cluster"] is None


def test_a_cluster_with_work_stays(client: APIClient) -> None:
    cluster = ClusterFactory.create()
    workload = WorkloadFactory.create(queue=make_queue(cluster.pool), state="running")
    answer = client.delete(f"{API}/clusters/{cluster.pk}")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    type(workload).objects.filter(pk=workload.pk).update(state="succeeded", count_granted=0)
    assert client.delete(f"{API}/clusters/{cluster.pk}").status_code == 204
    assert ResourcePool.objects.get().backend == "removed"


def test_clusters_of_pools_of_another_organisation_are_not_seen() -> None:
    cluster = ClusterFactory.create()
    ResourcePool.objects.filter(cluster=cluster).update(organisation=UserFactory.create().organisation)
    stranger = APIClient()
    stranger.force_authenticate(UserFactory.create())
    assert stranger.get(f"{API}/clusters").json()["results"] == []
    for call in (stranger.get, stranger.patch, stranger.delete):
        assert call(f"{API}/clusters/{cluster.pk}").status_code == 404
