"""How quick the dashboard is in a browser: a headless Chromium before one web process with a publisher.

    make frontend; python -m bench.dashboard [--runs 10000] [--points 100000] [--minutes 30]

`first_page_seconds`: cold cache, navigation → the overview's figures are read. `initial_js_kb`: scripts of the first
page, gzip. `route_change_ms`: a press on the navigation → the other page's heading, p95 of visits to pages whose code
is there; `first_visit_ms` beside it: code and words are fetched too. `runs_list_seconds`: cold, 10,000 runs → the
first row. `runs_scroll_longest_ms`: the longest task of the main thread, in its processor time, while those runs are
scrolled, three rows a frame and then a hundred. `runs_filter_p95_ms`: another condition in the address → its rows are
counted on the page. `live_frame_p95_ms`: work of the main thread in a frame (its animation callbacks to the end of its
painting) on a run's page with 20 charts of 100,000 points, while 10 batches a second arrive. `memory_growth_mb`: of
the same page's heap after collection, over the minutes. There is no peer on this machine to open beside it.
"""

from __future__ import annotations

import argparse
import re
import statistics
import threading
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench import figures
from bench.web_alone import WebAlone, web_alone
from tests.support.chromium import arguments, chromium

BENCH = "dashboard"
CHARTS = 20
UPDATES_PER_SECOND = 10
BATCH_POINTS = 5_000
ROUNDS = 5
ALL_CHARTS = 2400
"""Height of a screen (px) on which all charts are seen at once: those out of sight are not drawn."""
SCROLLED_FRAMES = 300
LONG_TASK_MS = 50
SCROLL = """async frames => {
  const box = document.querySelector('[data-scroll-restoration-id=runs]');
  for (let at = 0; at < frames; at += 1) {
    box.scrollTop += at < 0.75 * frames ? 102 : 3400;
    await new Promise(requestAnimationFrame);
  }
}"""
FILTER = """async where => {
  const said = () => document.querySelector('main [role=status]').textContent;
  const before = said();
  const began = performance.now();
  const search = new URLSearchParams(location.search);
  search.set('where', JSON.stringify([where]));
  history.pushState({}, '', '/runs?' + search);
  while (said() === before) {
    if (performance.now() - began > 30000) throw new Error(`as many runs as before: ${before}`);
    await new Promise(requestAnimationFrame);
  }
  return performance.now() - began;
}"""
THRESHOLDS = range(800, 900, 5)
"""Thousandths of the area under the curve: each lets another number of the synthetic runs through."""
PAGES = ("Datasets", "Runs", "Models", "Endpoints", "Quotas", "Access", "Overview")
FRAMES = """() => {
  const spent = (window.spent = []);
  const channel = new MessageChannel();
  let began = 0;
  channel.port1.onmessage = () => spent.push(performance.now() - began);
  const frame = () => { requestAnimationFrame(frame); began = performance.now(); channel.port2.postMessage(0); };
  requestAnimationFrame(frame);
}"""
"""A message posted in an animation callback is handled after the frame's style, layout and paint."""
GO = """async ([name]) => {
  const link = [...document.querySelectorAll('nav a')].find((each) => each.textContent.trim() === name);
  const before = document.querySelector('main h1')?.textContent;
  const began = performance.now();
  link.click();
  while (document.querySelector('main h1')?.textContent === before) await new Promise(requestAnimationFrame);
  return performance.now() - began;
}"""


def main() -> None:
    options = _options()
    figures.say_machine(BENCH)
    with web_alone(publisher=True, pages=True) as web, sync_playwright() as playwright:
        made = web.python("bench.dashboard_rows", str(options.runs))
        browser = playwright.chromium.launch(executable_path=chromium(), args=arguments())
        state = signed_in(browser, web, made)
        first_page(browser, web, state)
        routes(browser, web, state)
        runs_list(browser, web, state, made)
        runs_scroll(browser, web, state, made)
        live_run(browser, web, state, made, options)
        browser.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--minutes", type=float, default=30)
    return parser.parse_args()


