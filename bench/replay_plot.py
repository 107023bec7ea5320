"""A drawing of a replay's figures, as SVG: bars per load and policy, and below how long jobs waited."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from math import log10

from bench.replay_run import Figures

COLOURS = {
    "bedplate": "#0b6e8a",
    "fifo": "#a3a9b2",
    "shortest": "#d3932a",
    "drf": "#8a6bb1",
    "drf_backfill": "#c2564b",
}
WIDTH, HEIGHT, MARGIN = 1200, 720, 56
PANELS: tuple[tuple[str, str, Callable[[Figures], float], bool], ...] = (
    ("mean wait", "s", lambda one: one.mean_wait, True),
    ("99th percentile of waits", "s", lambda one: one.p99_wait, True),
    ("utilisation", "%", lambda one: 100 * one.utilisation, False),
    ("Jain's index of shares", "%", lambda one: 100 * one.jain, False),
)


class Drawing:
    def __init__(self) -> None:
        self.parts: list[str] = []

    def text(self, x: float, y: float, text: str, size: int = 12, anchor: str = "start", fill: str = "#333a44") -> None:
        style = f'font-size="{size}" text-anchor="{anchor}" fill="{fill}"'
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>')

    def box(self, x: float, y: float, width: float, height: float, fill: str) -> None:
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}"/>')

    def line(self, points: Sequence[tuple[float, float]], stroke: str, width: float = 1.0) -> None:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{stroke}" stroke-width="{width}"/>')

    def whole(self) -> str:
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}"'
        head += ' font-family="system-ui, sans-serif">'
        return "\n".join([head, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>', *self.parts, "</svg>\n"])


def plot(figures: Sequence[Figures], title: str) -> str:
    drawing = Drawing()
    policies = list(dict.fromkeys(one.policy for one in figures))
    loads = sorted({one.load for one in figures})
    drawing.text(MARGIN, 30, title, 16)
    for number, policy in enumerate(policies):
        drawing.box(MARGIN + 130 * number, 44, 12, 12, COLOURS[policy])
        drawing.text(MARGIN + 130 * number + 18, 55, policy)
    width = (WIDTH - MARGIN) / len(PANELS)
    for number, panel in enumerate(PANELS):
        _bars(drawing, MARGIN + width * number, 108, width - 44, 210, panel, figures, loads)
    width = (WIDTH - MARGIN) / len(loads)
    for number, load in enumerate(loads):
        here = [one for one in figures if one.load == load]
        _waits(drawing, MARGIN + width * number, 410, width - 44, 230, load, here)
    return drawing.whole()


def _bars(
    drawing: Drawing,
    x: float,
    y: float,
    width: float,
    height: float,
    panel: tuple[str, str, Callable[[Figures], float], bool],
    figures: Sequence[Figures],
    loads: Sequence[float],
) -> None:
    name, unit, value, logarithmic = panel
    drawing.text(x, y - 18, f"{name}, {unit}" + (" (logarithmic)" if logarithmic else ""), 13)
    values = [value(one) for one in figures]
    most, least = max([*values, 1e-9]), 0.0 if logarithmic else max(0.0, min(values) - (max(values) - min(values)) - 1)
    group = width / len(loads)
    for at, load in enumerate(loads):
        here = [one for one in figures if one.load == load]
        bar = (group - 12) / len(here)
        for number, one in enumerate(here):
            part = _part(value(one), most, logarithmic) if logarithmic else (value(one) - least) / (most - least or 1)
            left, tall = x + at * group + number * bar, max(1.0, part * height)
            drawing.box(left, y + height - tall, bar - 1.5, tall, COLOURS[one.policy])
            drawing.text(left + bar / 2 - 1, y + height - tall - 3, f"{value(one):.0f}", 8, "middle")
        drawing.text(x + at * group + (group - 12) / 2, y + height + 16, f"load {load:g}", 11, "middle")
    foot = "" if logarithmic or least <= 0 else f"the axis begins at {least:.0f} {unit}"
    drawing.text(x, y + height + 32, foot, 10, fill="#6b7480")
    drawing.line([(x, y + height), (x + width - 12, y + height)], "#c6ccd4")


def _waits(
    drawing: Drawing, x: float, y: float, width: float, height: float, load: float, figures: Sequence[Figures]
) -> None:
    """How many of the jobs waited no longer than that."""
    drawing.text(x, y - 10, f"jobs that waited no longer, load {load:g}", 13)
    most = max([one.waits[-1] for one in figures] + [10.0])
    for percent in (0, 50, 100):
        level = y + height - percent / 100 * height
        drawing.line([(x, level), (x + width, level)], "#e5e8ec")
        drawing.text(x - 6, level + 4, f"{percent} %", 10, "end")
    for tick in (1, 10, 100, 1000, 10_000):
        if tick <= most:
            at = x + _part(tick, most, True) * width
            drawing.line([(at, y), (at, y + height)], "#e5e8ec")
            drawing.text(at, y + height + 16, f"{tick:,} s", 10, "middle")
    for one in figures:
        points = [
            (x + _part(wait, most, True) * width, y + height - at / 100 * height) for at, wait in enumerate(one.waits)
        ]
        drawing.line(points, COLOURS[one.policy], 2.4 if one.policy == "bedplate" else 1.6)


def _part(value: float, most: float, logarithmic: bool) -> float:
    return log10(1 + value) / log10(1 + most) if logarithmic else value / most
