"""compose.yaml and compose.env.example as the tests read them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
VARIABLE = re.compile(r"\$(?:\$|\{(?P<name>\w+)(?P<sign>:-|:\?)(?P<rest>[^}]*)\})")


@cache
def text(name: str = "compose.yaml") -> str:
    return (DEPLOY / name).read_text()


@cache
def compose(name: str = "compose.yaml") -> dict[str, Any]:
    """The file as it stands, with its anchors resolved and its variables not."""
    loaded: dict[str, Any] = yaml.safe_load(text(name))
    return loaded


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


def variables() -> dict[str, set[str | None]]:
    """Every variable that the file asks for → its defaults; None where it is asked for without one."""
    found: dict[str, set[str | None]] = {}
    for each in VARIABLE.finditer(text()):
        if each["name"]:
            found.setdefault(each["name"], set()).add(each["rest"] if each["sign"] == ":-" else None)
    return found


def interpolated(value: str, given: dict[str, str]) -> str:
    """What compose makes of it; raises KeyError for a variable that has to be given and is not."""

    def put(each: re.Match[str]) -> str:
        if not each["name"]:
            return "$"
        return given[each["name"]] if each["sign"] == ":?" else given.get(each["name"]) or each["rest"]

    return VARIABLE.sub(put, value)


def example() -> dict[str, str]:
    """The variables of compose.env.example, as it comes."""
    lines = (DEPLOY / "compose.env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
