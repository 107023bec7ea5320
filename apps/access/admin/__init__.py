"""Who may do what, for administrators: superusers see all, a project's admin what is in their projects."""

from django.contrib import admin
from django.contrib.auth.models import Group

from apps.access.admin.audit import AuditEventAdmin
from apps.access.admin.credentials import ApiTokenAdmin, ApprovalRequestAdmin, SecretAdmin
from apps.access.admin.tenancy import OrganisationAdmin, ProjectAdmin, TeamAdmin
from apps.access.admin.users import UserAdmin
from apps.access.forms import AdminSignInForm

admin.site.unregister(Group)  # roles are granted on projects, nowhere else
admin.site.login_form = AdminSignInForm

__all__ = [
    "ApiTokenAdmin",
    "ApprovalRequestAdmin",
    "AuditEventAdmin",
    "OrganisationAdmin",
    "ProjectAdmin",
    "SecretAdmin",
    "TeamAdmin",
    "UserAdmin",
]
