"""Runs side by side: curves that move, three of them compared, one found by text, a view kept, a file saved."""

from __future__ import annotations

import csv
import re
import secrets
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Opens
from tests.browser.ground import Ground
from tests.support.stack import Stack

DRAWN = """() => document.querySelector('figure[aria-label="train/loss"] canvas').toDataURL()"""
DRAWN_OTHERWISE = f"seen => {{ const now = ({DRAWN})(); return seen.includes(now) ? null : now; }}"


class Tracked:
    """Code that runs elsewhere and reports by MLflow's protocol."""

    def __init__(self, client: httpx.Client, url: str, experiment: str, name: str) -> None:
        self._client, self._url, self._experiment = client, f"{url}/api/2.0/mlflow", experiment
        made = self._post("runs/create", {"experiment_id": UUID(experiment).hex, "run_name": name})
        self.id = str(UUID(made["run"]["info"]["run_id"]))
        self._step = 0

    def log(self, *values: float, **params: str) -> None:
        """The next points of `train/loss`."""
        now = int(time.time() * 1000)
        metrics = [
            {"key": "train/loss", "value": value, "timestamp": now, "step": self._step + place}
            for place, value in enumerate(values)
        ]
        self._step += len(values)
        given = [{"key": key, "value": value} for key, value in params.items()]
        self._post("runs/log-batch", {"run_id": UUID(self.id).hex, "metrics": metrics, "params": given})

    def keep(self, name: str, content: bytes) -> None:
        """A file of it."""
        place = f"{UUID(self._experiment).hex}/{UUID(self.id).hex}/artifacts/{name}"
        url = self._url.replace("/mlflow", f"/mlflow-artifacts/artifacts/{place}")
        answer = self._client.put(url, content=content)
        assert answer.is_success, answer.text

    def end(self) -> None:
        self._post("runs/update", {"run_id": UUID(self.id).hex, "status": "FINISHED"})

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._client.post(f"{self._url}/{path}", json=body)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
def tracked(stack: Stack, demo: httpx.Client, ground: Ground) -> Tracked:
    """One that goes on, with its first points."""
    run = Tracked(demo, stack.url, ground.experiment, f"tracked-{secrets.randbelow(10**6)}")
    run.log(3.0, 2.0, rate="3")
    return run


def row(page: Page, name: str) -> Locator:
    return page.locator("main tbody").get_by_role("link", name=name, exact=True)


def test_three_runs_are_compared_while_one_goes_on(opened: Opens, ground: Ground, tracked: Tracked) -> None:
    runs = "&".join(f"run={run}" for run in (*ground.runs, tracked.id))
    watched = opened("demo", f"/runs/compare?project=ground&{runs}")
    page = watched.page
    expect(page.get_by_role("heading", level=1, name="Compare 3 runs")).to_be_visible()
    loss = page.get_by_role("figure", name="train/loss")
    for name in ("curves-1", "curves-2"):
        expect(loss).to_contain_text(f"{name}: 30 points")
    expect(loss.locator("canvas")).to_be_visible()
    seen = [page.evaluate(DRAWN)]
    for values in ((1.5, 9.0), (0.7, 0.5)):
        tracked.log(*values)
        seen.append(page.wait_for_function(DRAWN_OTHERWISE, arg=seen).json_value())

    page.get_by_role("tab", name="Differences").click()
    rate = page.get_by_role("row").filter(has=page.get_by_text("rate", exact=True))
    expect(rate.get_by_role("cell")).to_contain_text(["1", "2", "3"])
    expect(page.get_by_role("row").filter(has=page.get_by_text("Kind", exact=True))).to_contain_text("tracked")

    page.get_by_role("tab", name="Parallel coordinates").click()
    upper = page.get_by_role("slider", name="Upper bound of rate")
    upper.focus()
    for _ in range(16):
        upper.press("ArrowDown")
    expect(page.get_by_text("2 of 3 runs pass.")).to_be_visible()
    through = page.get_by_role("list", name="Runs that pass").get_by_role("listitem")
    expect(through).to_have_text(["curves-1", "curves-2"])
    page.reload()
    expect(page.get_by_text("2 of 3 runs pass.")).to_be_visible()

    page.get_by_role("tab", name="Source").click()
    expect(page.get_by_text("No difference.")).to_be_visible()
    tracked.end()


