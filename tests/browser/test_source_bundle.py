"""A folder of code is submitted from the dashboard, runs, and is run exactly again."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Opens
from tests.browser.ground import Ground

TRAIN = """
import os
from lib.words import WORD
from workers.runtime.context import job_context

ctx = job_context()
print(WORD, os.environ["MODE"], ctx.seed)
ctx.log_metrics({"train/loss": 0.5}, step=1)
ctx.report({"metrics": {"seed": ctx.seed}})
"""
FILES = {
    "train.py": TRAIN,
    "lib/words.py": "WORD = 'a level slab'\n",
    ".gitignore": "*.log\n",
    "old.log": "x",
    "__pycache__/x.pyc": "x",
}


def folder(below: Path) -> Path:
    for name, text in FILES.items():
        path = below / "code" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return below / "code"


def submit(page: Page, code: Path) -> None:
    page.get_by_text("Your own code", exact=True).click()
    page.get_by_role("combobox", name="Experiment").fill("bundles")
    page.get_by_role("option", name=re.compile("bundles$")).click()
    page.get_by_role("textbox", name="Name", exact=True).fill("folder")
    page.locator("input[webkitdirectory]").set_input_files(code)
    expect(page.get_by_text(re.compile("3 files, .* packed, kept as"))).to_be_visible()
    page.get_by_role("button", name="Left out (2)").click()
    left_out = page.get_by_role("list", name="Files that were left out")
    expect(left_out.get_by_role("listitem")).to_have_text(["old.log .gitignore: *.log", "__pycache__/ never source"])
    page.get_by_role("textbox", name="Command").fill("python train.py")
    page.get_by_label("CPU").fill("0.3")
    page.get_by_label("Seed").fill("7")
    page.get_by_role("button", name="Another variable").click()
    page.get_by_label("Name of variable 1").fill("MODE")
    page.get_by_label("Value of variable 1").fill("quick")
    page.get_by_role("button", name="Submit the run").click()


def is_over(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", level=1, name=name, exact=True)).to_be_visible()
    expect(page.locator("main header").get_by_text("succeeded", exact=True)).to_be_visible()


def test_a_folder_runs_and_runs_exactly_again(opened: Opens, ground: Ground, tmp_path: Path) -> None:
    page = opened("demo", "/runs/new?project=ground").page
    submit(page, folder(tmp_path))
    is_over(page, "folder")
    expect(page.get_by_text("python train.py", exact=True)).to_be_visible()
    expect(page.get_by_text("MODE=quick")).to_be_visible()

    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Run exactly again").click()
    dialog = page.get_by_role("dialog", name="Run folder exactly again?")
    dialog.get_by_role("button", name="Run it exactly again").click()
    is_over(page, "folder-2")
    expect(page.get_by_role("link", name="folder", exact=True)).to_be_visible()
    expect(page.get_by_text("Its environment is the same as that of folder.")).to_be_visible()

    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Clone and edit").click()
    expect(page.get_by_role("textbox", name="Command")).to_have_value("python train.py")
    expect(page.get_by_text(re.compile("3 files, .* packed"))).to_be_visible()
    expect(page.get_by_label("Value of variable 1")).to_have_value("quick")
