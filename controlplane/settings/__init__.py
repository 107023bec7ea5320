"""Django settings: `base` is shared, `dev`, `test` and `production` say what differs."""

from types import ModuleType
from typing import Any


def shared(module: ModuleType) -> dict[str, Any]:
    """The settings of a module, for one that builds on it."""
    return {name: value for name, value in vars(module).items() if name.isupper()}
