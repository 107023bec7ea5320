"""The folder of one installation (`BEDPLATE_HOME`): what lies where, its keys, and who may run on it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import importlib.util
import json
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PRIVATE_FOLDERS = ("run", "keys", "logs", "objects", "jobs", "static")


class HomeInUse(Exception):
    """Another supervisor runs on this home."""


class HomeUnusable(Exception):
    """The folder cannot be what it should be; the message names the setting and the place."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the embedded servers of a running supervisor answer. Holds passwords: never logged."""

    database_url: str
    redis_url: str


@dataclass(frozen=True, slots=True)
class Home:
    """Paths below one home. Nothing is created before `ensure`."""

    path: Path

    @property
    def run(self) -> Path:
        """Lock, addresses and other files that mean nothing once everything is stopped."""
        return self.path / "run"

    @property
    def keys(self) -> Path:
        return self.path / "keys"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def static(self) -> Path:
        return self.path / "static"

    @property
    def digest(self) -> str:
        """A short name for this home, for what must lie elsewhere."""
        return hashlib.sha256(os.fsencode(self.path.resolve())).hexdigest()[:16]

    def ensure(self) -> None:
        """Create the folders; closed to other accounts. Run by root, only the home itself lets others pass,
        because PostgreSQL then runs under another account.

        Raises:
            HomeUnusable: before anything is made where something else than a folder is in the way.
        """
        folders = [self.path / name for name in PRIVATE_FOLDERS]
        try:
            for path in (self.path, *folders):
                if path.exists() and not path.is_dir():
                    raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
            self.path.mkdir(parents=True, exist_ok=True, mode=0o711 if os.geteuid() == 0 else 0o700)
            for path in folders:
                path.mkdir(exist_ok=True, mode=0o700)
                if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        except OSError as error:
            raise HomeUnusable(f"BEDPLATE_HOME: {self.path} cannot be used by this account: {error}") from error

    def key(self, name: str, make: Callable[[], str] = secrets.token_urlsafe) -> str:
        """The secret of that name; made on first use. Safe when several processes ask at the same time."""
        return read_or_make(self.keys / name, make)

    def addresses(self) -> Addresses | None:
        """What a running supervisor has published, else None."""
        try:
            published = json.loads((self.run / "embedded.json").read_text(encoding="utf-8"))
        except (OSError, json.JSONDecodeError):  # not there, or not for us: whoever needs it says so
            return None
        if not process_lives(int(published["supervisor_pid"])):
            return None
        return Addresses(published["database_url"], published["redis_url"])

    def publish(self, addresses: Addresses) -> None:
        """Tell other processes of this home where the embedded servers answer."""
        published = {
            "supervisor_pid": os.getpid(),
            "database_url": addresses.database_url,
            "redis_url": addresses.redis_url,
        }
        write_private(self.run / "embedded.json", json.dumps(published, indent=2) + "\n")

    def withdraw(self) -> None:
        """Take back what `publish` told."""
        (self.run / "embedded.json").unlink(missing_ok=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the home for this process; the lock ends with the process, however it ends.

        Raises:
            HomeInUse: another process holds it.
            HomeUnusable: see `ensure`.
        """
        self.ensure()
        with self._lock_file() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                file.seek(0)
                holder = file.read().strip() or "unknown"
                raise HomeInUse(
                    f"Bedplate already runs on {self.path} (process {holder}). "
                    "Stop it first, or set BEDPLATE_HOME to another folder."
                ) from error
            file.truncate(0)
            with contextlib.suppress(OSError):  # a full disk: the number is for people, the lock is what counts
                os.write(file.fileno(), f"{os.getpid()}\n".encode())
            yield

    def _lock_file(self) -> IO[str]:
        try:
            return (self.run / "supervisor.lock").open("a+", encoding="ascii")
        except OSError as error:
            raise HomeUnusable(f"BEDPLATE_HOME: {self.path} cannot be used by this account: {error}") from error


def read_or_make(path: Path, make: Callable[[], str]) -> str:
    """Content of a secret file, without surrounding blanks; `make` says it when the file is not there yet."""
    with contextlib.suppress(FileNotFoundError):  # not there: made below
        return path.read_text(encoding="utf-8").strip()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    write_private(draft, make() + "\n")
    with contextlib.suppress(FileExistsError):  # another process was first: its key counts
        os.link(draft, path)
    draft.unlink()
    return path.read_text(encoding="utf-8").strip()


def write_private(path: Path, text: str) -> None:
    """Write a whole file that only this account may read; readers see the old or the new one, nothing between."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def package_folder(name: str) -> Path:
    """Folder of an installed package, found without running any of its code; a path that is not there when missing."""
    spec = importlib.util.find_spec(name)
    places = spec.submodule_search_locations if spec else None
    return Path(places[0]) if places else Path("/nonexistent") / name


def process_lives(pid: int) -> bool:
    """Whether a process of that number exists, whoever owns it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
