"""The account that PostgreSQL runs under: it refuses root, so root hands it to an unprivileged one."""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path


class NoAccount(Exception):
    """Run by root, and no account to hand the server to."""


@dataclass(frozen=True, slots=True)
class Account:
    """Numbers of a system account."""

    uid: int
    gid: int

    def may(self, path: Path, need: int) -> bool:
        """Whether the account, as one that is in no group of the file's, may use `path` (bits of `stat.S_IRWXO`)
        and pass every folder above it."""
        path = path.resolve()
        return self._has(path, need) and all(self._has(parent, stat.S_IXOTH) for parent in path.parents)

    def _has(self, path: Path, need: int) -> bool:
        found = path.stat()
        bits = found.st_mode >> 6 if found.st_uid == self.uid else found.st_mode
        return bits & need == need

    def take(self, path: Path) -> None:
        """Make the account the owner of one file or folder."""
        os.chown(path, self.uid, self.gid)


def server_account() -> Account | None:
    """Whom to run PostgreSQL as: None means the present account, which is not root.

    Raises:
        NoAccount: run by root on a system without the account `nobody`.
    """
    if os.geteuid() != 0:
        return None
    try:
        found = pwd.getpwnam("nobody")
    except KeyError as error:
        raise NoAccount(
            "PostgreSQL does not run as root, and this system has no account `nobody` to run it as. "
            "Run Bedplate as another user, or set BEDPLATE_DATABASE_URL."
        ) from error
    return Account(found.pw_uid, found.pw_gid)
