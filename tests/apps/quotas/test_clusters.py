"""Clusters: added with a pool, changed, checked, removed; their credentials are shown to nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.serializers import serialize
from django.db import IntegrityError, transaction

from apps.common import queues
from apps.common.audit import Actor
from apps.common.errors import Conflict, Invalid, NotFound
from apps.common.models import AuditEvent, Event
from apps.quotas.models import Cluster, Node, NodeIncident, ResourcePool
from apps.quotas.models.pool import REMOVED
from apps.quotas.services.cluster_credentials import Credentials, credentials_open
from apps.quotas.services.clusters import (
    Checked,
    cluster_change,
    cluster_check_request,
    cluster_checked,
    cluster_create,
    cluster_delete,
)
from apps.quotas.services.quotas import quota_set
from tests.support.factories.access import UserFactory
from tests.support.factories.quotas import ClusterFactory, NodeFactory, NodeIncidentFactory, WorkloadFactory, make_queue
from tests.support.jobs import Sent
from tests.support.kubeconfigs import CERTIFICATE, SERVER, TOKEN, kubeconfig_text

pytestmark = pytest.mark.django_db
ACTOR = Actor.system("test")
BY_TOKEN = Credentials("token", server=SERVER, ca_pem=CERTIFICATE, token=TOKEN)


def _by_kubeconfig(**changes: Any) -> Credentials:
    return Credentials("kubeconfig", kubeconfig=kubeconfig_text(**changes))


def test_a_cluster_is_added_with_its_pool(sent: Sent) -> None:
    cluster = cluster_create(name="gpu", credentials=_by_kubeconfig(), actor=ACTOR, namespace_prefix="ai")
    assert (cluster.kind, cluster.server, cluster.ca_pem) == ("kubeconfig", SERVER, CERTIFICATE)
    assert (cluster.healthy, cluster.checked_at, cluster.namespace_prefix) == (False, None, "ai")
    pool = ResourcePool.objects.get(cluster=cluster)
    assert (pool.name, pool.backend) == ("gpu", "kubernetes/gpu")
    assert sent == [(queues.CLUSTER_CHECK, str(cluster.pk))]
    assert Event.objects.filter(kind="cluster.created", subject=f"cluster.{cluster.pk}").count() == 1


def test_credentials_are_kept_encrypted_and_told_nowhere() -> None:
    for credentials in (_by_kubeconfig(), BY_TOKEN):
        cluster = cluster_create(name=credentials.kind, credentials=credentials, actor=ACTOR)
        cluster_change(cluster=cluster, credentials=credentials, actor=ACTOR)
    stored = serialize("json", Cluster.objects.all())
    told = json.dumps([*AuditEvent.objects.values_list("detail", flat=True), *Event.objects.values_list("payload")])
    assert TOKEN not in stored + told + repr(_by_kubeconfig()) + repr(BY_TOKEN)
    assert [TOKEN in credentials_open(cluster) for cluster in Cluster.objects.all()] == [True, True]


def test_in_the_cluster_nothing_is_kept() -> None:
    cluster = cluster_create(name="here", credentials=Credentials("in_cluster"), actor=ACTOR)
    assert (cluster.key_id, cluster.server, credentials_open(cluster), cluster.credentials_at) == ("", "", "", None)


@pytest.mark.parametrize(
    ("credentials", "field"),
    [
        (Credentials("ssh"), "kind"),
        (Credentials("kubeconfig"), "kubeconfig"),
        (Credentials("kubeconfig", kubeconfig="a: [b"), "kubeconfig"),
        (Credentials("kubeconfig", kubeconfig="just words"), "kubeconfig"),
        (Credentials("kubeconfig", kubeconfig="[" * 5000), "kubeconfig"),
        (Credentials("kubeconfig", kubeconfig="a: !!python/object/apply:os.getcwd []"), "kubeconfig"),
        (Credentials("kubeconfig", kubeconfig="#" * 65_537), "kubeconfig"),
        (_by_kubeconfig(user={"exec": {"command": "aws"}}), "kubeconfig"),
        (Credentials("kubeconfig", kubeconfig=kubeconfig_text(), token=TOKEN), "token"),
        (Credentials("in_cluster", server=SERVER), "server"),
        (Credentials("token", server=SERVER), "token"),
        (Credentials("token", token=TOKEN), "server"),
        (Credentials("token", server="10.1.2.3", token=TOKEN), "server"),
        (Credentials("token", server=SERVER, ca_pem="hello", token=TOKEN), "ca_pem"),
        (Credentials("token", server=SERVER, token="a b"), "token"),
    ],
)
def test_credentials_that_cannot_be_used_are_refused_at_once(credentials: Credentials, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        cluster_create(name="gpu", credentials=credentials, actor=ACTOR)
    assert list(refused.value.fields) == [field]
    assert TOKEN not in refused.value.detail
    assert (Cluster.objects.count(), ResourcePool.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"name": "Capital"}, "name"),
        ({"name": "a" * 41}, "name"),
        ({"name": "-a"}, "name"),
        ({"namespace_prefix": "With Spaces"}, "namespace_prefix"),
        ({"namespace_prefix": "a" * 21}, "namespace_prefix"),
        ({"requests_per_second": 0}, "requests_per_second"),
        ({"requests_per_second": 1001}, "requests_per_second"),
        ({"job_api_url": "bedplate-web:8000"}, "job_api_url"),
        ({"runtime_image": "an image"}, "runtime_image"),
        ({"options": {"fargate": True}}, "options.fargate"),
        ({"options": []}, "options"),
    ],
)
def test_settings_without_sense_are_refused(wanted: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        cluster_create(**{"name": "gpu", **wanted}, credentials=BY_TOKEN, actor=ACTOR)
    assert list(refused.value.fields) == [field]
    assert Cluster.objects.count() == 0


def test_a_name_is_taken_once() -> None:
    cluster_create(name="gpu", credentials=BY_TOKEN, actor=ACTOR)
    with pytest.raises(Conflict, match="a cluster gpu"):
        cluster_create(name="gpu", credentials=BY_TOKEN, actor=ACTOR)
    ResourcePool.objects.create(name="local", backend="local")
    with pytest.raises(Conflict, match="a pool local already, run by the backend local"), transaction.atomic():
        cluster_create(name="local", credentials=BY_TOKEN, actor=ACTOR)
    assert Cluster.objects.count() == 1


def test_a_change_is_audited_before_and_after_and_asks_for_a_check(sent: Sent) -> None:
    cluster = cluster_create(name="gpu", credentials=BY_TOKEN, actor=ACTOR)
    assert cluster_checked(cluster.pk, Checked(True, "v1.36.2"), revision=1)
    sent.take()
    changed = cluster_change(cluster=cluster, requests_per_second=20, actor=ACTOR)
    assert (changed.revision, changed.healthy, changed.checked_at, changed.version) == (2, False, None, "v1.36.2")
    assert sent.take() == [(queues.CLUSTER_CHECK, str(cluster.pk))]
    [told] = AuditEvent.objects.filter(action="cluster.changed")
    assert told.detail == {"before": {"requests_per_second": 50}, "after": {"requests_per_second": 20}}
    cluster_change(cluster=cluster, requests_per_second=20, actor=ACTOR)
    assert (AuditEvent.objects.filter(action="cluster.changed").count(), sent) == (1, []), "no change, no news"


def test_other_credentials_take_the_place_of_those_before(sent: Sent) -> None:
    cluster = cluster_create(name="gpu", credentials=BY_TOKEN, actor=ACTOR)
    other = Credentials("token", server="https://10.7.7.7:6443", token="another")
    changed = cluster_change(cluster=cluster, credentials=other, actor=ACTOR)
    assert (changed.server, changed.ca_pem, credentials_open(changed)) == ("https://10.7.7.7:6443", "", "another")
    [told] = AuditEvent.objects.filter(action="cluster.changed")
    assert told.detail["after"] == {"server": "https://10.7.7.7:6443", "ca_pem": ""}
    assert AuditEvent.objects.filter(action="cluster.credentials_replaced").count() == 1
    same = cluster_change(cluster=cluster, credentials=other, actor=ACTOR)
    assert same.revision == 3, "a token that was given anew is used, also if nothing else changed"


def test_stored_credentials_open_in_their_own_row_only() -> None:
    one = cluster_create(name="one", credentials=BY_TOKEN, actor=ACTOR)
    two = cluster_create(name="two", credentials=BY_TOKEN, actor=ACTOR)
    two.nonce, two.ciphertext = one.nonce, one.ciphertext
    with pytest.raises(Exception, match="does not open what was stored"):
        credentials_open(two)


def test_a_check_is_applied_unless_the_cluster_was_changed_meanwhile(sent: Sent) -> None:
    cluster = cluster_create(name="gpu", credentials=BY_TOKEN, actor=ACTOR)
    problem = {
        "code": "missing_permission",
        "detail": "Jobs cannot be created.",
        "params": {"verb": "create"},
        "blocking": True,
    }
    assert cluster_checked(cluster.pk, Checked(False, "v1.36.2", [problem]), revision=1)
    seen = Cluster.objects.get()
    assert (seen.healthy, seen.healthy_at, seen.version, seen.problems) == (False, None, "v1.36.2", [problem])
    assert seen.checked_at is not None
    cluster_change(cluster=cluster, makes_namespaces=False, actor=ACTOR)
    assert not cluster_checked(cluster.pk, Checked(True), revision=1)
    assert Cluster.objects.get().checked_at is None
    assert cluster_checked(cluster.pk, Checked(True), revision=2)
    assert Cluster.objects.get().healthy_at is not None
    events = Event.objects.filter(subject=f"cluster.{cluster.pk}").order_by("id").values_list("kind", flat=True)
    assert list(events) == ["cluster.created", "cluster.checked", "cluster.changed", "cluster.checked"]


def test_a_check_can_be_asked_for(sent: Sent) -> None:
    cluster = ClusterFactory.create()
    cluster_check_request(cluster)
    assert sent == [(queues.CLUSTER_CHECK, str(cluster.pk))]


@pytest.mark.parametrize("state", ["pending", "admitted", "launching", "running", "stopping"])
def test_a_cluster_with_work_stays(state: str) -> None:
    cluster = ClusterFactory.create()
    WorkloadFactory.create(queue=make_queue(cluster.pool), state=state)
    with pytest.raises(Conflict, match="1 workloads run or wait on cluster-"):
        cluster_delete(cluster=cluster, actor=ACTOR)
    assert Cluster.objects.filter(pk=cluster.pk).exists()


def test_a_removed_cluster_leaves_the_past_of_its_pool() -> None:
    cluster = cluster_create(name="gpu", credentials=BY_TOKEN, actor=ACTOR)
    pool = ResourcePool.objects.get(cluster=cluster)
    NodeIncidentFactory.create(node=NodeFactory.create(pool=pool))
    WorkloadFactory.create(queue=make_queue(pool), state="succeeded")
    cluster_delete(cluster=cluster, actor=ACTOR)
    pool.refresh_from_db()
    assert (pool.backend, pool.cluster) == (REMOVED, None)
    assert (Cluster.objects.count(), Node.objects.count(), NodeIncident.objects.count()) == (0, 0, 0)
    with pytest.raises(NotFound):
        cluster_delete(cluster=cluster, actor=ACTOR)
    again = cluster_create(name="gpu", credentials=BY_TOKEN, actor=ACTOR)
    assert ResourcePool.objects.get(cluster=again).pk == pool.pk


def test_a_pool_without_a_past_goes_with_its_cluster() -> None:
    cluster = cluster_create(name="gpu", credentials=BY_TOKEN, actor=ACTOR)
    NodeFactory.create(pool=cluster.pool)
    cluster_delete(cluster=cluster, actor=ACTOR)
    assert ResourcePool.objects.count() == 0
    assert AuditEvent.objects.filter(action="cluster.deleted").get().detail["before"]["server"] == SERVER


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "token", "server": SERVER},
        {"kind": "in_cluster", "key_id": "k1"},
        {"kind": "ssh"},
        {"name": "No"},
        {"namespace_prefix": ""},
        {"requests_per_second": 0},
        {"healthy": True},
    ],
)
def test_the_database_refuses_what_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ClusterFactory.create(**wrong)


@pytest.mark.parametrize("backend", ["local", "kubernetes/gpu"])
def test_a_pool_of_a_cluster_is_run_by_it(backend: str) -> None:
    cluster = ClusterFactory.create(with_pool=False) if backend == "local" else None
    with pytest.raises(IntegrityError), transaction.atomic():
        ResourcePool.objects.create(name="gpu", backend=backend, cluster=cluster)


def test_who_sees_clusters() -> None:
    user = UserFactory.create()
    shared, own, foreign = (ClusterFactory.create() for _ in range(3))
    ResourcePool.objects.filter(cluster=own).update(organisation=user.organisation)
    ResourcePool.objects.filter(cluster=foreign).update(organisation=UserFactory.create().organisation)
    assert set(Cluster.objects.visible_to(user)) == {shared, own}
    assert Cluster.objects.visible_to(UserFactory.create(is_superuser=True)).count() == 3


def test_other_quotas_are_told_to_the_cluster_behind_a_pool(sent: Sent) -> None:
    """It holds projects to them by a fence of its own, which must not stay lower than they are."""
    cluster = ClusterFactory.create(name="gpu")
    queue = make_queue(cluster.pool)
    sent.take()
    quota_set(queue, "cpu_millis", "", 1000, actor=ACTOR)
    assert sent.take() == [(queues.ADMIT, str(cluster.pool.pk)), (queues.CLUSTER_CHECK, str(cluster.pk))]
