"""The panel's pages of clusters: superusers write what connects, nobody reads it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.common.models import AuditEvent
from apps.quotas.models import Cluster
from apps.quotas.services.cluster_credentials import credentials_open
from apps.quotas.services.clusters import Checked, cluster_checked
from tests.support.factories.access import UserFactory
from tests.support.factories.quotas import ClusterFactory, WorkloadFactory, make_queue
from tests.support.jobs import sent
from tests.support.kubeconfigs import SERVER, TOKEN, kubeconfig_text

__all__ = ["sent"]
pytestmark = pytest.mark.django_db
PANEL = "/admin/quotas/cluster"
SETTINGS = {
    "namespace_prefix": "bedplate",
    "makes_namespaces": "on",
    "job_api_url": "",
    "runtime_image": "",
    "requests_per_second": "50",
    "options": "{}",
}
BY_TOKEN = {"kind": "token", "server": SERVER, "ca_pem": "", "token": TOKEN, "kubeconfig": "", **SETTINGS}


def browser(**kwargs: Any) -> Client:
    made = Client()
    made.force_login(UserFactory.create(is_staff=True, **kwargs))
    return made


@pytest.fixture
def root() -> Client:
    return browser(is_superuser=True, username="root")


def test_a_cluster_is_added_changed_and_its_token_is_on_no_page(root: Client, sent: Any) -> None:
    assert root.post(f"{PANEL}/add/", {"name": "gpu", **BY_TOKEN}).status_code == 302
    cluster = Cluster.objects.get()
    assert (cluster.server, cluster.pool.backend, credentials_open(cluster)) == (SERVER, "kubernetes/gpu", TOKEN)
    page = f"{PANEL}/{cluster.pk}/change/"
    kept = {**BY_TOKEN, "token": "", "requests_per_second": "9"}
    assert root.post(page, kept).status_code == 302
    changed = Cluster.objects.get()
    assert (changed.requests_per_second, credentials_open(changed)) == (9, TOKEN), "what is left empty stays"
    for where in (f"{PANEL}/", page):
        assert TOKEN not in root.get(where).content.decode()
    assert list(AuditEvent.objects.order_by("id").values_list("action", "actor_name")) == [
        ("cluster.created", "root"),
        ("cluster.changed", "root"),
    ]


def test_a_kubeconfig_by_the_form(root: Client) -> None:
    wanted = {"name": "gpu", "kind": "kubeconfig", "kubeconfig": kubeconfig_text(), "token": "", **SETTINGS}
    assert root.post(f"{PANEL}/add/", wanted).status_code == 302
    assert Cluster.objects.get().server == SERVER


def test_what_the_service_refuses_is_said(root: Client) -> None:
    broken = {"name": "gpu", "kind": "kubeconfig", "kubeconfig": "a: [", "token": "", **SETTINGS}
    answer = root.post(f"{PANEL}/add/", broken, follow=True)
    assert "This is not YAML" in answer.content.decode()
    assert Cluster.objects.count() == 0
    cluster = ClusterFactory.create(kind="token", server=SERVER, key_id="k1")
    moved = {**BY_TOKEN, "server": "https://10.6.6.6", "token": ""}
    answer = root.post(f"{PANEL}/{cluster.pk}/change/", moved, follow=True)
    assert "is needed with the kind token" in answer.content.decode()
    assert Cluster.objects.get().server == SERVER


def test_what_is_wrong_is_on_its_page_and_it_can_be_checked_again(root: Client, sent: Any) -> None:
    cluster = ClusterFactory.create(name="gpu")
    problem = {"code": "missing_permission", "detail": "It may not create <jobs>.", "params": {}, "blocking": True}
    cluster_checked(cluster.pk, Checked(False, "v1.36.2", [problem]), revision=1)
    page = root.get(f"{PANEL}/{cluster.pk}/change/").content.decode()
    assert "It may not create &lt;jobs&gt;." in page
    assert "not well" in root.get(f"{PANEL}/").content.decode()
    assert root.post(f"{PANEL}/{cluster.pk}/check/").status_code == 302
    assert sent == [("dispatch.cluster_check", str(cluster.pk))]


def test_it_is_removed_unless_something_runs_there(root: Client) -> None:
    busy, idle = ClusterFactory.create(), ClusterFactory.create()
    WorkloadFactory.create(queue=make_queue(busy.pool), state="running")
    answer = root.post(f"{PANEL}/{busy.pk}/remove/")
    assert (answer.status_code, "run or wait on" in answer.content.decode()) == (409, True)
    assert root.post(f"{PANEL}/{idle.pk}/remove/").status_code == 302
    assert [row.pk for row in Cluster.objects.all()] == [busy.pk]


def test_staff_look_and_do_nothing() -> None:
    cluster = ClusterFactory.create()
    staff = browser()
    page = staff.get(f"{PANEL}/{cluster.pk}/change/")
    assert (page.status_code, b'name="token"' in page.content) == (200, False)
    for where in ("change", "check", "remove"):
        assert staff.post(f"{PANEL}/{cluster.pk}/{where}/", BY_TOKEN).status_code == 403
    assert staff.post(f"{PANEL}/add/", {"name": "gpu", **BY_TOKEN}).status_code == 403
    assert Cluster.objects.get().kind == "in_cluster"
