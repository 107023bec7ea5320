"""The panel's pages of machines, incidents and idle policies: superusers act, everybody else reads."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.common.audit import Actor
from apps.common.models import AuditEvent
from apps.quotas.models import IdlePolicy, Node, NodeIncident
from apps.quotas.services.nodes import node_drain
from tests.support.factories.access import UserFactory
from tests.support.factories.quotas import IdlePolicyFactory, NodeFactory, NodeIncidentFactory, make_pool, make_queue

pytestmark = pytest.mark.django_db
PANEL = "/admin/quotas"


def browser(**kwargs: Any) -> Client:
    made = Client()
    made.force_login(UserFactory.create(is_staff=True, **kwargs))
    return made


@pytest.fixture
def root() -> Client:
    return browser(is_superuser=True, username="root")


@pytest.mark.parametrize("factory", [NodeIncidentFactory, IdlePolicyFactory], ids=lambda f: f._meta.model.__name__)
def test_every_page_opens(root: Client, factory: Any) -> None:
    row = factory.create()
    path = f"{PANEL}/{row._meta.model_name}/"
    assert [root.get(where).status_code for where in (path, f"{path}{row.pk}/change/")] == [200, 200]


def test_a_superuser_drains_a_machine_and_lets_it_work_again(root: Client) -> None:
    node = NodeFactory.create()
    page = f"{PANEL}/node/{node.pk}"
    assert b"Drain machine" in root.get(f"{page}/change/").content
    assert root.post(f"{page}/drain/", {"detail": ""}).status_code == 200, "the form comes back"
    assert not NodeIncident.objects.exists()
    assert root.post(f"{page}/drain/", {"detail": "Dust."}).status_code == 302
    assert Node.objects.get(pk=node.pk).drain_reason == "Dust."
    assert b"drained" in root.get(f"{PANEL}/node/").content
    assert root.post(f"{page}/undrain/", {"detail": "Cleaned."}).status_code == 302
    assert Node.objects.get(pk=node.pk).ready
    told = AuditEvent.objects.filter(subject_id=str(node.pk)).order_by("id")
    assert [(row.action, row.actor_name) for row in told] == [
        ("node.incident_opened", "root"),
        ("node.incident_closed", "root"),
    ]


def test_staff_see_what_is_wrong_and_can_do_nothing_about_it() -> None:
    node = NodeFactory.create()
    staff, page = browser(), f"{PANEL}/node/{node.pk}"
    assert b"Drain machine" not in staff.get(f"{page}/change/").content
    assert staff.post(f"{page}/drain/", {"detail": "Dust."}).status_code == 403
    assert Node.objects.get(pk=node.pk).drained_at is None


def test_a_machine_without_one_of_its_gpus_says_so(root: Client) -> None:
    pool = make_pool(H200=2)
    node = Node.objects.get(pool=pool)
    node_drain(node, reason="It is hot.", devices=[1], actor=Actor("user", "1", "root"))
    content = root.get(f"{PANEL}/node/").content.decode()
    assert "without GPU 1" in content
    found = root.get(f"{PANEL}/nodeincident/?node__id__exact={node.pk}").content.decode()
    assert "It is hot." in found


def test_a_policy_is_set_and_changed_by_a_form(root: Client) -> None:
    pool = make_pool()
    queue = make_queue(pool)
    wanted = {
        "pool": str(pool.pk),
        "queue": str(queue.pk),
        "action": "stop",
        "threshold_ratio": "0.1",
        "warn_seconds": "600",
        "stop_seconds": "300",
        "grace_seconds": "0",
        "kinds": ["job", "serving"],
    }
    assert root.post(f"{PANEL}/idlepolicy/add/", wanted).status_code == 302
    [policy] = IdlePolicy.objects.all()
    assert (policy.queue, policy.action, policy.kinds) == (queue, "stop", ["job", "serving"])
    changed = {**wanted, "action": "warn", "kinds": ["job"]}
    assert root.post(f"{PANEL}/idlepolicy/{policy.pk}/change/", changed).status_code == 302
    policy.refresh_from_db()
    assert (policy.queue, policy.action, policy.kinds) == (queue, "warn", ["job"])
    audit = AuditEvent.objects.filter(action="idle_policy.set").order_by("id")
    assert [row.detail["action"] for row in audit] == ["stop", "warn"]
    nonsense = root.post(f"{PANEL}/idlepolicy/{policy.pk}/change/", {**changed, "warn_seconds": "1"})
    assert nonsense.status_code in (200, 302)
    policy.refresh_from_db()
    assert policy.warn_seconds == 600
