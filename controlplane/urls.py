"""Every address of the web process, but for the probes (`controlplane.middleware`) and what `asgi` takes."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.i18n import set_language
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from apps.access.forms import SignInForm
from apps.common.live_schema import LiveSchemaView
from apps.datasets.api.lineage_views import LineageView
from controlplane import guide
from controlplane.dashboard import dashboard
from controlplane.lineage import NODES as LINEAGE

API = [f"apps.{app}.api.urls" for app in ("access", "quotas", "datasets", "experiments", "deployments")]
"""URL modules below `/api/v1/`, one per app: `apps.<app>.api.urls`."""

sign_in = LoginView.as_view(
    template_name="controlplane/login.html", authentication_form=SignInForm, redirect_authenticated_user=True
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("api/v1/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/v1/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    path("api/v1/lineage", LineageView.as_view(kinds=LINEAGE), name="lineage"),
    path("api/v1/live/schema", LiveSchemaView.as_view(), name="live-schema"),
    *(path("api/v1/", include(module)) for module in API),
    path("", include("apps.experiments.api.mlflow.urls")),
    path("login", sign_in, name="login"),
    path("language", set_language, name="language"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("help/", guide.home, name="guide-home"),
    path("help/<str:language>/", guide.home, name="guide-start"),
    path("help/<str:language>/<str:name>", guide.page, name="guide"),
    re_path(r"^(?!api/|admin/|static/|ws/)", dashboard, name="dashboard"),
]
handler400 = "apps.common.problems.bad_request"
handler403 = "apps.common.problems.forbidden"
handler404 = "apps.common.problems.not_found"
handler500 = "apps.common.problems.server_error"
