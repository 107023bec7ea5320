"""What uvicorn serves: Django, beside it the metric ingest app and the live socket."""

from __future__ import annotations

from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application
from django.urls import path

from controlplane.env import choose_settings

choose_settings()
django_application = get_asgi_application()

# Models are importable only from here on.
from apps.common.live import LiveConsumer  # noqa: E402
from apps.datasets import live as datasets_live  # noqa: E402
from apps.deployments import live as deployments_live  # noqa: E402
from apps.experiments import live as experiments_live  # noqa: E402
from apps.experiments.api.ingest import application as ingest_application  # noqa: E402
from apps.quotas import live as quotas_live  # noqa: E402

LIVE = (quotas_live, datasets_live, experiments_live, deployments_live)
SUBJECTS = {kind: rows for module in LIVE for kind, rows in module.SUBJECTS.items()}
"""What a browser may follow: kind → rows."""
INGEST_PATH = "/api/v1/runtime/metrics"


async def http(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Batches of metric points pass Django by; everything else is Django's."""
    chosen = ingest_application if scope["path"] == INGEST_PATH else django_application
    await chosen(scope, receive, send)


application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(URLRouter([path("ws/v1/live/", LiveConsumer.as_asgi(subjects=SUBJECTS))]))
        ),
    }
)
