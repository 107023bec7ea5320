"""Finds a backend by the name in the settings and in handles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from workers.backends.base import Backend, Unsupported
from workers.backends.fake import FakeBackend
from workers.backends.local.backend import LocalBackend
from workers.backends.local.plan import LOOPBACK

NAMES = (LocalBackend.name, FakeBackend.name)
LATER = ("kubernetes",)


def get_backend(
    name: str, *, home: Path, environment: Mapping[str, str] | None = None, replica_host: str = LOOPBACK
) -> Backend:
    """A new backend of that name. The jobs of `local` are found again by any other of the same home.

    Args:
        name: `local` or `fake`.
        home: folder of the installation; jobs live below `jobs/` in it.
        environment: variables for every job, such as `BEDPLATE_DATA_RUNNER`.
        replica_host: where replicas of served models listen on the machine of `local`.

    Raises:
        Unsupported: there is no such backend in this version; the text says which there are.
    """
    if name == LocalBackend.name:
        return LocalBackend(home, environment=environment, replica_host=replica_host)
    if name == FakeBackend.name:
        return FakeBackend()
    known = ", ".join(NAMES)
    if name in LATER:
        raise Unsupported(f"The backend {name!r} is not part of this version. Choose one of: {known}.")
    raise Unsupported(f"There is no backend {name!r}. Choose one of: {known}.")
