"""Migrating a database in this process.

Django makes the class of a model anew for each step of a migration, and with it the classes of all models that have to
do with it: nine tenths of the work of filling a new database. Yet what most steps add changes one class, or none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.core.management import call_command
from django.db.migrations.state import ModelState, ProjectState
from django.db.models import NOT_PROVIDED, Field


def migrate() -> None:
    """Apply every migration that is not applied."""
    with additions_in_place():
        call_command("migrate", verbosity=0, interactive=False)


@contextmanager
def additions_in_place() -> Iterator[None]:
    """Let new models, fields, indexes and constraints go into the classes of models that are there.

    So the state before a step shows what the step adds. Who writes PostgreSQL's statements for these steps reads the
    names of tables from it and nothing else; before a step that runs code, all classes are made anew, as Django does
    wherever it left some as they were. Only for going forward: taking an addition back needs both states.
    """
    with ExitStack() as restored:
        for name, own in _OWN.items():
            restored.callback(setattr, ProjectState, name, getattr(ProjectState, name))
            setattr(ProjectState, name, own)
        yield


def _are_made(state: ProjectState) -> bool:
    """Whether a step has asked for the classes; if so, they are from now on not what Django would have made."""
    made = "apps" in vars(state)  # to ask for the attribute would make them
    state.is_delayed = state.is_delayed or made
    return made


def _knows_relations(state: ProjectState) -> bool:
    return vars(state)["_relations"] is not None  # to ask for the attribute without the bar would look for them


def _add_model(self: ProjectState, model_state: ModelState) -> None:
    key = (model_state.app_label, model_state.name_lower)
    self.models[key] = model_state
    if _knows_relations(self):
        self.resolve_model_relations(key)
    if _are_made(self):
        self.apps.render_multiple([model_state])


def _add_field(
    self: ProjectState, app_label: str, model_name: str, name: str, field: Field[Any, Any], preserve_default: bool
) -> None:
    if not preserve_default:
        field = field.clone()
        field.default = NOT_PROVIDED
    key = (app_label, model_name)
    self.models[key].fields[name] = field
    if _knows_relations(self):
        self.resolve_model_field_relations(key, name, field)
    if _are_made(self):
        with self.apps.bulk_update():
            field.clone().contribute_to_class(self.apps.get_model(*key), name)


def _append_option(self: ProjectState, app_label: str, model_name: str, option_name: str, obj: Any) -> None:
    _set_option(self, (app_label, model_name), option_name, [*_option(self, app_label, model_name, option_name), obj])


def _remove_option(self: ProjectState, app_label: str, model_name: str, option_name: str, obj_name: str) -> None:
    kept = [one for one in _option(self, app_label, model_name, option_name) if one.name != obj_name]
    _set_option(self, (app_label, model_name), option_name, kept)


def _option(state: ProjectState, app_label: str, model_name: str, name: str) -> list[Any]:
    found: list[Any] = state.models[app_label, model_name].options[name]
    return found


def _set_option(state: ProjectState, key: tuple[str, str], name: str, value: list[Any]) -> None:
    state.models[key].options[name] = value
    if _are_made(state):
        setattr(state.apps.get_model(*key)._meta, name, list(value))


_OWN: dict[str, Callable[..., None]] = {
    "add_model": _add_model,
    "add_field": _add_field,
    "_append_option": _append_option,
    "_remove_option": _remove_option,
}
