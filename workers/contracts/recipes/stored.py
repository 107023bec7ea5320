"""A recipe as it is kept: every option written out, and a digest of that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from workers.contracts.recipes.kinds import KINDS


def normalised(steps: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same steps with every option written out; for steps without problems."""
    return [{"kind": step["kind"], **KINDS[step["kind"]].with_defaults(step)} for step in steps]


def secrets_of(steps: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Names of the project's secrets that the steps ask for, each once, in their order."""
    found = (
        step.get(name)
        for step in steps
        for name, option in KINDS[step["kind"]].options.items()
        if option.schema["x-input"] == "secret"
    )
    return tuple(dict.fromkeys(name for name in found if name is not None))


def digest(steps: Sequence[Mapping[str, Any]]) -> str:
    """SHA-256 of the steps, whatever the order of their options."""
    text = json.dumps(steps, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
