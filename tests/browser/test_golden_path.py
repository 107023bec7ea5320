"""The way that everybody goes: sign in, upload, clean, train, register, deploy, predict."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PASSWORD, Opens
from tests.browser.ground import Ground, sample

EPOCHS = 80
"""Enough for a run to last some seconds, so that its curves can be seen to grow."""
PLAIN_STEPS = ("Recognise missing values", "Drop duplicates")
FITTED_STEPS = ("Outliers", "Fill missing values", "Standardise", "One-hot encode")


@dataclass
class Journey:
    """A page and where it has come to."""

    page: Page

    def sign_in(self) -> None:
        page = self.page
        expect(page).to_have_url(re.compile(r"/login\?next=/$"))
        page.get_by_label("Name").fill("demo")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()

    def upload(self, name: str) -> None:
        page = self.page
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Datasets").click()
        page.get_by_role("link", name="Upload data").first.click()
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Choose files").click()
        chooser.value.set_files({"name": f"{name}.csv", "mimeType": "text/csv", "buffer": sample()})
        expect(page.get_by_role("textbox", name="Name")).to_have_value(name)
        expect(page.get_by_role("cell", name="freelance").first).to_be_visible()  # the file's first rows
        page.get_by_role("button", name="Upload 1 file").click()
        expect(page.get_by_text(f"Published as {name} version 1.")).to_be_visible()
        page.get_by_role("link", name="Open version 1").click()
        expect(page.get_by_role("heading", level=1, name=f"{name} · version 1")).to_be_visible()

    def clean(self, name: str) -> None:
        page = self.page
        page.get_by_role("link", name="Clean it").click()
        for step in PLAIN_STEPS:
            self._add_step(step)
        split = self._add_step("Split into training and test rows")
        split.get_by_label("Stratify by").fill("Status")
        label = self._add_step("Encode the label")
        label.get_by_label("Label column").fill("Status")
        for place, (value, code) in enumerate((("good", "0"), ("bad", "1")), start=1):
            label.get_by_role("button", name="Add").click()
            label.get_by_label(f"Name {place}").fill(value)
            label.get_by_label(f"Value of {value}").fill(code)
        for step in FITTED_STEPS:
            self._add_step(step)
        page.get_by_role("button", name="Clean version 1").click()
        expect(page.get_by_text(f"Published as {name} version 2.")).to_be_visible()
        page.get_by_role("link", name="Open version 2").click()
        expect(page.get_by_role("heading", level=1, name=f"{name} · version 2")).to_be_visible()

    def _add_step(self, title: str) -> Locator:
        page = self.page
        page.get_by_role("button", name="Add a step").click()
        page.get_by_role("dialog", name="Add a step").get_by_role("button", name=re.compile(f"^{title}")).click()
        return page.get_by_role("listitem").filter(has=page.get_by_role("button", name=f"Move {title}", exact=True))

    def train(self, experiment: str, name: str) -> None:
        page = self.page
        page.get_by_role("link", name="Train on it").click()
        page.get_by_role("combobox", name="Experiment").fill(experiment)
        page.get_by_role("option", name=re.compile(f"{experiment}$")).click()  # there is one, or it is made
        page.get_by_role("textbox", name="Name").fill(name)
        page.get_by_label("Epochs").fill(str(EPOCHS))
        page.get_by_label("Hidden units").fill("16")
        page.get_by_label("CPU").fill("0.5")
        page.get_by_role("button", name="Submit the run").click()
        expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()

    def see_curves_move(self) -> None:
        """What is drawn changes twice while the run goes on, and nobody loads the page again."""
        page = self.page
        page.evaluate("() => { window.neverLoadedAgain = true; }")
        expect(page.get_by_role("figure", name="train/loss").locator("canvas")).to_be_visible()
        seen = {page.evaluate(DRAWN)}
        for _ in range(2):
            seen.add(page.wait_for_function(DRAWN_OTHERWISE, arg=list(seen)).json_value())
        assert page.locator("main header").get_by_text("running", exact=True).is_visible(), (
            "it was over too early to see it move"
        )
        expect(page.locator("main header").get_by_text("succeeded", exact=True)).to_be_visible()
        expect(page.get_by_role("figure", name="train/auc")).to_contain_text(f"train/auc: {EPOCHS} points")
        assert page.evaluate("() => window.neverLoadedAgain")

    def register(self, run: str, model: str) -> None:
        page = self.page
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Models").click()
        page.get_by_role("button", name="Register a model").first.click()
        dialog = page.get_by_role("dialog", name="Register a model version")
        dialog.get_by_role("combobox", name="Run").fill(run)
        page.get_by_role("option", name=run).click()
        dialog.get_by_role("combobox", name="Model").fill(model)
        expect(dialog.get_by_text(f"A new model {model} is made.")).to_be_visible()
        dialog.get_by_role("button", name="Register").click()
        expect(page.get_by_role("heading", level=1, name=f"{model} v1")).to_be_visible()
        expect(page.locator("main header").get_by_text("ready", exact=True)).to_be_visible()

    def deploy(self, endpoint: str) -> None:
        page = self.page
        page.get_by_role("link", name="Deploy", exact=True).click()
        page.get_by_role("textbox", name="Name").fill(endpoint)
        page.get_by_role("button", name="Deploy", exact=True).click()
        expect(page.get_by_role("heading", level=1, name=endpoint)).to_be_visible()
        expect(page.get_by_text("1 of 1 replica ready").first).to_be_visible(timeout=180_000)

    def predict(self) -> None:
        """A real record is there already; one answer is of it, the next of what was typed."""
        page = self.page
        page.get_by_role("tab", name="Try it").click()
        page.get_by_label("Income").fill("1")
        with page.expect_response(re.compile("predict|try")) as answer:
            page.get_by_role("button", name="Predict").click()
        assert answer.value.ok, answer.value.text()
        label = page.get_by_role("region", name="Answer").get_by_text(re.compile("^(good|bad)$"))
        expect(label.first).to_be_visible()


DRAWN = """() => document.querySelector('figure[aria-label="train/loss"] canvas').toDataURL()"""
DRAWN_OTHERWISE = f"seen => {{ const now = ({DRAWN})(); return seen.includes(now) ? null : now; }}"


def test_from_a_file_to_a_prediction(opened: Opens, ground: Ground) -> None:
    page = opened("", "/").page
    journey = Journey(page)
    name = f"loans-{secrets.randbelow(10**6)}"
    journey.sign_in()
    journey.upload(name)
    journey.clean(name)
    journey.train("risk", name)
    journey.see_curves_move()
    journey.register(name, name)
    journey.deploy(name)
    journey.predict()