def signed_in(browser: Browser, web: WebAlone, made: dict[str, Any]) -> Any:
    """Cookies of a session."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{web.url}/login")
    page.fill("[name=username]", made["username"])
    page.fill("[name=password]", made["password"])
    page.press("[name=password]", "Enter")
    page.wait_for_selector("main h1")
    state = context.storage_state()
    context.close()
    return state


@contextmanager
def cold(browser: Browser, state: Any, height: int = 900) -> Iterator[tuple[BrowserContext, Page]]:
    """A page of a browser that has seen nothing yet but the sign-in."""
    context = browser.new_context(storage_state=state, viewport={"width": 1440, "height": height})
    yield context, context.new_page()
    context.close()


def first_page(browser: Browser, web: WebAlone, state: Any) -> None:
    seconds: list[float] = []
    scripts: list[str] = []
    for _ in range(ROUNDS):
        with cold(browser, state) as (_context, page):
            began = time.perf_counter()
            page.goto(f"{web.url}/", wait_until="commit")
            page.wait_for_function("() => document.querySelector('main table td.num') !== null")
            seconds.append(time.perf_counter() - began)
            names = "performance.getEntriesByType('resource').map((each) => each.name)"
            scripts = [name for name in page.evaluate(names) if re.search(r"\.js$", name)]
    figures.say(BENCH, "first_page_seconds", statistics.median(seconds), "s", most=round(max(seconds), 3))
    folder = Path(web.environment["BEDPLATE_HOME"]) / "static"
    size = sum(
        (folder / f"{name.split('/static/', 1)[1]}.gz").stat().st_size for name in scripts if _is_packed(folder, name)
    )
    figures.say(BENCH, "initial_js_kb", size / 1000, "kB", scripts=len(scripts))


def _is_packed(folder: Path, name: str) -> bool:
    """What is too small to be compressed has no file for it, and counts for nothing."""
    return (folder / f"{name.split('/static/', 1)[1]}.gz").exists()


def routes(browser: Browser, web: WebAlone, state: Any) -> None:
    with cold(browser, state) as (_context, page):
        page.goto(f"{web.url}/")
        page.wait_for_selector("main h1")
        first = [page.evaluate(GO, [name]) for name in PAGES]
        visits = [(name, page.evaluate(GO, [name])) for _ in range(ROUNDS) for name in PAGES]
    again = [took for _name, took in visits]
    slowest = max(visits, key=lambda visit: visit[1])
    figures.say(BENCH, "route_change_ms", figures.percentile(again, 95), "ms", p50=round(statistics.median(again), 1),
                slowest=slowest[0], slowest_ms=round(slowest[1], 1))  # fmt: skip
    figures.say(BENCH, "first_visit_ms", statistics.median(first), "ms", most=round(max(first), 1))


def runs_list(browser: Browser, web: WebAlone, state: Any, made: dict[str, Any]) -> None:
    seconds: list[float] = []
    for _ in range(ROUNDS):
        with cold(browser, state) as (_context, page):
            began = time.perf_counter()
            page.goto(f"{web.url}/runs?project={made['project']}", wait_until="commit")
            page.wait_for_function("""() => document.querySelector("main a[href*='/runs/0']") !== null""")
            seconds.append(time.perf_counter() - began)
    figures.say(
        BENCH, "runs_list_seconds", statistics.median(seconds), "s", most=round(max(seconds), 3), runs=made["runs"]
    )


def runs_scroll(browser: Browser, web: WebAlone, state: Any, made: dict[str, Any]) -> None:
    columns = "&".join(f"columns={name}" for name in ("state", "goal", "params.learning_rate", "curve", "created_at"))
    with cold(browser, state) as (_context, page):
        page.goto(f"{web.url}/runs?project={made['project']}&{columns}")
        page.wait_for_selector("main tbody a")
        page.evaluate(SCROLL, 40)
        browser.start_tracing(page=page, categories=["toplevel", "devtools.timeline"])
        page.evaluate(SCROLL, SCROLLED_FRAMES)
        tasks = _main_thread(msgspec.json.decode(browser.stop_tracing())["traceEvents"])
        filtered = [page.evaluate(FILTER, f"metrics.validation/auc>0.{number}") for number in THRESHOLDS]
    long = sum(each > LONG_TASK_MS for each in tasks)
    figures.say(BENCH, "runs_scroll_longest_ms", max(tasks), "ms", frames=SCROLLED_FRAMES, long_tasks=long,
                per_frame_ms=round(sum(tasks) / SCROLLED_FRAMES, 1))  # fmt: skip
    figures.say(BENCH, "runs_filter_p95_ms", figures.percentile(filtered, 95), "ms",
                p50=round(statistics.median(filtered), 1), runs=made["runs"])  # fmt: skip


def _main_thread(events: list[dict[str, Any]]) -> list[float]:
    """Tasks of the page's main thread: milliseconds of processor time, which other programs do not lengthen."""
    named = (each for each in events if each["name"] == "thread_name" and each["args"]["name"] == "CrRendererMain")
    threads = {(each["pid"], each["tid"]) for each in named}
    return [
        each.get("tdur", 0) / 1000
        for each in events
        if each["name"].endswith("RunTask") and each["ph"] == "X" and (each["pid"], each["tid"]) in threads
    ]


