"""State tables: every one can end, and the READMEs' diagrams are the tables."""

from __future__ import annotations

import json
import re

import pytest
from django.apps import apps as django_apps

from apps.common.states import Stateful, StateMachine
from tests.architecture.tree import APPS, ROOT

MODELS = [
    model for app in APPS for model in django_apps.get_app_config(app).get_models() if issubclass(model, Stateful)
]
MACHINES = {model.machine.noun: (model._meta.app_label, model.machine) for model in MODELS}
ADMITS_NO_TERMINAL: set[str] = set()


@pytest.mark.parametrize("noun", sorted(MACHINES))
def test_every_state_is_reached_and_can_end(noun: str) -> None:
    machine = MACHINES[noun][1]
    assert machine.terminal, f"{noun} never ends"
    assert _closure(machine, machine.initial) | {machine.initial} == set(machine.steps)
    for state in machine.active:
        assert _closure(machine, state) & machine.terminal, f"{noun} in {state} never ends"


def _closure(machine: StateMachine, start: str) -> set[str]:
    found: set[str] = set()
    todo = [start]
    while todo:
        fresh = machine.steps[todo.pop()] - found
        found |= fresh
        todo += fresh
    return found


def _diagrams(app: str) -> dict[str, dict[str, set[str]]]:
    text = (ROOT / "apps" / app / "README.md").read_text()
    found: dict[str, dict[str, set[str]]] = {}
    for noun, block in re.findall(r"```\s*states (\w+)\n(.*?)```", text, re.DOTALL):
        rows = (line.split(":", 1) for line in block.strip().splitlines())
        found[noun] = {state.strip(): {name.strip() for name in to.split(",")} - {"(terminal)"} for state, to in rows}
    return found


@pytest.mark.parametrize("noun", sorted(MACHINES))
def test_readme_shows_the_table(noun: str) -> None:
    app, machine = MACHINES[noun]
    assert _diagrams(app).get(noun) == {state: set(to) for state, to in machine.steps.items()}


def test_readmes_show_no_other_table() -> None:
    assert {noun for app in APPS for noun in _diagrams(app)} == set(MACHINES)


WORKLOAD = {
    "pending": {"admitted", "cancelled", "failed"},
    "admitted": {"launching", "pending", "cancelled"},
    "launching": {"running", "pending", "stopping", "succeeded", "failed"},
    "running": {"stopping", "succeeded", "failed", "pending"},
    "stopping": {"pending", "cancelled", "succeeded", "failed"},
    "cancelled": set(),
    "succeeded": set(),
    "failed": set(),
}
REASONS = {
    "waiting_for_quota",
    "waiting_for_capacity",
    "waiting_for_approval",
    "budget_exhausted",
    "quality_blocked",
    "backing_off",
    "preempted",
    "reclaimed",
    "evicted",
    "node_lost",
    "no_capacity",
    "start_timeout",
    "completed",
    "exit_nonzero",
    "out_of_memory",
    "time_limit",
    "image_pull",
    "launch_error",
    "lost",
    "exceeds_quota",
    "no_matching_flavor",
    "cancelled_by_user",
    "approval_denied",
    "approval_expired",
    "deleted_externally",
    "scaled_down",
    "idle",
    "queue_timeout",
    "input_rejected",
    "environment_failed",
}


def test_the_workload_table_is_the_house_s() -> None:
    machine = MACHINES["workload"][1]
    assert {state: set(to) for state, to in machine.steps.items()} == WORKLOAD
    assert machine.reasons is not None
    assert set(machine.reasons.values) == REASONS


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_dashboard_has_words_for_every_reason(language: str) -> None:
    words = json.loads((ROOT / f"frontend/src/locale/states.{language}.json").read_text())["reason"]
    reasons = {reason for _, machine in MACHINES.values() if machine.reasons for reason in machine.reasons.values}
    assert reasons - set(words) == set()
