"""The images of the guide, taken from a running installation of their own: `make screenshots`. And its commands, run.

The worked example is run first, and some more people, runs and wishes are added to it, so that every page has on it
what the guide says about it. A page that shows an error, an empty table or a skeleton ends the script with 1.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Error, Page, sync_playwright

from controlplane.embedded.processes import port_is_free
from docs.scene import PASSWORD, Scene, lay_scene, predict_for_ever
from tests.browser.watching import PATIENCE_SECONDS, Watched, options
from tests.support.chromium import arguments, chromium
from tests.support.stack import ROOT, Stack, running_stack

IMAGES = Path(__file__).parent / "images"
LANGUAGES = ("en", "zh")
COMMANDS = ("get-started", "api", "datasets", "runs", "models", "endpoints", "quotas", "access", "operate")
"""Pages with commands, those first that set what others use."""
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SCALE = 1.25
COLOURS = 256
FIGURES_SECONDS = 45
"""Of traffic before the charts of an endpoint are worth a picture."""
WRONG = ".mantine-Skeleton-root:visible, [aria-busy=true]:visible, main [role=alert]:visible"
PAINTED = """() => [...document.querySelectorAll('canvas')].every(canvas => {
    if (!canvas.width || !canvas.offsetParent) return true;
    return canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean);
})"""


def nothing(page: Page) -> None:
    """Most pages are as they open."""


def steps_open(page: Page) -> None:
    """One step of the cleaning report, with what it learned and rows before and after."""
    page.locator("main ol > li").nth(4).get_by_role("button").first.click()


def previewed(page: Page) -> None:
    """Rows after the step that replaces outliers, with what it changed."""
    places = page.locator("main [role=group] button[aria-pressed]")
    places.nth(5).click()
    page.locator("main table td del").first.wait_for()


def predicted(page: Page) -> None:
    page.locator("main form button[type=submit]").click()
    page.locator("main [data-answered], main :text('ms')").first.wait_for()


def keys_shown(page: Page) -> None:
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()


@dataclass(frozen=True)
class Shot:
    """One image.

    Args:
        path: the address, made from what the scene has.
        who: who looks at it.
        before: what is done on the page first.
        height: of the window, in CSS pixels: as much as the page needs.
    """

    path: Callable[[Scene], str]
    who: str = "demo"
    before: Callable[[Page], None] = field(default=nothing)
    height: int = 800


SHOTS = {
    "overview": Shot(lambda scene: "/"),
    "dataset-version": Shot(lambda scene: f"/dataset-versions/{scene.raw}"),
    "recipe": Shot(lambda scene: f"/dataset-versions/{scene.raw}/clean?recipe={scene.recipe}", before=previewed),
    "cleaning-report": Shot(
        lambda scene: f"/dataset-versions/{scene.cleaned}?tab=report", before=steps_open, height=1080
    ),
    "lineage": Shot(lambda scene: f"/dataset-versions/{scene.cleaned}?tab=lineage", height=640),
    "runs": Shot(lambda scene: "/runs?project=credit-risk", height=560),
    "run": Shot(lambda scene: f"/runs/{scene.trained}", height=1000),
    "submit": Shot(lambda scene: f"/runs/new?from={scene.trained}"),
    "compare": Shot(lambda scene: f"/runs/compare?run={scene.chosen}", height=900),
    "model-version": Shot(lambda scene: f"/model-versions/{scene.model_version}"),
    "endpoint": Shot(lambda scene: f"/endpoints/{scene.endpoint}?window=5m", height=1040),
    "endpoint-try": Shot(lambda scene: f"/endpoints/{scene.endpoint}?tab=try", before=predicted, height=900),
    "queue": Shot(lambda scene: "/quotas?tab=queue", height=560),
    "quotas": Shot(lambda scene: "/quotas?tab=usage", height=480),
    "members": Shot(lambda scene: "/access?project=credit-risk&tab=members", height=800),
    "approvals": Shot(lambda scene: "/access?tab=approvals", who="admin", height=420),
    "audit": Shot(lambda scene: "/access?tab=audit", who="admin", height=640),
    "admin-quotas": Shot(lambda scene: f"/admin/quotas/resourcepool/{scene.pool}/quotas/", who="admin", height=520),
    "keyboard": Shot(lambda scene: "/runs", before=keys_shown),
}


def run_example(stack: Stack) -> None:
    """The worked example, as `make demo` runs it.

    Raises:
        CalledProcessError: one of its checks failed.
    """
    token = stack.manage("token", "demo", "--name", "credit-risk")
    environment = os.environ | {"CREDIT_RISK_URL": stack.url, "CREDIT_RISK_TOKEN": token}
    subprocess.run([sys.executable, "examples/credit_risk/run.py"], cwd=ROOT, env=environment, check=True)


@contextmanager
def traffic(client: httpx.Client, url: str) -> Iterator[None]:
    """Predictions asked for all the while, so that the endpoint's charts have something to show."""
    over = threading.Event()
    thread = threading.Thread(target=predict_for_ever, args=(client, url, over))
    thread.start()
    over.wait(FIGURES_SECONDS)
    try:
        yield
    finally:
        over.set()
        thread.join()


