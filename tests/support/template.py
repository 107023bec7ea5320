"""Migrates the database that the databases of tests are copies of: `python -m tests.support.template`."""

from __future__ import annotations

import django

from controlplane import loading
from controlplane.migrating import migrate

if __name__ == "__main__":
    loading.begin()
    django.setup()
    migrate()
