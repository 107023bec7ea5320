"""What runs were made of and by whom: members of a job apart, files of their code side by side, notes in the table."""

from __future__ import annotations

import secrets
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opens
from tests.browser.ground import PATIENCE_SECONDS, SMALL, Ground, post, run_body
from tests.support.stack import finished
from tests.support.zips import zip_of

GANG = """
from workers.runtime.context import job_context
ctx = job_context()
for step in range(20):
    ctx.log_metrics({"train/loss": ctx.rank + step / 100}, step=step)
"""
CODE = {"train.py": "print('first')\n", "src/model.py": "WIDTH = 64\n", "weights.bin": b"\x00\x01", "same.py": "1\n"}
OTHER = {**CODE, "src/model.py": "WIDTH = 128\n", "weights.bin": b"\x00\x02", "src/data.py": "ROWS = 9\n"}


def bundle(client: httpx.Client, project: str, files: dict[str, Any]) -> str:
    sent = client.post(
        "/source-bundles", data={"project": project}, files={"archive": ("code.zip", zip_of(files), "application/zip")}
    )
    assert sent.is_success, sent.text
    return str(sent.json()["id"])


@pytest.fixture
def name() -> str:
    return f"code-{secrets.randbelow(10**6)}"


def compare(opened: Opens, *runs: str, tab: str = "", **chosen: str) -> Page:
    asked = ",".join(f'"{run}"' for run in runs)
    return opened("demo", f"/runs/compare?run=[{asked}]{tab and f'&tab={tab}'}", **chosen).page


def test_members_of_a_job_are_drawn_together_or_each_by_itself(
    opened: Opens, demo: httpx.Client, ground: Ground, name: str
) -> None:
    body = run_body(ground.experiment, ground.cleaned, name, GANG, count_min=2, count_max=2)
    gang = post(demo, "/runs", body)["id"]
    assert finished(demo, f"/runs/{gang}", PATIENCE_SECONDS)["state"] == "succeeded"
    page = compare(opened, gang, ground.runs[0])
    loss = page.get_by_role("figure", name="train/loss")
    expect(loss).to_contain_text(f"{name}: 20 points, last 0.69 at 19")
    page.get_by_role("radiogroup", name="Members of a job").get_by_text("Each member").click()
    expect(loss).to_contain_text(f"{name} · member 1: 20 points, last 1.19 at 19")
    expect(loss).to_contain_text(f"{name} · member 0: 20 points, last 0.19 at 19")
    expect(loss).to_contain_text("curves-1: 30 points")


def test_files_of_two_source_bundles_are_set_beside_each_other(
    opened: Opens, demo: httpx.Client, ground: Ground, name: str
) -> None:
    runs = []
    for number, files in enumerate((CODE, OTHER)):
        body = {
            "experiment": ground.experiment,
            "name": f"{name}-{number}",
            "kind": "bundle",
            "bundle": bundle(demo, ground.project, files),
            "command": ["python", "train.py"],
            "resources": SMALL,
        }
        runs.append(post(demo, "/runs", body)["id"])
    page = compare(opened, *runs, tab="source")
    files = page.get_by_role("navigation", name="Files that differ")
    expect(files.get_by_role("button")).to_have_text(
        ["±weights.bin: changed", f"+data.py: only in {name}-1", "±model.py: changed"]
    )
    expect(files).to_contain_text("2 files are the same in both")
    diff = page.get_by_role("region", name=f"Differences of {name}-0 and {name}-1")
    expect(diff).to_contain_text("only before: WIDTH = 64")
    expect(diff).to_contain_text("only after: WIDTH = 128")
    files.get_by_role("button", name="data.py").click()
    expect(diff).to_contain_text("only after: ROWS = 9")
    files.get_by_role("button", name="weights.bin").click()
    expect(page.get_by_text("This file is binary: 2 B before, 2 B after. Its content differs.")).to_be_visible()


def test_notes_are_written_in_the_table_and_none_over_those_of_somebody_else(
    opened: Opens, demo: httpx.Client, ground: Ground, name: str
) -> None:
    run = post(demo, "/runs", run_body(ground.experiment, ground.cleaned, name, "print(1)"))["id"]
    finished(demo, f"/runs/{run}", PATIENCE_SECONDS)
    watched = opened("demo", f"/runs?project=ground&view=none&columns=state&columns=notes&search={name}")
    watched.allow("status of 409")  # of the notes that came too late
    page = watched.page
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))
    text = page.get_by_role("textbox", name="Notes, as Markdown")

    page.get_by_role("button", name=f"Add notes on {name}").click()
    text.fill("flat after step 400")
    text.press("Control+Enter")
    expect(row).to_contain_text("flat after step 400")
    expect(text).to_be_hidden()

    page.get_by_role("button", name=f"Edit the notes on {name}").click()
    expect(text).to_have_value("flat after step 400")
    demo.put(f"/runs/{run}/notes", json={"notes": "steep"}).raise_for_status()
    text.fill("flat everywhere")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Somebody else has written notes here meanwhile:")).to_be_visible()
    expect(row).to_contain_text("steep")
    expect(text).to_have_value("flat everywhere")
    page.get_by_role("button", name="Write mine over them").click()
    expect(row).to_contain_text("flat everywhere")
    assert demo.get(f"/runs/{run}/notes").json()["notes"] == "flat everywhere"
