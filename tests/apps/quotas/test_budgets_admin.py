"""Budgets and rates in the panel: set by superusers, by services, in the reader's language."""

from __future__ import annotations

from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client

from apps.access.states import Role
from apps.common.models import AuditEvent
from apps.quotas.models import Budget, Queue, Rate
from tests.support.factories.access import UserFactory, member
from tests.support.factories.quotas import BudgetFactory, RateFactory, make_pool, make_queue

pytestmark = pytest.mark.django_db
PANEL = "/admin/quotas"


@pytest.fixture
def queue() -> Queue:
    return make_queue(make_pool(H200=2))


def browser(user: Any = None, **headers: str) -> Client:
    made = Client(headers=headers)
    made.force_login(user or UserFactory.create(is_staff=True, is_superuser=True))
    return made


def text(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200, url
    return " ".join(unescape(answer.content.decode()).split())


def form(queue: Queue, **changes: str) -> dict[str, str]:
    whose = {"organisation": queue.project.organisation_id, "team": queue.project.team_id, "project": queue.project_id}
    filled = {"name": "vision", "unit": "gpu_hours", "amount": "10", "period": "month"}
    levels = '[{"ratio": "0.5", "action": "warn"}]'
    return {**{key: str(pk) for key, pk in whose.items()}, **filled, "thresholds": levels, **changes}


def test_a_budget_is_set_and_changed_and_both_are_audited(queue: Queue) -> None:
    root = browser()
    assert root.post(f"{PANEL}/budget/add/", form(queue)).status_code == 302
    budget = Budget.objects.get()
    assert (budget.project, budget.amount, budget.thresholds) == (
        queue.project, 10, [{"ratio": "0.5", "action": "warn"}],
    )  # fmt: skip
    changed = form(queue, amount="20", project="")
    assert root.post(f"{PANEL}/budget/{budget.pk}/change/", changed).status_code == 302
    budget.refresh_from_db()
    assert (budget.amount, budget.project) == (20, queue.project)
    assert list(AuditEvent.objects.filter(subject_kind="budget").order_by("id").values_list("action", flat=True)) == [
        "budget.created", "budget.changed",
    ]  # fmt: skip
    page = text(root, f"{PANEL}/budget/{budget.pk}/change/")
    assert "0 GPU-hours spent, 0 GPU-hours reserved" in page


def test_what_the_service_refuses_comes_back_with_its_reason(queue: Queue) -> None:
    root = browser()
    wrong = form(queue, period="fixed", amount="-1", thresholds='[{"ratio": 0, "action": "warn"}]')
    said = unescape(root.post(f"{PANEL}/budget/add/", wrong).content.decode())
    for problem in ("fixed dates need a first and a last day", "less than 0", "thresholds: 0 is not above 0"):
        assert problem in said
    BudgetFactory.create(project=queue.project, name="vision")
    taken = root.post(f"{PANEL}/budget/add/", form(queue))
    assert "already" in unescape(taken.content.decode())
    Budget.objects.filter(name="vision").delete()
    assert not Budget.objects.exists()


def test_a_rate_is_added_and_never_changed(queue: Queue) -> None:
    root = browser()
    about = {"pool": str(queue.pool_id), "resource": "gpus", "flavor": "H200", "price": "2.5"}
    about |= {"valid_from_0": "2026-01-01", "valid_from_1": "00:00:00"}
    assert root.post(f"{PANEL}/rate/add/", about).status_code == 302
    rate = Rate.objects.get()
    assert (rate.price, rate.valid_from.year) == (Decimal("2.5"), 2026)
    root.post(f"{PANEL}/rate/{rate.pk}/change/", {**about, "price": "9"})
    rate.refresh_from_db()
    assert rate.price == Decimal("2.5")
    assert "2.5 USD" in text(root, f"{PANEL}/rate/")


def test_who_is_no_superuser_looks_at_their_own(queue: Queue) -> None:
    BudgetFactory.create(project=queue.project, name="ours")
    BudgetFactory.create(name="theirs")
    RateFactory.create(pool=queue.pool)
    staff = browser(member(queue.project, Role.ADMIN, is_staff=True))
    page = text(staff, f"{PANEL}/budget/")
    assert ("ours" in page, "theirs" in page) == (True, False)
    assert staff.post(f"{PANEL}/budget/add/", form(queue)).status_code == 403
    assert staff.post(f"{PANEL}/rate/add/", {}).status_code == 403


def test_its_words_are_in_the_readers_language(queue: Queue) -> None:
    budget = BudgetFactory.create(project=queue.project, unit="money", period="quarter")
    page = text(browser(**{"Accept-Language": "zh-hans"}), f"{PANEL}/budget/{budget.pk}/change/")
    assert "季度" in page
    assert "Quarter" not in page
