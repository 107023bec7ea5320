"""Tests: quick password hashing, no pool (test databases are dropped), nothing cached between tests."""

from controlplane.settings import base, shared
from controlplane.settings.database import database

globals().update(shared(base))

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DATABASES = {"default": database(base.DATABASE_URL, pool_size=0, statement_timeout_seconds=30)}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
