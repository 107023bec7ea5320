"""How an expectation's parameters are stored."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from workers.contracts.expectations.kinds import KINDS


def normalised(kind: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Every option written out, in the order of the kind; for parameters without problems of form."""
    options = KINDS[kind].options
    return {name: deepcopy(parameters.get(name, option.default)) for name, option in options.items()}
