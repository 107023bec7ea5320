"""What the pages of datasets share."""

from __future__ import annotations

from django.utils.translation import gettext as _

from apps.common.panel import ReadOnlyAdmin
from apps.common.panel.cells import link_column, moment_column, reason_column, state_column
from apps.datasets.models import DatasetVersion


def version_name(version: DatasetVersion) -> str:
    """`credit-risk 3`; a draft has no number yet."""
    return f"{version.dataset.name} {version.number or _('draft')}"


class DatasetsAdmin(ReadOnlyAdmin):
    state_said = state_column()
    reason = reason_column()
    made = moment_column("created_at", "when")
    project_link = link_column("project", "project")
