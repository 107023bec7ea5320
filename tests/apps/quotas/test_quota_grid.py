"""The quota grid: what was changed is saved at once and audited, or nothing is, and it says which cell is why."""

from __future__ import annotations

from html import unescape
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import reverse

from apps.access.models import ApprovalRequest
from apps.access.states import Role
from apps.common.audit import Actor
from apps.common.errors import NotFound, StaleState
from apps.common.models import AuditEvent
from apps.quotas.admin.grid_text import amount_of, text_of
from apps.quotas.models import Cohort, Queue, Quota, ResourcePool
from apps.quotas.services.quota_grid import Limit, QuotaChange, quotas_save
from tests.support.factories.access import ProjectFactory, UserFactory, member
from tests.support.factories.quotas import (
    GIB,
    CohortFactory,
    QueueFactory,
    QuotaFactory,
    ResourcePoolFactory,
    WorkloadFactory,
    job_spec,
    make_pool,
    make_queue,
)

pytestmark = pytest.mark.django_db
ACTOR = Actor.system("test")


@pytest.fixture
def queue() -> Queue:
    """Of the project `credit-risk`: 8 cores, 64 GiB, 2 GPUs; the pool has 16 cores, 64 GiB and 4 × H200."""
    pool = make_pool(cores=16, memory=64, H200=4)
    return make_queue(pool, ProjectFactory.create(name="credit-risk"), gpus=2)


def address(queue: Queue) -> str:
    return reverse("admin:quotas_resourcepool_quotas", args=[queue.pool_id])


def cell(queue: Queue, resource: str, was: int | None, flavor: str = "") -> str:
    return f"q|{queue.pk}|{resource}|{'none' if was is None else was}|{flavor}"


def root() -> Client:
    browser = Client()
    browser.force_login(UserFactory.create(username="root", is_staff=True, is_superuser=True))
    return browser


def shown(queue: Queue) -> dict[str, str]:
    """What a page sends back when nothing was changed."""
    found = {(one.resource, one.flavor): one.nominal for one in queue.quotas.all()}
    keys = {*found, ("gpus", "H200")}
    return {cell(queue, *(key[0], found.get(key), key[1])): text_of(key[0], found.get(key)) for key in keys}


def nominal(queue: Queue) -> dict[tuple[str, str], int]:
    return {(one.resource, one.flavor): one.nominal for one in Quota.objects.filter(queue=queue)}


def test_only_what_was_changed_is_saved_and_audited(queue: Queue) -> None:
    other = make_queue(queue.pool, ProjectFactory.create(name="churn"))
    typed = shown(queue) | shown(other)
    typed |= {
        cell(queue, "cpu_millis", 8000): "12.5",
        cell(queue, "memory_bytes", 64 * GIB): "512 MiB",
        cell(queue, "gpus", None, "H200"): "3",
    }
    answer = root().post(address(queue), typed)
    assert (answer.status_code, answer["Location"]) == (302, address(queue))
    assert nominal(queue) == {
        ("cpu_millis", ""): 12_500,
        ("memory_bytes", ""): 512 << 20,
        ("gpus", ""): 2,
        ("gpus", "H200"): 3,
    }
    told = AuditEvent.objects.filter(action="quota.set").order_by("id")
    assert {(one.actor_name, one.project_id) for one in told} == {("root", queue.project_id)}
    assert {(one.detail["resource"], one.detail["was"], one.detail["nominal"]) for one in told} == {
        ("cpu_millis", 8000, 12_500),
        ("memory_bytes", 64 * GIB, 512 << 20),
        ("gpus", None, 3),
    }
    assert len(told) == 3


def test_nothing_changed_writes_nothing(queue: Queue) -> None:
    browser = root()
    assert "Nothing was changed" in browser.post(address(queue), shown(queue), follow=True).content.decode()
    assert not AuditEvent.objects.filter(action="quota.set").exists()


@pytest.mark.parametrize(
    ("resource", "text", "said"),
    [
        ("cpu_millis", "many", "credit-risk · CPU: “many” is no amount."),
        ("cpu_millis", "-1", "credit-risk · CPU: “-1” is no amount."),
        ("cpu_millis", "8 GiB", "credit-risk · CPU: “8 GiB” is no number."),
        ("memory_bytes", "8 apples", "credit-risk · Memory: “apples” is no unit"),
        ("memory_bytes", "999999999999 TiB", "credit-risk · Memory: “999999999999 TiB” is more than can be counted."),
        ("gpus", "1.5", "credit-risk · GPUs of all kinds: Devices are whole: “1.5”."),
        ("gpus", "", "credit-risk · GPUs of all kinds: A quota is set to 0, never removed."),
    ],
)
def test_bad_input_is_named_by_its_cell_and_nothing_is_saved(queue: Queue, resource: str, text: str, said: str) -> None:
    before = nominal(queue)
    typed = shown(queue) | {cell(queue, "memory_bytes", 64 * GIB): "32"}
    typed[cell(queue, resource, before[resource, ""])] = text
    answer = root().post(address(queue), typed)
    page = unescape(answer.content.decode())
    assert answer.status_code == 409
    assert said in page
    assert f'value="{text}"' in page
    assert nominal(queue) == before
    assert not AuditEvent.objects.filter(action="quota.set").exists()


