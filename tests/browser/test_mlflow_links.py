"""Links that clients of MLflow print, in a browser: signed in, and signed out by way of the sign-in page."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PASSWORD, Opens
from tests.browser.ground import Ground


def place_of(ground: Ground) -> str:
    """What follows the tracking address, as clients write it."""
    return f"/#/experiments/{ground.experiment.replace('-', '')}/runs/{ground.runs[0].replace('-', '')}"


@pytest.mark.parametrize("base", ["/mlflow/ground", ""])
def test_a_link_leads_to_its_run(opened: Opens, ground: Ground, base: str) -> None:
    page = opened("demo", base + place_of(ground)).page
    expect(page.get_by_role("heading", level=1, name="curves-1")).to_be_visible()
    assert page.url.endswith(f"/runs/{ground.runs[0]}")


@pytest.mark.parametrize("base", ["/mlflow/ground", ""])
def test_who_is_not_signed_in_lands_there_afterwards(opened: Opens, ground: Ground, base: str) -> None:
    watched = opened("", base + place_of(ground), language="zh")
    page = watched.page
    expect(page.get_by_role("heading", level=1, name="登录")).to_be_visible()
    page.wait_for_url(lambda url: "/login?next=/mlflow" in url and "at%3D" in url)
    page.fill("#id_username", "guest")
    page.fill("#id_password", PASSWORD)
    watched.allow(r"status of 404")  # guest is no member of the project
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: f"/runs/{ground.runs[0]}" in url)


def test_a_link_to_an_experiment_shows_its_runs(opened: Opens, ground: Ground) -> None:
    page = opened("demo", f"/mlflow/ground/#/experiments/{ground.experiment.replace('-', '')}").page
    page.wait_for_url(lambda url: "/runs?" in url and f"experiment={ground.experiment}" in url)
    expect(page.get_by_role("link", name="curves-1")).to_be_visible()