def test_one_is_found_by_text_its_view_kept_and_the_table_saved(
    opened: Opens, tracked: Tracked, tmp_path: Path
) -> None:
    tracked.end()
    watched = opened("demo", "/runs?project=ground&view=none")
    watched.allow("status of 400")  # of the filter that is not understood
    page = watched.page
    page.get_by_role("button", name="Filter as text").click()
    text = page.get_by_role("textbox", name="Filter as text")
    text.fill("params.rate = '3' AND metrics.")
    page.get_by_role("button", name="Apply the filter").click()
    expect(page.get_by_role("dialog").get_by_text("At character 31")).to_be_visible()
    text.fill("params.rate = '3' AND attributes.status = 'FINISHED'")
    page.get_by_role("button", name="Apply the filter").click()
    expect(page.locator("main tbody").get_by_role("link", name="tracked-").first).to_be_visible()
    expect(row(page, "curves-1")).to_be_hidden()

    page.get_by_role("button", name="Columns").click()
    page.get_by_role("textbox", name="Find a column").fill("rate")
    page.get_by_role("checkbox", name=re.compile("^rate")).check()
    page.keyboard.press("Escape")
    edge = page.get_by_role("separator", name="Width of rate")
    edge.focus()
    edge.press("ArrowRight")

    name = f"threes-{secrets.randbelow(10**6)}"
    page.get_by_role("button", name="Views").click()
    page.get_by_role("menuitem", name="Save this view as…").click()
    dialog = page.get_by_role("dialog", name="Save this view as…")
    dialog.get_by_role("textbox", name="Name of the view").fill(name)
    dialog.get_by_role("checkbox", name="Everybody in the project sees it").check()
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name=name, exact=True)).to_be_visible()

    other = opened("admin", "/runs?project=ground&view=none").page
    other.get_by_role("button", name="Views").click()
    other.get_by_role("menuitem", name=name).click()
    expect(other.get_by_role("columnheader", name="rate")).to_be_visible()
    expect(row(other, "curves-1")).to_be_hidden()
    width = "() => [...document.querySelectorAll('th')].find((each) => each.textContent === 'rate').offsetWidth"
    assert other.evaluate(width) == page.evaluate(width) == 126

    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Table as CSV").click()
    path = tmp_path / "runs.csv"
    download.value.save_as(path)
    head, *rows = csv.reader(path.read_text().splitlines())
    assert head[:3] == ["id", "name", "state"]
    assert {line[head.index("params.rate")] for line in rows} == {"3"}
    assert tracked.id in {line[0] for line in rows}


def test_notes_are_written_where_they_stand(opened: Opens, tracked: Tracked) -> None:
    tracked.end()
    page = opened("demo", f"/runs/{tracked.id}").page
    notes = page.get_by_role("region", name="Notes")
    notes.get_by_role("button", name="Add notes").click()
    notes.get_by_role("textbox", name="Notes, as Markdown").fill("Loss is **flat** <b>")
    notes.get_by_role("button", name="Save").click()
    expect(notes.locator("strong")).to_have_text("flat")
    expect(notes).to_contain_text("Loss is flat <b>")
    tags = notes.get_by_label("Tags")
    tags.fill("gold")
    tags.press("Enter")
    page.reload()
    expect(notes.get_by_text("gold", exact=True)).to_be_visible()
    expect(notes.locator("strong")).to_have_text("flat")


def test_what_is_in_a_file_is_shown_where_it_is_listed(opened: Opens, tracked: Tracked) -> None:
    tracked.keep("report/summary.json", b'{"auc":0.75}')
    page = opened("demo", f"/runs/{tracked.id}?tab=files").page
    page.get_by_role("button", name="Show report/summary.json").click()
    dialog = page.get_by_role("dialog", name="report/summary.json")
    expect(dialog.get_by_role("region")).to_have_text('{\n  "auc": 0.75\n}')
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Show report/summary.json")).to_be_focused()
