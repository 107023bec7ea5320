"""Kinds of settings: how the text of a variable becomes a value, and how to say in words what it takes."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

KEY_BYTES = 32
QUEUES = ("control", "dispatch", "data", "notify")
"""Of background work."""


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


def _parse_queues(text: str) -> tuple[str, ...]:
    names = _parse_list(text)
    if not names or not set(names) <= set(QUEUES):
        raise ValueError(text)
    return names


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


def _parse_ray(text: str) -> str:
    host, _, port = text.removeprefix("ray://").rpartition(":")
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(text)
    _parse_host(host)
    return text


def _parse_backend(text: str) -> str:
    if text != "local" and not re.fullmatch(r"kubernetes/[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?", text):
        raise ValueError(text)
    return text


def _parse_image(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][-A-Za-z0-9._:/@]*", text):
        raise ValueError(text)
    return text


def _parse_currency(text: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", text):
        raise ValueError(text)
    return text


SWITCH = Kind("`true` or `false`", _parse_switch)
BACKEND = Kind("`local`, or `kubernetes/` and the name of a cluster", _parse_backend)
IMAGE = Kind("the name of a container image", _parse_image)
CURRENCY = Kind("three capital letters", _parse_currency)
NAMES = Kind("names, separated by commas", _parse_list)
QUEUE_NAMES = Kind(f"some of {', '.join(f'`{name}`' for name in QUEUES)}, separated by commas", _parse_queues)
HOST = Kind("a host name or an IP address", _parse_host)
PORT = whole_number(1, 65535, "a port, 1 to 65535")
LONG_TEXT = text_of_at_least(32)
HTTP_URL = address("`http://host[:port]` or `https://host[:port]`", "http", "https")
POSTGRES_URL = address("`postgresql://user:password@host:port/database`", "postgresql", "postgres")
REDIS_URL = address("`redis://[:password@]host:port[/number]` or `rediss://…`", "redis", "rediss")
RAY_ADDRESS = Kind("`ray://host:port` or `host:port`", _parse_ray)
STORAGE_URL = address("`file:///absolute/folder` or `s3://bucket[/prefix]`", "file", "s3")


def variable(kind: Kind, default: Any, shown: str, about: str, *, secret: bool = False) -> Any:
    """One row of the table. `default` is a value, or a function of the values of the rows above."""
    return field(metadata={"kind": kind, "default": default, "shown": shown, "about": about, "secret": secret})


def reachable(values: dict[str, Any], port: str) -> str:
    """Address of that port as this machine reaches it."""
    host = values["host"]
    host = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{values[port]}" if ":" in host else f"http://{host}:{values[port]}"


def default_hosts(values: dict[str, Any]) -> tuple[str, ...]:
    """Names by which this installation is called, as far as the settings say."""
    called = urlsplit(values["job_api_url"] or "").hostname or "localhost"
    return tuple(dict.fromkeys(("localhost", "127.0.0.1", "[::1]", values["host"], called)))
