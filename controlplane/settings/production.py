"""Many machines, behind a proxy that ends TLS. What would silently be embedded or generated must be set."""

from controlplane import env

env.current().require("database_url", "redis_url", "secret_key", "gateway_token")
env.current().forbid("debug")

from controlplane.settings import base, shared  # noqa: E402 - after the refusals: it generates what is unset

globals().update(shared(base))

SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
SECURE_SSL_REDIRECT = True
SECURE_REDIRECT_EXEMPT = [r"^api/v1/runtime/"]  # jobs speak plain HTTP inside the cluster
SECURE_HSTS_SECONDS = 30 * 24 * 3600
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
