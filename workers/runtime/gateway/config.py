"""What the gateway reads from its environment, typed and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
LOG_FORMATS = ("json", "text")


class BadSetting(ValueError):
    """A variable is missing or has a value that it cannot take; the text says which and what it takes."""


@dataclass(frozen=True, slots=True)
class Config:
    api_url: str
    """Address of the control plane, without a slash at its end."""
    token: str = field(repr=False)
    """Proves to the control plane that this is the gateway."""
    host: str = "127.0.0.1"
    port: int = 8001
    log_level: str = "INFO"
    log_format: str = "json"


def config_from(environment: Mapping[str, str]) -> Config:
    """Raises BadSetting."""
    return Config(
        api_url=_url(environment, "BEDPLATE_JOB_API_URL"),
        token=_required(environment, "BEDPLATE_GATEWAY_TOKEN", "the secret that the control plane shares with it"),
        host=environment.get("BEDPLATE_HOST") or "127.0.0.1",
        port=_port(environment, "BEDPLATE_GATEWAY_PORT", 8001),
        log_level=_one_of(environment, "BEDPLATE_LOG_LEVEL", "INFO", LOG_LEVELS),
        log_format=_one_of(environment, "BEDPLATE_LOG_FORMAT", "json", LOG_FORMATS),
    )


def _required(environment: Mapping[str, str], name: str, takes: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise BadSetting(f"{name} is not set; it takes {takes}")
    return value


def _url(environment: Mapping[str, str], name: str) -> str:
    value = _required(environment, name, "the address of the control plane, such as http://127.0.0.1:8000")
    if not value.startswith(("http://", "https://")):
        raise BadSetting(f"{name} takes an address that starts with http:// or https://, not {value!r}")
    return value.rstrip("/")


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    value = environment.get(name) or str(default)
    if not value.isdecimal() or int(value) > 65535:
        raise BadSetting(f"{name} takes a port between 0 and 65535, not {value!r}")
    return int(value)


def _one_of(environment: Mapping[str, str], name: str, default: str, choices: tuple[str, ...]) -> str:
    value = environment.get(name) or default
    for choice in choices:
        if value.lower() == choice.lower():
            return choice
    raise BadSetting(f"{name} takes one of {', '.join(choices)}, not {value!r}")