def run_commands(stack: Stack) -> str:
    """Run every command of the guide in one shell, in the order of its pages; returns what went wrong."""
    script = ["set -euo pipefail"]
    for name in COMMANDS:
        page = (Path(__file__).parent / "en" / f"{name}.md").read_text(encoding="utf-8")
        script += [block for block in SHELL.findall(page) if not block.startswith("make ")]
    text = (
        "\n".join(script)
        .replace("http://127.0.0.1:8000", stack.url)
        .replace("http://127.0.0.1:8001", stack.gateway_url)
    )
    done = subprocess.run(
        ["bash", "-c", text], cwd=ROOT, env=stack.environment, capture_output=True, text=True, check=False
    )
    said = re.findall(r'"code": ?"\w+"', done.stdout)  # of problems; one is asked for, to show what they look like
    if done.returncode or said != ['"code":"not_found"']:
        return f"{done.returncode} {said}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return ""


class Camera:
    """One signed-in browser per person and language."""

    def __init__(self, browser: Browser, stack: Stack, scene: Scene) -> None:
        self.browser, self.stack, self.scene = browser, stack, scene
        self.cookies: dict[str, Any] = {}

    def take(self, name: str, language: str) -> str:
        """Write one image; returns what is wrong with the page, or an empty text."""
        shot = SHOTS[name]
        look = options(language=language) | {"viewport": {"width": 1280, "height": shot.height}}
        context = self.browser.new_context(
            **look, device_scale_factor=SCALE, storage_state=self._session(shot.who, language)
        )
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        watched = Watched(context.new_page(), self.stack.url)
        try:
            watched.go(shot.path(self.scene))
            shot.before(watched.page)
            watched.settle()
            watched.page.wait_for_function(PAINTED)
            wrong = [each.inner_text()[:200] for each in watched.page.locator(WRONG).all()] + watched.said
            watched.page.evaluate("() => scrollTo(0, 0)")
            picture = watched.page.screenshot(animations="disabled", caret="hide")
        except Error as error:
            return f"{error}: {watched.said} {watched.page.locator('body').inner_text()[:1000]!r}"
        finally:
            context.close()
        save(picture, IMAGES / language / f"{name}.png")
        return "; ".join(wrong)

    def _session(self, who: str, language: str) -> Any:
        """Cookies of somebody who has signed in, once each."""
        if who not in self.cookies:
            context = self.browser.new_context(**options())
            page = context.new_page()
            page.goto(f"{self.stack.url}/login?next=/login")
            page.fill("#id_username", who)
            page.fill("#id_password", PASSWORD)
            page.click("form:has(#id_password) button[type=submit]")
            page.wait_for_url(lambda url: "next=" not in url)
            self.cookies[who] = context.storage_state()
            context.close()
        chosen = {"name": "bedplate_language", "value": "zh-hans" if language == "zh" else "en"}
        place = {"domain": "127.0.0.1", "path": "/", "expires": -1, "httpOnly": False, "secure": False}
        state = self.cookies[who]
        return state | {"cookies": [*state["cookies"], chosen | place | {"sameSite": "Lax"}]}


def places() -> dict[str, str]:
    """Settings of the installation: the usual ports, which readers have too, unless something listens there."""
    ports = {"BEDPLATE_PORT": 8000, "BEDPLATE_GATEWAY_PORT": 8001, "BEDPLATE_WORKER_METRICS_PORT": 8002}
    free = all(port_is_free("127.0.0.1", port) for port in ports.values())
    return {"BEDPLATE_STOP_GRACE_SECONDS": "2"} | ({name: str(port) for name, port in ports.items()} if free else {})


def codes_of(image: Any) -> Any:
    """Each pixel's colour as one number."""
    return np.asarray(image).astype(np.int32).reshape(-1, 3) @ (1 << 16, 1 << 8, 1)


def parts_of(codes: Any) -> Any:
    """The same as red, green and blue."""
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1)


def save(picture: bytes, path: Path) -> None:
    """With a palette: a page has few colours, and the guide is in every checkout.

    Half of it are the page's most frequent colours, exactly, so that surfaces keep theirs; the rest covers the others.
    """
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    codes, places, counts = np.unique(codes_of(image), return_inverse=True, return_counts=True)
    frequent = codes[np.argsort(-counts)[: COLOURS // 2]]
    others = image.quantize(COLOURS - len(frequent), Image.Quantize.MAXCOVERAGE).convert("RGB")
    palette = parts_of(np.concatenate([frequent, np.unique(codes_of(others))]))
    nearest = np.array([np.abs(palette - colour).sum(axis=1).argmin() for colour in parts_of(codes)], dtype=np.uint8)
    small = Image.fromarray(nearest[places.ravel()].reshape(image.height, image.width), mode="P")
    small.putpalette(palette.astype(np.uint8).tobytes())
    path.parent.mkdir(parents=True, exist_ok=True)
    small.save(path, optimize=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", choices=[[], *SHOTS], help="names of images; all by default")
    names = parser.parse_args().only or list(SHOTS)
    path = chromium()
    if not path:
        print("The screenshots need Chromium: `make browser` installs it, or name one in CHROMIUM.", file=sys.stderr)
        return 1
    with running_stack(**places()) as stack, sync_playwright() as playwright:
        run_example(stack)
        scene = lay_scene(stack)
        with stack.client("demo") as client, traffic(client, scene.address):
            browser = playwright.chromium.launch(executable_path=path, args=arguments())
            camera = Camera(browser, stack, scene)
            wrong = {}
            for name, language in [(name, language) for name in names for language in LANGUAGES]:
                if said := camera.take(name, language):
                    wrong[f"{language}/{name}"] = said
                print(f"  {language}/{name}.png  {(IMAGES / language / f'{name}.png').stat().st_size >> 10} KiB")
            browser.close()
        if said := run_commands(stack):
            wrong["commands"] = said
    for place, said in wrong.items():
        print(f"{place}: {said}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
