"""The table of commands that may be asked for by an approval request.

An app names its commands in its `AppConfig.ready()`: access knows none of them. Imports no model, so that an
`apps.py` may import it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.module_loading import import_string

from apps.common.errors import Invalid

Validate = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Args:
        name: `<noun>.<verb>`.
        validate: takes the arguments as asked, gives them as stored (plain JSON), raises Invalid; or the dotted
            name of that function, because `apps.py` is loaded before the models.
        superuser_only: an admin of the project may not decide it: what costs others, like quota.
    """

    name: str
    validate: Validate | str
    superuser_only: bool = False

    def checked(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments as they are stored; raises Invalid."""
        validate: Validate = import_string(self.validate) if isinstance(self.validate, str) else self.validate
        return validate(arguments)


_commands: dict[str, Command] = {}


def command_register(name: str, validate: Validate | str, *, superuser_only: bool = False) -> None:
    """Let approval requests name this command."""
    _commands[name] = Command(name, validate, superuser_only)


def command(name: str) -> Command:
    """The command of that name; raises Invalid."""
    if name not in _commands:
        known = ", ".join(sorted(_commands)) or "none"
        raise Invalid(f"{name!r} is no command; there are: {known}.", fields={"command": ["no such command"]})
    return _commands[name]


def command_known(name: str) -> Command | None:
    """The command of that name; None: no app names it any more."""
    return _commands.get(name)


def command_names() -> list[str]:
    """Every name, sorted."""
    return sorted(_commands)
