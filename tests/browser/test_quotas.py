"""An administrator sends the forms of quotas: a budget, a rate, a quota; and asks from a trace that was uploaded."""

from __future__ import annotations

import re

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Opens
from tests.browser.ground import Ground
from tests.browser.test_accessibility import AXE, violations
from tests.browser.watching import Watched

TASKS = """cpu_milli,memory_mib,num_gpu,gpu_milli,creation_time,deletion_time
1000,1024,0,0,0,600
1000,1024,0,0,300,900
"""


def _pick(page: Page, within: Locator, field: str, option: str | re.Pattern[str]) -> None:
    within.get_by_label(field).and_(page.locator("input")).last.click()
    page.get_by_role("option", name=option).first.click()


def _dialog(watched: Watched, name: str) -> Locator:
    """The dialog that opened; axe finds nothing in it."""
    dialog = watched.page.get_by_role("dialog", name=name)
    expect(dialog).to_be_visible()
    watched.settle()
    assert violations(watched) == []
    return dialog


def test_a_budget_is_set(opened: Opens, root: httpx.Client, ground: Ground) -> None:
    setting = opened("admin", "/quotas?tab=budgets", script=AXE)
    page = setting.page
    page.get_by_role("button", name="New budget").click()
    dialog = _dialog(setting, "Set a budget")
    _pick(page, dialog, "Whose work it counts", "ground")
    dialog.get_by_label("Name").fill("journey")
    dialog.get_by_label("Amount per period").fill("120")
    dialog.get_by_role("button", name="Set the budget").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("journey").first).to_be_visible()
    (made,) = [one for one in root.get("/budgets").raise_for_status().json()["results"] if one["name"] == "journey"]
    assert (float(made["amount"]), made["unit"], made["period"]) == (120.0, "gpu_hours", "month")
    root.delete(f"/budgets/{made['id']}").raise_for_status()


def test_a_rate_is_added(opened: Opens, root: httpx.Client, ground: Ground) -> None:
    adding = opened("admin", "/quotas?tab=budgets", script=AXE)
    page = adding.page
    page.get_by_role("button", name="Add a rate").click()
    dialog = _dialog(adding, "Say what an hour costs")
    send = dialog.get_by_role("button", name="Add a rate")
    expect(send).to_be_disabled()
    _pick(page, dialog, "An hour of", "one core")
    dialog.get_by_label("Price of an hour").fill("0.25")
    send.click()
    expect(dialog).to_have_count(0)
    expect(
        page.get_by_role("region", name="Rates").get_by_role("row").filter(has_text="one core").first
    ).to_be_visible()
    prices = [float(one["price"]) for one in root.get("/rates").raise_for_status().json()["results"]]
    assert 0.25 in prices


def test_a_quota_is_set_and_what_it_would_take_back_is_shown_first(
    opened: Opens, root: httpx.Client, ground: Ground
) -> None:
    setting = opened("admin", "/quotas?tab=usage", script=AXE)
    page = setting.page
    page.get_by_role("button", name="Change this quota of ground").first.click()
    dialog = _dialog(setting, "Quota of ground")
    field = dialog.get_by_label(re.compile("^(CPU cores|GPUs|Memory, GiB)$"))
    field.fill("3")
    expect(dialog.get_by_role("region").first).to_be_visible()
    setting.settle()
    assert violations(setting) == []
    with page.expect_response(lambda answer: answer.url.endswith("/quotas") and answer.request.method == "PUT") as sent:
        dialog.get_by_role("button", name="Set the quota").click()
    assert sent.value.status == 200
    expect(dialog).to_have_count(0)
    quota = sent.value.json()
    assert root.get(f"/quotas/{quota['id']}").raise_for_status().json()["nominal"] == quota["nominal"] > 0


def test_a_trace_is_uploaded_and_played(opened: Opens, ground: Ground) -> None:
    asking = opened("admin", "/what-if?basis=trace&hours=1", script=AXE)
    page = asking.page
    ask = page.get_by_role("button", name="Work it out")
    page.get_by_role("button", name="Add a change").click()
    page.get_by_role("menuitem", name="Weight", exact=True).click()
    page.get_by_label("Project or cohort", exact=True).and_(page.locator("input")).last.click()
    page.get_by_role("option", name="ground", exact=True).first.click()
    expect(page.get_by_text("Choose the file of tasks first.")).to_be_visible()
    asking.settle()
    assert violations(asking) == []

    _choose_file(page, TASKS.replace("300,900", "300,soon"))
    asking.allow("status of 400")
    ask.click()
    expect(page.get_by_text(re.compile("line 3: deletion_time: 'soon' is no time in seconds")).first).to_be_visible()

    _choose_file(page, TASKS)
    ask.click()
    expect(page.get_by_role("region", name="The pool, before and after")).to_be_visible()


def _choose_file(page: Page, text: str) -> None:
    page.locator("input[type=file]").first.set_input_files(
        {"name": "tasks.csv", "mimeType": "text/csv", "buffer": text.encode()}
    )
