"""Addresses of the access app, below `/api/v1/`."""

from __future__ import annotations

from django.urls import path
from rest_framework.routers import SimpleRouter

from apps.access.api import people, sessions, views

router = SimpleRouter(trailing_slash=False)
router.register("organisations", views.OrganisationViewSet)
router.register("users", people.UserViewSet, basename="user")
router.register("teams", views.TeamViewSet)
router.register("projects", views.ProjectViewSet)
router.register("tokens", views.TokenViewSet, basename="token")
router.register("secrets", views.SecretViewSet)
router.register("approvals", views.ApprovalViewSet, basename="approval")
router.register("audit-events", people.AuditEventViewSet, basename="audit-event")

urlpatterns = [
    path("auth/login", sessions.LoginView.as_view(), name="login"),
    path("auth/logout", sessions.LogoutView.as_view(), name="logout"),
    path("users/me", sessions.MeView.as_view(), name="me"),
    path("roles", people.RolesView.as_view(), name="roles"),
    *router.urls,
]
