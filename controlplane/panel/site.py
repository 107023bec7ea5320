"""The admin site. No script of ours is inline; the theme evaluates expressions of its markup, so the panel has a
content security policy of its own (`controlplane.content_security.ADMIN`)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy
from unfold.sites import UnfoldAdminSite

from apps.access.forms import own_password_form
from controlplane.panel.health import health_page
from controlplane.panel.overview import overview


class PanelSite(UnfoldAdminSite):  # type: ignore[misc]  # no types
    """Bedplate's admin."""

    site_header = site_title = "Bedplate"
    index_title = gettext_lazy("Installation")
    site_url = "/"
    index_template = "admin/index.html"

    def extra_urls(self) -> list[URLPattern]:
        return [path("health/", self.admin_view(self.health), name="health")]

    def index(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The state of the installation at a glance, as far as its reader may see it."""
        answer: HttpResponse = super().index(request, {"overview": overview(request.user), **(extra_context or {})})
        return answer

    def health(self, request: HttpRequest) -> HttpResponse:
        return health_page(request, self.each_context(request))

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        """One's own password, by the service that audits it."""
        context = {**self.each_context(request), **(extra_context or {})}
        form = own_password_form(request)
        done = reverse("admin:password_change_done", current_app=self.name)
        request.current_app = self.name
        view = PasswordChangeView.as_view(form_class=form, success_url=done, extra_context=context)
        return view(request)
