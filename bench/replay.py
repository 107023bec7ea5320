"""A recorded cluster trace under the product's policy and four others: `python -m bench.replay [--nodes F --tasks F]`.

Files in the form of the Alibaba GPU trace of 2023 (`openb_node_list_gpu_node.csv`, `openb_pod_list_default.csv`);
without any, the small generated sample in `bench/data`. What is added to a trace and what is cut is in
`replay_trace.py` and printed; the other policies are described in `replay_peers.py`, the figures in `replay_run.py` and
`apps/quotas/scheduling/outcome.py`. Violations are counted by a referee that trusts no policy's books.

One JSON line per load, policy and figure, then a table, and a drawing in `--plot`. The product's figures stand beside
the peer that they are measured by: the mean wait beside DRF with backfill, the 99th percentile beside FIFO, utilisation
and Jain's index beside the best of all.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from bench.figures import say, say_machine
from bench.replay_estimates import Estimating, second_half
from bench.replay_plot import plot
from bench.replay_run import NOTICE_SECONDS, OURS, POLICIES, RESUME_SECONDS, Figures, run
from bench.replay_sample import NODES, TASKS
from bench.replay_trace import Replay, nodes_of, replay_of, tasks_of

DATA = Path(__file__).parent / "data"
LOADS = (0.8, 1.0, 1.3)
UNITS = {
    "mean_wait": "s",
    "p99_wait": "s",
    "utilisation": "1",
    "fragmentation": "1",
    "jain": "1",
    "quota_violations": "1",
    "gang_violations": "1",
    "capacity_violations": "1",
    "preemptions": "1",
    "lost_device_hours": "h",
    "never_started": "1",
    "cycle_ms": "ms",
}
TARGETS = {"mean_wait": ("drf_backfill", 1.05), "p99_wait": ("fifo", 1.0), "utilisation": ("", 0.98), "jain": ("", 1.0)}
"""Figure → its peer (empty: the best of them) and how many times that it may, or must, reach."""

ESTIMATES = {"estimate_error_ratio": (0.0, 0.7), "estimate_coverage_80": (0.75, 0.85)}
"""Figures of the estimated starts, and between what they must be."""


def main() -> int:
    options = _options()
    say_machine("replay")
    todo = [(options, load, policy) for load in options.loads for policy in options.policies]
    if options.processes > 1:
        with ProcessPoolExecutor(options.processes) as pool:
            done = list(pool.map(_play, todo))
    else:
        done = [_play(one) for one in todo]
    for load in options.loads:
        print(json.dumps({"bench": "replay", "replay": _replay(options, load).said}))
    for figures in done:
        _say(figures, [one for one in done if one.load == figures.load and one.policy != OURS])
    print(table(done))
    missed = [text for one in done if one.policy == OURS for text in misses(one, done)]
    print("\n".join(missed) if missed else "Nothing is missed of what is to be reached.")
    if options.plot:
        tasks = "the sample" if options.tasks == DATA / TASKS else options.tasks.name
        options.plot.write_text(plot(done, f"Replay of {tasks}, seed {options.seed}"))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=Path, default=DATA / NODES)
    parser.add_argument("--tasks", type=Path, default=DATA / TASKS)
    parser.add_argument("--loads", type=lambda text: [float(one) for one in text.split(",")], default=list(LOADS))
    parser.add_argument("--policies", type=lambda text: text.split(","), default=list(POLICIES))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tick", type=float, default=5.0, help="seconds between two decisions")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--plot", type=Path, help="where the drawing (SVG) goes")
    options = parser.parse_args()
    if unknown := set(options.policies) - set(POLICIES):
        parser.error(f"there is no policy {', '.join(sorted(unknown))}; there are {', '.join(POLICIES)}")
    return options


def _replay(options: argparse.Namespace, load: float) -> Replay:
    replay = replay_of(nodes_of(options.nodes), tasks_of(options.tasks), load, options.seed)
    more = {"tick_seconds": options.tick, "notice_seconds": NOTICE_SECONDS, "work_redone_seconds": RESUME_SECONDS}
    replay.said.update(more)
    return replay


def _play(one: tuple[argparse.Namespace, float, str]) -> Figures:
    options, load, policy = one
    replay = _replay(options, load)
    if policy != OURS:
        return run(replay, policy, options.tick)[0]
    estimating = Estimating(second_half(replay.jobs), replay.start.holdings)
    figures, _ = run(replay, policy, options.tick, observer=estimating)
    return replace(figures, estimates=estimating.figures.said())


def _say(figures: Figures, others: Sequence[Figures]) -> None:
    for metric, unit in UNITS.items():
        peer = _peer(metric, others) if figures.policy == OURS else None
        name, value = (peer.policy, getattr(peer, metric)) if peer is not None else ("", None)
        more = {"policy": figures.policy, "load": figures.load}
        say("replay", metric, getattr(figures, metric), unit, peer=name, peer_value=value or None, **more)
    _say_estimates(figures)


def _say_estimates(figures: Figures) -> None:
    """How far off estimated starts were, of the second half; see `replay_estimates`."""
    for metric, value in figures.estimates.items():
        unit = "s" if metric.endswith("error") else "1"
        say("replay", metric, value, unit, peer="", peer_value=None, policy=figures.policy, load=figures.load)


def _peer(metric: str, others: Sequence[Figures]) -> Figures | None:
    if metric not in TARGETS or not others:
        return None
    name, _ = TARGETS[metric]
    if name:
        return next((one for one in others if one.policy == name), None)
    return max(others, key=lambda one: float(getattr(one, metric)))


def misses(ours: Figures, done: Sequence[Figures]) -> list[str]:
    """What is to be reached and is not, in words."""
    found = []
    for metric, (_, times) in TARGETS.items():
        peer = _peer(metric, [one for one in done if one.load == ours.load and one.policy != OURS])
        if peer is None:
            continue
        value, bound = float(getattr(ours, metric)), times * float(getattr(peer, metric))
        if value > bound if metric.endswith("wait") else value < bound:
            found.append(
                f"Missed at load {ours.load:g}: {metric} {value:.4f}, {times:g} × {peer.policy} is {bound:.4f}."
            )
    for metric in ("quota_violations", "gang_violations", "capacity_violations"):
        if getattr(ours, metric):
            found.append(f"Missed at load {ours.load:g}: {metric} {getattr(ours, metric)}.")
    for metric, (least, most) in ESTIMATES.items():
        if metric in ours.estimates and not least <= ours.estimates[metric] <= most:
            found.append(
                f"Missed at load {ours.load:g}: {metric} {ours.estimates[metric]} is not {least:g} to {most:g}."
            )
    return found


def table(done: Sequence[Figures]) -> str:
    """All figures, in Markdown."""
    lines = ["| load | policy | " + " | ".join(UNITS) + " |", "|---" * (2 + len(UNITS)) + "|"]
    for one in done:
        cells = [f"{getattr(one, metric):.4g}" for metric in UNITS]
        lines.append(f"| {one.load:g} | {one.policy} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
