"""Settings of the control plane from the environment: one typed table. No other module of it reads `os.environ`.

A value comes from the process's environment, else from the file `.env` at the project's root, else from the default.
An empty value counts as unset. A wrong one is refused at start, with its name and what it takes.

`python -m controlplane.env` prints the table as Markdown; the README holds the same.
"""

from __future__ import annotations

import base64
import difflib
import hmac
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from controlplane.cluster_settings import ClusterEnvironment
from controlplane.embedded.home import Home
from controlplane.setting_kinds import (
    BACKEND,
    HOST,
    HTTP_URL,
    LONG_TEXT,
    NAMES,
    PORT,
    POSTGRES_URL,
    QUEUE_NAMES,
    QUEUES,
    REDIS_URL,
    STORAGE_URL,
    SWITCH,
    Kind,
    default_hosts,
    one_of,
    reachable,
    variable,
    whole_number,
    wrong_key_line,
)

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "BEDPLATE_"
ENV_FILE = "BEDPLATE_ENV_FILE"

Values = dict[str, Any]
keys_made: set[Path] = set()
"""Files of keys that this process generated: a home with nothing else in it was never used."""


class SettingsRefused(Exception):
    """At least one setting has a wrong value; the message has a line for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


FOLDER = Kind("a folder", lambda text: (ROOT / Path(text).expanduser()).resolve())
FILE = Kind("a file", lambda text: (ROOT / Path(text).expanduser()).resolve())
GENERATED = "generated once"


@dataclass(frozen=True, slots=True, repr=False)
class Environment(ClusterEnvironment):
    """The table: a field `port` is the variable `BEDPLATE_PORT`. None means unset."""

    home: Path = variable(
        FOLDER, ROOT / "var", "`var` below the project", "Data, keys, logs and embedded servers of this installation"
    )
    database_url: str | None = variable(
        POSTGRES_URL, None, "embedded", "PostgreSQL 15 or later; unset: an embedded one", secret=True
    )
    database_pool_size: int = variable(
        whole_number(1, 1000, "a number of connections"), 16, "`16`", "Most connections to PostgreSQL per process"
    )
    statement_timeout_seconds: int = variable(
        whole_number(0, 86400, "seconds; `0` for none"), 30, "`30`", "Longest that one SQL statement may take"
    )
    redis_url: str | None = variable(REDIS_URL, None, "embedded", "Redis 6.2 or later; unset: embedded", secret=True)
    storage_url: str = variable(
        STORAGE_URL,
        lambda values: f"file://{values['home'] / 'objects'}",
        "`objects` below `BEDPLATE_HOME`",
        "Where files of datasets, artifacts, checkpoints and logs are kept",
    )
    static_folder: Path | None = variable(
        FOLDER,
        None,
        "`static` below `BEDPLATE_HOME`",
        "Static files collected beforehand; unset: collected at the start",
    )
    secret_key: str | None = variable(
        LONG_TEXT, None, GENERATED, "Signs sessions and attempt tokens; kept in `keys/secret_key`", secret=True
    )
    encryption_key_file: Path = variable(
        FILE,
        lambda values: values["home"] / "keys" / "encryption_key",
        GENERATED,
        "Keys that encrypt stored secrets: lines `key_id:base64 of 32 bytes`, the first one encrypts",
    )
    host: str = variable(HOST, "127.0.0.1", "`127.0.0.1`", "Where web and gateway listen")
    port: int = variable(PORT, 8000, "`8000`", "Port of the web process: pages and API")
    gateway_port: int = variable(PORT, 8001, "`8001`", "Port of the gateway: one address for all served models")
    worker_metrics_port: int = variable(
        whole_number(0, 65535, "a port, or `0` for none"), 8002, "`8002`", "Port of the worker's metrics and health"
    )
    gateway_url: str = variable(
        HTTP_URL, lambda values: reachable(values, "gateway_port"), "host and port above", "Gateway as callers see it"
    )
    job_api_url: str = variable(
        HTTP_URL, lambda values: reachable(values, "port"), "host and port above", "The API as jobs and gateway see it"
    )
    gateway_token: str | None = variable(
        LONG_TEXT, None, "from the secret key", "What the gateway shows to the API", secret=True
    )
    backend: str = variable(BACKEND, "local", "`local`", "Where jobs run for which no other pool is asked")
    replica_host: str = variable(
        HOST, "127.0.0.1", "`127.0.0.1`", "Where replicas listen, on the worker's machine; they ask nobody for a token"
    )
    worker_concurrency: int = variable(
        whole_number(1, 256, "a number of threads"), 8, "`8`", "Tasks that the worker does at the same time"
    )
    worker_queues: tuple[str, ...] = variable(
        QUEUE_NAMES, QUEUES, "all four", "Queues of background work that this worker serves"
    )
    hints: bool = variable(
        SWITCH, True, "`true`", "Ask for background work at once; else the ticks find it: for tests and benchmarks"
    )
    allowed_hosts: tuple[str, ...] = variable(NAMES, default_hosts, "this machine", "Host names that web answers to")
    trusted_proxies: tuple[str, ...] = variable(
        NAMES, ("127.0.0.1",), "`127.0.0.1`", "Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` count"
    )
    debug: bool = variable(SWITCH, False, "`false`", "Django's debug pages; never in production")
    log_level: str = variable(
        one_of("DEBUG", "INFO", "WARNING", "ERROR"), "INFO", "`INFO`", "Least level that is logged"
    )
    log_format: str = variable(one_of("json", "text"), "json", "`json`", "Form of the log lines")
    preview_idle_seconds: int = variable(
        whole_number(30, 86_400, "seconds"), 600, "`600`", "After how long an unused preview is ended"
    )
    log_retention_days: int = variable(
        whole_number(0, 36500, "days; `0` for ever"), 30, "`30`", "How long output of jobs is kept after their end"
    )

    @property
    def home_folder(self) -> Home:
        return Home(self.home)

    def require(self, *rows: str) -> None:
        """Refuse to go on when one of these is unset; raises SettingsRefused."""
        if missing := [name_of(row) for row in rows if getattr(self, row) is None]:
            raise SettingsRefused([f"{name} is unset; production needs it" for name in missing])

    def forbid(self, *rows: str) -> None:
        """Refuse to go on when one of these is on; raises SettingsRefused."""
        if wrong := [name_of(row) for row in rows if getattr(self, row)]:
            raise SettingsRefused([f"{name} is on; production does not take that" for name in wrong])

    def needed_secret_key(self) -> str:
        """The secret key; generated into the home on first use."""
        return self.secret_key or self._key("secret_key", lambda: secrets.token_urlsafe(48))

    def _key(self, name: str, make: Callable[[], str]) -> str:
        def made() -> str:
            keys_made.add(self.home_folder.keys / name)
            return make()

        try:
            return self.home_folder.key(name, made)
        except OSError as error:
            raise SettingsRefused([f"{PREFIX}HOME: {self.home} cannot be used by this account: {error}"]) from error

    def needed_gateway_token(self) -> str:
        """The gateway's token; derived from the secret key unless set."""
        return self.gateway_token or hmac.digest(self.needed_secret_key().encode(), b"bedplate.gateway", "sha256").hex()

    def needed_encryption_key_file(self) -> Path:
        """Path of the encryption keys; the default file is generated, one that was named must be there.

        Raises:
            SettingsRefused: the named file cannot be read.
        """
        if self.encryption_key_file == self.home / "keys" / "encryption_key":
            self._key("encryption_key", lambda: f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}")
        elif not os.access(self.encryption_key_file, os.R_OK):
            raise SettingsRefused([f"{PREFIX}ENCRYPTION_KEY_FILE: {self.encryption_key_file} cannot be read"])
        elif wrong := wrong_key_line(self.encryption_key_file.read_text(encoding="utf-8", errors="replace")):
            raise SettingsRefused([f"{PREFIX}ENCRYPTION_KEY_FILE: {self.encryption_key_file}: {wrong}"])
        return self.encryption_key_file

    def resolved(self) -> tuple[str | None, str | None]:
        """Addresses of PostgreSQL and Redis: as set, else of the running embedded servers, else None."""
        embedded = self.home_folder.addresses() if not (self.database_url and self.redis_url) else None
        return (
            self.database_url or (embedded.database_url if embedded else None),
            self.redis_url or (embedded.redis_url if embedded else None),
        )