def _loss(key: int, step: int) -> float:
    """Falls, with noise that is the same each time."""
    return 2.0 / (1 + step / 1000) + key / 50 + (step * 7919 % 101) / 2000


class Job:
    """Sends points of all charts, as the client in a job does."""

    def __init__(self, web: WebAlone, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-msgpack"}
        self._http = httpx.Client(base_url=web.url, headers=headers, timeout=30, trust_env=False)
        self._sequence = self._step = 0
        self._ended = threading.Event()

    def send(self, points: int) -> None:
        steps = array("q", range(self._step, self._step + points))
        times = array("d", [time.time()] * points)
        columns = {"steps": steps.tobytes(), "times": times.tobytes()}
        curve = [
            {
                "key": f"loss/layer-{key:02}",
                "values": array("d", [_loss(key, step) for step in steps]).tobytes(),
                **columns,
            }
            for key in range(CHARTS)
        ]
        body = msgspec.msgpack.encode({"rank": 0, "sequence": self._sequence, "points": curve})
        self._http.post("/api/v1/runtime/metrics", content=body).raise_for_status()
        self._sequence, self._step = self._sequence + 1, self._step + points

    def go_on(self) -> None:
        """Ten batches a second, until it is ended."""
        due = time.monotonic()
        while not self._ended.wait(max(0.0, due - time.monotonic())):
            self.send(1)
            due += 1 / UPDATES_PER_SECOND

    def end(self) -> None:
        self._ended.set()


def live_run(browser: Browser, web: WebAlone, state: Any, made: dict[str, Any], options: argparse.Namespace) -> None:
    job = Job(web, made["token"])
    for _ in range(0, options.points, BATCH_POINTS):
        job.send(BATCH_POINTS)
    sender = threading.Thread(target=job.go_on, daemon=True)
    with cold(browser, state, height=ALL_CHARTS) as (context, page):
        page.goto(f"{web.url}/runs/{made['run']}")
        page.wait_for_function(f"() => document.querySelectorAll('main canvas').length >= {CHARTS}", timeout=60_000)
        sender.start()
        heap = context.new_cdp_session(page)
        page.wait_for_timeout(5_000)
        before = _heap_bytes(heap)
        page.evaluate(FRAMES)
        page.wait_for_timeout(options.minutes * 60_000)
        spent = page.evaluate("window.spent")
        page.evaluate("window.spent.length = 0")
        after = _heap_bytes(heap)
    job.end()
    sender.join()
    shown = {"charts": CHARTS, "points": options.points, "frames": len(spent)}
    figures.say(BENCH, "live_frame_p95_ms", figures.percentile(spent, 95), "ms", p50=round(statistics.median(spent), 2),
                p99=round(figures.percentile(spent, 99), 2), **shown)  # fmt: skip
    figures.say(
        BENCH, "memory_growth_mb", (after - before) / 1e6, "MB", minutes=options.minutes, heap_mb=round(after / 1e6, 1)
    )


def _heap_bytes(session: Any) -> float:
    for _ in range(2):
        session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    told = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    return float(told["JSHeapUsedSize"])


if __name__ == "__main__":
    main()
