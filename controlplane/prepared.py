"""What must be done before the web process can start: migrations and static files; whether it is done already; and
what there is beside it to be started."""

from __future__ import annotations

import hashlib
from importlib import metadata
from pathlib import Path

import psycopg
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.db.migrations.loader import MigrationLoader

from controlplane import env

STAMP = ".made-from"


def migrations_applied(database_url: str) -> bool:
    """Whether the database has every migration of the code. One query, without Django's connection."""
    wanted = set(MigrationLoader(None, ignore_no_migrations=True).disk_migrations or {})
    try:
        with psycopg.connect(database_url, connect_timeout=5) as connection:
            applied = set(connection.execute("SELECT app, name FROM django_migrations").fetchall())
    except psycopg.errors.UndefinedTable:
        return False
    return wanted <= applied


def clusters_exist(database_url: str) -> bool:
    """Whether the database knows a Kubernetes cluster; no, where it does not answer. One query, as above."""
    try:
        with psycopg.connect(database_url, connect_timeout=2) as connection:
            found = connection.execute("SELECT EXISTS (SELECT FROM quotas_cluster)").fetchone()
    except psycopg.Error:
        return False
    return bool(found and found[0])


def static_fingerprint() -> str:
    """Changes when an installed package or a static file of the project does."""
    packages = sorted(f"{found.name}={found.version}" for found in metadata.distributions())
    own = [
        f"{path}={storage.path(path)}={Path(storage.path(path)).stat().st_mtime_ns}"
        for finder in get_finders()
        for path, storage in finder.list([])
        if any(Path(storage.path(path)).is_relative_to(settings.BASE_DIR / own) for own in ("apps", "docs", "frontend"))
    ]
    return hashlib.sha256("\n".join([*packages, *sorted(own)]).encode()).hexdigest()


def static_is_current() -> bool:
    """Whether the collected static files are those of the installed packages; those of an image always are."""
    if env.current().static_folder is not None:
        return True
    stamp = Path(str(settings.STATIC_ROOT)) / STAMP
    return stamp.is_file() and stamp.read_text(encoding="ascii") == static_fingerprint()


def static_was_collected() -> None:
    """Remember what the collected files were made from."""
    (Path(str(settings.STATIC_ROOT)) / STAMP).write_text(static_fingerprint(), encoding="ascii")
