"""From a file with bad rows to a run that waits for its data: quarantine, recipe, expectations, gate."""

from __future__ import annotations

import gzip
import re
import secrets
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opens
from tests.browser.ground import Ground, post, run_body, sample

BAD = b"good,1,rent\nbad,2,owner,48,41,married,no,fixed,90,80,0,0,1200,1500,and,more\n"


def test_data_that_does_not_hold_what_it_must_keeps_a_run_waiting_until_it_does(
    opened: Opens, demo: httpx.Client, ground: Ground, tmp_path: Path
) -> None:
    name = f"held-{secrets.randbelow(10**6)}"
    page = opened("demo", "/datasets/new?project=ground").page
    dataset = _upload(page, demo, ground, name)
    _look_at_what_was_left_out(page, demo, dataset, tmp_path)
    _expect_a_value(page, dataset)
    version = _clean(page, demo, dataset)
    expect(page.get_by_text("This version is kept back")).to_be_visible()
    _look_at_the_job(page, version)

    experiment = post(demo, "/experiments", {"project": ground.project, "name": name})["id"]
    run = post(demo, "/runs", run_body(experiment, version, "waits", "print('my data is here')"))
    waiting = opened("demo", f"/runs/{run['id']}").page
    why = waiting.get_by_role("region", name="Why it waits")
    expect(why).to_contain_text("fails expectations: not_null(Income).")
    waiting.evaluate("() => { window.neverLoadedAgain = true; }")

    _let_it_only_warn(page, dataset)
    _go(page, f"/dataset-versions/{version}")
    expect(page.get_by_text("1 run waits for it.").first).to_be_visible()
    page.get_by_role("button", name="Validate again").first.click()
    expect(page.locator("main header").get_by_text("published", exact=True)).to_be_visible()

    expect(waiting.locator("main header").get_by_text("succeeded", exact=True)).to_be_visible()
    expect(waiting.get_by_text("my data is here")).to_be_visible()
    assert waiting.evaluate("() => window.neverLoadedAgain")


def _upload(page: Page, demo: httpx.Client, ground: Ground, name: str) -> str:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose files").click()
    content = sample(60) + BAD
    chooser.value.set_files({"name": f"{name}.csv", "mimeType": "text/csv", "buffer": content})
    expect(page.get_by_role("textbox", name="Name")).to_have_value(name)
    page.get_by_role("button", name="Upload 1 file").click()
    expect(page.get_by_text(f"Published as {name} version 1.")).to_be_visible()
    return _only(demo, f"/datasets?project={ground.project}&search={name}")


def _look_at_what_was_left_out(page: Page, demo: httpx.Client, dataset: str, folder: Path) -> None:
    job = _only(demo, f"/ingestions?dataset={dataset}")
    _go(page, f"/dataset-jobs/ingestion/{job}")
    expect(page.get_by_role("heading", name="2 rows left out")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("Download all")).click()
    download.value.save_as(folder / "left-out.csv.gz")
    lines = gzip.decompress((folder / "left-out.csv.gz").read_bytes()).decode().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["62", "63"], lines


def _expect_a_value(page: Page, dataset: str) -> None:
    _go(page, f"/datasets/{dataset}?tab=quality")
    page.get_by_role("button", name="Add expectation").first.click()
    dialog = page.get_by_role("dialog", name="New expectation")
    dialog.get_by_role("combobox", name="Column").fill("Income")
    page.get_by_role("option", name="Income").first.click()
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("row", name=re.compile("Income"))).to_be_visible()


def _clean(page: Page, demo: httpx.Client, dataset: str) -> str:
    raw = _only(demo, f"/dataset-versions?dataset={dataset}")
    _go(page, f"/dataset-versions/{raw}/clean")
    page.get_by_role("button", name="Add a step").click()
    page.get_by_role("textbox", name="Search the steps").fill("missing")
    page.get_by_role("button", name=re.compile("^Recognise missing values")).click()
    page.get_by_role("combobox", name="Markers").fill("rent")
    page.keyboard.press("Enter")
    preview = page.get_by_role("region", name="Preview")
    expect(preview.get_by_role("button", name="After step 1: Recognise missing values")).to_be_visible()
    expect(preview.locator("td del", has_text="rent").first).to_be_visible()
    page.get_by_role("button", name="Clean version 1").click()
    page.get_by_role("link", name="Open version 2").click()
    expect(page.get_by_role("heading", level=1, name=re.compile("version 2$"))).to_be_visible()
    return page.url.rsplit("/", 1)[1].split("?")[0]


def _look_at_the_job(page: Page, version: str) -> None:
    _go(page, f"/dataset-versions/{version}?tab=quality")
    page.get_by_role("link", name="The job", exact=True).click()
    expect(page.get_by_role("heading", level=1, name=re.compile("^Validation of .* version 2$"))).to_be_visible()
    expect(page.get_by_text("Version 2 does not fulfil what blocks.")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("Income.*not fulfilled"))).to_be_visible()
    expect(page.get_by_role("link", name="Output and resources")).to_be_visible()


def _let_it_only_warn(page: Page, dataset: str) -> None:
    _go(page, f"/datasets/{dataset}?tab=quality")
    page.get_by_role("button", name=re.compile("^More about")).first.click()
    page.get_by_role("menuitem", name=re.compile("^Edit")).click()
    dialog = page.get_by_role("dialog", name=re.compile("^Edit"))
    dialog.get_by_text("Only warns").click()
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()


def _go(page: Page, path: str) -> None:
    page.goto(re.sub(r"^(https?://[^/]+).*", rf"\g<1>{path}", page.url))


def _only(client: httpx.Client, path: str) -> str:
    found: list[dict[str, Any]] = client.get(path).raise_for_status().json()["results"]
    assert len(found) == 1, found
    return str(found[0]["id"])


def test_a_finding_leads_to_the_editor_with_the_step_that_it_suggests(opened: Opens, ground: Ground) -> None:
    page = opened("demo", f"/dataset-versions/{ground.raw}?column=Income").page
    page.get_by_role("link", name="Add to a recipe: Fill missing values").click()
    expect(page.get_by_role("heading", level=1, name="Clean people version 1")).to_be_visible()
    step = page.get_by_role("listitem").filter(has=page.get_by_role("button", name=re.compile("^Fill missing values")))
    expect(step.get_by_text("Income", exact=True)).to_be_visible()
    preview = page.get_by_role("region", name="Preview")
    expect(preview.get_by_role("button", name="After step 1: Fill missing values")).to_have_attribute(
        "aria-pressed", "true"
    )
