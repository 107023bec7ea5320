"""Is this list of steps one that a job can follow? Says where it is not, without looking at any data."""

from __future__ import annotations

import hashlib
import json
from copy import deepcopy
from difflib import get_close_matches
from typing import Any

from apps.datasets.recipes.kinds import KINDS, Kind

MAX_STEPS = 100

Problems = dict[str, list[str]]
"""Place → sentences: `{"steps[2].kind": ["…"]}`."""


def problems(steps: Any) -> Problems:
    """What is wrong, by place; empty when nothing is."""
    if not isinstance(steps, list) or not steps:
        return {"steps": ["Takes a list of at least one step."]}
    if len(steps) > MAX_STEPS:
        return {"steps": [f"Takes at most {MAX_STEPS} steps; these are {len(steps)}."]}
    found: Problems = {}
    for index, step in enumerate(steps):
        found |= _in_step(f"steps[{index}]", step)
    return found or _in_order(steps)


def normalised(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same steps with every option written out; for steps without problems."""
    return [
        {"kind": step["kind"]}
        | {name: deepcopy(step.get(name, option.default)) for name, option in KINDS[step["kind"]].options.items()}
        for step in steps
    ]


def digest(steps: list[dict[str, Any]]) -> str:
    """`sha256:…` of normalised steps."""
    text = json.dumps(steps, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _in_step(place: str, step: Any) -> Problems:
    if not isinstance(step, dict):
        return {place: ["Takes an object with a `kind`."]}
    kind = KINDS.get(step["kind"]) if isinstance(step.get("kind"), str) else None
    if kind is None:
        return {f"{place}.kind": [_unknown(step.get("kind"), sorted(KINDS))]}
    found: Problems = {}
    for name in step:
        if name != "kind" and name not in kind.options:
            found[f"{place}.{name}"] = [_unknown(name, sorted(kind.options))]
    for name, option in kind.options.items():
        if name not in step and option.required:
            found[f"{place}.{name}"] = [f"Is missing; takes {option.takes}."]
        elif name in step and not option.holds(step[name]):
            found[f"{place}.{name}"] = [f"Takes {option.takes}, not {_shown(step[name])}."]
    return found


def _in_order(steps: list[dict[str, Any]]) -> Problems:
    found: Problems = {}
    seen: set[str] = set()
    for index, step in enumerate(steps):
        name = step["kind"]
        kind: Kind = KINDS[name]
        if kind.once and name in seen:
            found[f"steps[{index}].kind"] = [f"There is more than one {name!r}."]
        if kind.fitted and "split" not in seen:
            found[f"steps[{index}].kind"] = [
                f"{name!r} learns from the data: put a 'split' before it, so that it sees the training part only."
            ]
        seen.add(name)
    return found


def _unknown(word: Any, known: list[str]) -> str:
    close = get_close_matches(word, known, n=1) if isinstance(word, str) else []
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"{_shown(word)} is not known; known are {', '.join(known) or 'none'}.{hint}"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}…"