def test_a_change_by_somebody_else_is_seen_and_not_overwritten(queue: Queue) -> None:
    typed = shown(queue) | {cell(queue, "cpu_millis", 8000): "4", cell(queue, "gpus", 2): "1"}
    Quota.objects.filter(queue=queue, resource="cpu_millis").update(nominal=6000)
    browser = root()
    answer = browser.post(address(queue), typed)
    page = unescape(answer.content.decode())
    assert answer.status_code == 409
    assert "credit-risk · CPU: somebody else set it to 6 meanwhile" in page
    assert nominal(queue)["cpu_millis", ""] == 6000
    assert nominal(queue)["gpus", ""] == 2, "all or nothing"
    again = shown(queue) | {cell(queue, "cpu_millis", 6000): "4"}  # as the page that came back has it
    assert cell(queue, "cpu_millis", 6000) in page
    assert browser.post(address(queue), again).status_code == 302
    assert nominal(queue)["cpu_millis", ""] == 4000


def test_the_service_refuses_what_is_stale_or_of_another_pool(queue: Queue) -> None:
    change = QuotaChange(queue.pk, "gpus", "", 2, 5)
    stale = QuotaChange(queue.pk, "cpu_millis", "", None, 5)
    with pytest.raises(StaleState) as caught:
        quotas_save(queue.pool, [change, stale], actor=ACTOR)
    assert caught.value.fields == {f"{queue.pk} cpu_millis": ["8000"]}
    with pytest.raises(NotFound):
        quotas_save(ResourcePoolFactory.create(name="other"), [change], actor=ACTOR)
    assert nominal(queue)["gpus", ""] == 2


def test_usage_stands_beside_the_number_and_totals_against_capacity(queue: Queue) -> None:
    WorkloadFactory.create(queue=queue, state="running", spec_object=job_spec(cores=3, memory=4))
    queue.quotas.filter(resource="cpu_millis").update(nominal=2000)
    make_queue(queue.pool, ProjectFactory.create(name="churn"), cores=32)
    page = " ".join(unescape(root().get(address(queue)).content.decode()).split())
    assert "3 reserved, 0 of it used" in page
    assert "holds more" in page
    assert "over-committed, 2.12 × what there is" in page


def limit(owner: Queue | Cohort, letter: str, resource: str, was: str, flavor: str = "") -> str:
    return f"q{letter}|{owner.pk}|{resource}|{was}|{flavor}"


def test_limits_and_weights_are_set_beside_the_number(queue: Queue) -> None:
    queue.quotas.filter(resource="memory_bytes").update(lending_limit=GIB, weight=2.5)
    typed = shown(queue) | {
        limit(queue, "b", "gpus", "0"): "∞",
        limit(queue, "l", "gpus", "all"): "1",
        limit(queue, "w", "gpus", "all"): "0.25",
        limit(queue, "b", "cpu_millis", "0"): "0",
        limit(queue, "l", "memory_bytes", str(GIB)): "∞",
        limit(queue, "w", "memory_bytes", "2.5"): "",
    }
    assert root().post(address(queue), typed).status_code == 302
    limits = ("nominal", "borrowing_limit", "lending_limit", "weight")
    found = {resource: rest for resource, *rest in queue.quotas.values_list("resource", *limits)}
    assert found == {
        "cpu_millis": [8000, 0, None, None],
        "memory_bytes": [64 * GIB, 0, None, None],
        "gpus": [2, None, 1, 0.25],
    }
    assert AuditEvent.objects.filter(action="quota.set").count() == 2


@pytest.mark.parametrize(
    ("letter", "was", "text", "said"),
    [
        ("b", "0", "many", "“many” is no amount."),
        ("l", "all", "3", "lending_limit: 3 is more than the nominal 2 that it owns"),
        ("w", "all", "-1", "A weight is between 0 and 1e+06."),
        ("w", "all", "nan", "A weight is between 0 and 1e+06."),
        ("w", "all", "heavy", "“heavy” is no number."),
    ],
)
def test_bad_limits_are_named_and_nothing_is_saved(queue: Queue, letter: str, was: str, text: str, said: str) -> None:
    typed = shown(queue) | {limit(queue, letter, "gpus", was): text, cell(queue, "cpu_millis", 8000): "4"}
    answer = root().post(address(queue), typed)
    assert (answer.status_code, said in unescape(answer.content.decode())) == (409, True)
    assert nominal(queue)["cpu_millis", ""] == 8000