def name_of(attribute: str) -> str:
    return PREFIX + attribute.upper()


def read(environ: Mapping[str, str]) -> Environment:
    """The table from `environ` and the file of further settings; raises SettingsRefused, a line per wrong value."""
    problems: list[str] = []
    texts = {**_from_file(environ, problems), **{name: text for name, text in environ.items() if text}}
    values: Values = {}
    for row in fields(Environment):
        name, about = name_of(row.name), row.metadata
        text, default = texts.get(name), about["default"]
        try:
            if text:
                values[row.name] = about["kind"].parse(text)
            else:
                values[row.name] = default(values) if callable(default) else default
        except ValueError:
            said = "a value that is not shown here" if about["secret"] else repr(text)
            problems.append(f"{name} is {said}; it takes {about['kind'].takes}")
            values[row.name] = default if not callable(default) else None
    if problems:
        raise SettingsRefused(problems)
    return Environment(**values)


def _from_file(environ: Mapping[str, str], problems: list[str]) -> dict[str, str]:
    path = Path(environ.get(ENV_FILE, ROOT / ".env"))
    if not path.name or not path.is_file():
        return {}
    known = {name_of(row.name) for row in fields(Environment)}
    found = {name: text for name, text in dotenv_values(path).items() if text}
    for name in sorted(name for name in found if name.startswith(PREFIX) and name not in known):
        close = difflib.get_close_matches(name, known, n=1)
        problems.append(f"{name} in {path} is no setting" + (f"; did you mean {close[0]}?" if close else ""))
    return found


