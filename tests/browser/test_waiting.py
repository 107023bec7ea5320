"""A run that waits says why, and starts when somebody else has changed what it waits for."""

from __future__ import annotations

import re
import secrets
from typing import Any

import httpx
from playwright.sync_api import expect

from tests.browser.conftest import Opens
from tests.browser.ground import SMALL, Ground, post, run_body
from tests.browser.test_accessibility import AXE, violations
from tests.support.waiting import until

LEFT_MILLIS = SMALL["cpu_millis"] // 2


def test_an_administrator_raises_a_quota_and_the_waiting_run_starts_before_everybodys_eyes(
    opened: Opens, demo: httpx.Client, root: httpx.Client, ground: Ground
) -> None:
    usage = _usage(demo, ground)
    _set_quota(root, usage["queue"], _cpu(usage)["reserved"] + LEFT_MILLIS)
    body = run_body(ground.experiment, ground.cleaned, f"waits-{secrets.randbelow(9**6)}", "print('my turn')")
    run = post(demo, "/runs", body)

    waiting = opened("demo", f"/runs/{run['id']}").page
    why = waiting.get_by_role("region", name="Why it waits")
    expect(why).to_contain_text(re.compile(r"Waiting: project ground's quota of .+ cores? has .+ left"))
    expect(why).to_contain_text("first in the line")
    waiting.evaluate("() => { window.neverLoadedAgain = true; }")

    admin = opened("admin", f"/admin/quotas/resourcepool/{usage['pool']}/quotas/").page
    admin.get_by_label("ground · CPU", exact=True).fill("2")
    admin.get_by_role("button", name="Save quotas").click()
    expect(admin.get_by_text("1 quota was set.")).to_be_visible()

    expect(waiting.locator("main header").get_by_text("succeeded", exact=True)).to_be_visible()
    expect(why).to_be_hidden()
    expect(waiting.get_by_text("my turn")).to_be_visible()
    assert waiting.evaluate("() => window.neverLoadedAgain")


HOLDS = """
import time
while True:
    time.sleep(0.2)
"""


def test_what_waits_says_what_would_have_to_change_and_when_it_starts(
    opened: Opens, demo: httpx.Client, root: httpx.Client, ground: Ground
) -> None:
    before = _cpu(_usage(demo, ground))
    body = run_body(
        ground.experiment, ground.cleaned, f"holds-{secrets.randbelow(9**6)}", HOLDS, time_limit_seconds=900
    )
    holder = post(demo, "/runs", {**body, "resources": SMALL | {"cpu_millis": 1500}})  # as much as the job asks for
    until(lambda: _state(demo, holder) == "running", 60, what="the run that holds the quota")
    usage = _usage(demo, ground)
    _set_quota(root, usage["queue"], _cpu(usage)["reserved"], borrowing_limit=0)
    run = post(
        demo, "/runs", run_body(ground.experiment, ground.cleaned, f"waits-{secrets.randbelow(9**6)}", "print(1)")
    )
    job = post(demo, "/cleaning-runs", {"recipe": ground.recipe, "input_version": ground.raw})

    watched = opened("demo", f"/runs/{run['id']}", script=AXE)
    why = watched.page.get_by_role("region", name="Why it waits")
    expect(why).to_contain_text(re.compile("cores? of the quota of project ground must come free"))
    expect(why).to_contain_text("By the time limits that others have declared")
    expect(why).to_contain_text(re.compile(r"About \d\d:\d\d"))
    expect(why).to_contain_text("In four of five cases")
    why.get_by_text("How this is estimated").click()
    expect(why.get_by_role("table")).to_contain_text("still waiting")
    assert violations(watched) == []

    for address in (f"/workloads/{run['workload']}", f"/dataset-jobs/cleaning_run/{job['id']}"):
        elsewhere = opened("demo", address).page.get_by_role("region", name="Why it waits")
        expect(elsewhere).to_contain_text("of the quota of project ground must come free")
    line = opened("demo", "/quotas?tab=queue").page
    row = line.get_by_role("row").filter(has_text=run["name"])
    expect(row).to_contain_text(re.compile(r"about \d\d:\d\d"))

    _set_quota(root, usage["queue"], before["nominal"], borrowing_limit=before["borrowing_limit"])
    demo.post(f"/runs/{holder['id']}/stop").raise_for_status()
    expect(why).to_be_hidden()
    expect(watched.page.locator("main header").get_by_text(re.compile("^(running|succeeded)$"))).to_be_visible()


def _state(client: httpx.Client, run: dict[str, Any]) -> str:
    return str(client.get(f"/runs/{run['id']}").raise_for_status().json()["state"])


def _usage(client: httpx.Client, ground: Ground) -> dict[str, Any]:
    (usage,) = client.get(f"/quotas/usage?project={ground.project}").raise_for_status().json()["results"]
    found: dict[str, Any] = usage
    return found


def _cpu(usage: dict[str, Any]) -> dict[str, Any]:
    (found,) = (amount for amount in usage["amounts"] if amount["resource"] == "cpu_millis")
    amount: dict[str, Any] = found
    return amount


def _set_quota(client: httpx.Client, queue: str, nominal: int, **more: int | None) -> None:
    body = {"queue": queue, "resource": "cpu_millis", "flavor": "", "nominal": nominal, **more}
    client.put("/quotas", json=body).raise_for_status()