def test_a_limit_without_a_quota_asks_for_the_number_first(queue: Queue) -> None:
    name = limit(queue, "b", "gpus", "none", "H200")
    browser = root()
    answer = browser.post(address(queue), shown(queue) | {name: "2"})
    assert "Say first how much it is guaranteed" in unescape(answer.content.decode())
    both = shown(queue) | {name: "2", cell(queue, "gpus", None, "H200"): "0"}
    assert browser.post(address(queue), both).status_code == 302
    made = Quota.objects.get(queue=queue, flavor="H200")
    assert (made.nominal, made.borrowing_limit) == (0, 2)


def test_a_limit_that_somebody_else_changed_is_not_overwritten(queue: Queue) -> None:
    with pytest.raises(StaleState):
        quotas_save(
            queue.pool, [QuotaChange(queue.pk, "gpus", "", 2, 2, {"borrowing_limit": Limit(3, 5)})], actor=ACTOR
        )
    assert queue.quotas.get(resource="gpus").borrowing_limit == 0


def test_cohorts_stand_above_what_is_below_them_and_take_quotas(queue: Queue) -> None:
    research = CohortFactory.create(pool=queue.pool, name="research")
    vision = CohortFactory.create(pool=queue.pool, name="vision", parent=research)
    Queue.objects.filter(pk=queue.pk).update(cohort=vision)
    make_queue(queue.pool, ProjectFactory.create(name="alone"))
    browser = root()
    assert browser.post(address(queue), {f"q|{research.pk}|gpus|none|": "1"}).status_code == 302
    assert research.quotas.get().nominal == 1
    page = unescape(browser.get(address(queue)).content.decode())
    table = page.split("<tbody>", 1)[1].split("</tbody>")[0]
    places = [table.index(f">{name}</a>") for name in ("research", "vision", "credit-risk", "alone")]
    assert places == sorted(places)
    assert "more is guaranteed below it" in table, "two GPUs below one"


def test_where_a_second_person_decides_the_grid_asks(queue: Queue) -> None:
    ResourcePool.objects.update(changes_need_approval=True)
    typed = shown(queue) | {cell(queue, "cpu_millis", 8000): "4", limit(queue, "b", "gpus", "0"): "∞"}
    browser = root()
    assert "Ask for these quotas" in browser.get(address(queue)).content.decode()
    page = unescape(browser.post(address(queue), typed, follow=True).content.decode())
    assert "2 quotas wait for the decision of another administrator." in page
    asked = ApprovalRequest.objects.order_by("id").values_list("command", "project", "arguments__nominal")
    assert sorted(asked) == [("quota.set", queue.project_id, 2), ("quota.set", queue.project_id, 4000)]
    assert nominal(queue)["cpu_millis", ""] == 8000


def test_an_admin_of_a_project_sees_their_row_and_sets_nothing(queue: Queue) -> None:
    other = make_queue(queue.pool, ProjectFactory.create(name="their-plan"))
    browser = Client()
    browser.force_login(member(queue.project, Role.ADMIN, is_staff=True))
    page = browser.get(address(queue)).content.decode()
    assert "credit-risk" in page
    assert "their-plan" not in page
    assert "<input name=" not in page.split("bp-grid", 1)[1].split("</table>")[0]
    for target in (queue, other):
        assert browser.post(address(queue), {cell(target, "gpus", 2): "4"}).status_code == 403
    assert nominal(queue)["gpus", ""] == 2


def test_strangers_and_missing_pools_are_404(queue: Queue) -> None:
    private = ResourcePoolFactory.create(name="private", organisation=queue.project.organisation)
    browser = Client()
    browser.force_login(UserFactory.create(is_staff=True))
    assert browser.get(reverse("admin:quotas_resourcepool_quotas", args=[private.pk])).status_code == 404
    assert browser.get(reverse("admin:quotas_resourcepool_quotas", args=[uuid4()])).status_code == 404
    assert Client().get(address(queue)).status_code == 302


def test_cells_of_queues_that_are_not_there_change_nothing(queue: Queue) -> None:
    strange = QueueFactory.create()
    QuotaFactory.create(queue=strange, resource="gpus", nominal=1)
    names = [cell(strange, "gpus", 1), f"q|{UUID(int=0)}|gpus|1|", "q|x|gpus|1|", "q|1", cell(queue, "lamps", 1)]
    browser: Any = root()
    assert browser.post(address(queue), shown(queue) | dict.fromkeys(names, "9")).status_code == 302
    assert nominal(strange) == {("gpus", ""): 1}


@pytest.mark.parametrize(
    ("resource", "value", "text"),
    [
        ("cpu_millis", 500, "0.5"),
        ("cpu_millis", 16_000, "16"),
        ("memory_bytes", 3 * GIB // 2, "1.5"),
        ("gpus", 4, "4"),
    ],
)
def test_amounts_are_read_as_they_are_written(resource: str, value: int, text: str) -> None:
    assert text_of(resource, value) == text
    assert amount_of(resource, text) == value