@lru_cache(maxsize=1)
def current() -> Environment:
    """The settings of this process, read once."""
    return read(os.environ)


def current_in(home: Path) -> Environment:
    """The settings of this process as they are for another home."""
    return read({**os.environ, name_of("home"): str(home)})


def plain_texts(environment: Environment) -> dict[str, str]:
    """The settings that are no secrets and no places in the home, as text."""
    shown = {name_of(row.name) for row in fields(Environment) if not row.metadata["secret"]}
    texts = for_children(environment).items()
    return {name: text for name, text in texts if name in shown and str(environment.home) not in text}


def process_environment() -> dict[str, str]:
    """The process's environment without the settings of this table: for child processes that are not given them."""
    return {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)}


def choose_settings() -> None:
    """Let Django use the settings for one machine, unless others are chosen."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings.dev")


def for_children(environment: Environment) -> dict[str, str]:
    """The table as text, for the environment of a child that reads it again."""
    texts: dict[str, str] = {ENV_FILE: ""}
    for row in fields(Environment):
        value = getattr(environment, row.name)
        if value is not None:
            texts[name_of(row.name)] = ",".join(value) if isinstance(value, tuple) else str(value)
    return texts


def markdown_table() -> str:
    """The table for people."""
    lines = ["| variable | takes | default | meaning |", "|---|---|---|---|"]
    for row in fields(Environment):
        about = row.metadata
        lines.append(f"| `{name_of(row.name)}` | {about['kind'].takes} | {about['shown']} | {about['about']} |")
    lines.append(f"| `{ENV_FILE}` | a file; empty for none | `.env` at the project's root | File of further settings |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(markdown_table() + "\n")
