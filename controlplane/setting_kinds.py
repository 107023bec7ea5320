"""Kinds of settings: how the text of a variable becomes a value, and how to say in words what it takes."""

from __future__ import annotations

import base64
import difflib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dotenv import dotenv_values

KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Kind:
    """How the text of a variable becomes a value. `parse` raises ValueError for what it does not take."""

    takes: str
    parse: Callable[[str], Any]


def whole_number(low: int, high: int, takes: str) -> Kind:
    def parse(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return Kind(takes, parse)


def one_of(*choices: str) -> Kind:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(text)
        return text

    return Kind(" or ".join(f"`{choice}`" for choice in choices), parse)


def address(takes: str, *schemes: str) -> Kind:
    """A URL of one of the schemes, with a host, or for `file` with an absolute path; no closing slash."""

    def parse(text: str) -> str:
        parts = urlsplit(text)
        located = parts.path.startswith("/") and not parts.netloc if parts.scheme == "file" else parts.hostname
        if parts.scheme not in schemes or not located or (parts.port is not None and not 0 < parts.port < 65536):
            raise ValueError(text)
        return text.rstrip("/")

    return Kind(takes, parse)


def text_of_at_least(length: int) -> Kind:
    def parse(text: str) -> str:
        if len(text) < length:
            raise ValueError("too short")
        return text

    return Kind(f"text of at least {length} characters", parse)


def _parse_switch(text: str) -> bool:
    known = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    try:
        return known[text.lower()]
    except KeyError as error:
        raise ValueError(text) from error


def _parse_list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _parse_host(text: str) -> str:
    if not text or any(character in text for character in "/ @"):
        raise ValueError(text)
    return text


def wrong_key_line(text: str) -> str:
    """Why a file of encryption keys cannot be used, by line, without showing what is in it; empty when it can."""
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    lines = [(number, line) for number, line in lines if line and not line.startswith("#")]
    for number, line in lines:
        name, _, key = line.partition(":")
        try:
            fits = bool(name) and len(base64.b64decode(key, validate=True)) == KEY_BYTES
        except ValueError:
            fits = False
        if not fits:
            return f"line {number} is not `key_id:base64 of {KEY_BYTES} bytes`"
    return "" if lines else "it has no key"


SWITCH = Kind("`true` or `false`", _parse_switch)
NAMES = Kind("names, separated by commas", _parse_list)
HOST = Kind("a host name or an IP address", _parse_host)


def file_of_settings(path: Path, prefix: str, known: Collection[str], problems: list[str]) -> dict[str, str]:
    """What a file of settings says. A name with the prefix that is not known is entered as a problem."""
    found = {name: text for name, text in dotenv_values(path).items() if text}
    for name in sorted(name for name in found if name.startswith(prefix) and name not in known):
        close = difflib.get_close_matches(name, known, n=1)
        problems.append(f"{name} in {path} is no setting" + (f"; did you mean {close[0]}?" if close else ""))
    return found
