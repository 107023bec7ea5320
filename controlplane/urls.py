"""Every address of the web process."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from controlplane import health

API: list[str] = []
"""URL modules below `/api/v1/`, one per app: `apps.<app>.api.urls`."""

urlpatterns: list[URLPattern | URLResolver] = [
    path("livez", health.livez),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    path("admin/", admin.site.urls),
    path("api/v1/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/v1/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    *(path("api/v1/", include(module)) for module in API),
]
handler404 = "apps.common.problems.not_found"
handler500 = "apps.common.problems.server_error"
