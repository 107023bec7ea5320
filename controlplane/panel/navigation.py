"""What the panel's navigation offers, by domain. Everybody who comes in sees the pages that their rows may be on."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy

EVERYBODY, SUPERUSERS = False, True

Item = tuple[Any, str, str, bool]
"""Title, icon (of Material Symbols), name of the page, for superusers only."""

GROUPS: Final[tuple[tuple[Any, tuple[Item, ...]], ...]] = (
    (
        "",
        (
            (gettext_lazy("Installation"), "monitoring", "index", EVERYBODY),
            (gettext_lazy("Health"), "ecg_heart", "health", SUPERUSERS),
        ),
    ),
    (
        gettext_lazy("Compute and quotas"),
        (
            (gettext_lazy("Pools"), "dns", "quotas_resourcepool_changelist", EVERYBODY),
            (gettext_lazy("Clusters"), "hub", "quotas_cluster_changelist", EVERYBODY),
            (gettext_lazy("Pools and queues"), "account_tree", "quotas_queue_tree", EVERYBODY),
            (gettext_lazy("Nodes"), "memory", "quotas_node_changelist", EVERYBODY),
            (gettext_lazy("Kinds of GPU"), "developer_board", "quotas_resourceflavor_changelist", EVERYBODY),
            (gettext_lazy("Priority classes"), "low_priority", "quotas_priorityclass_changelist", EVERYBODY),
            (gettext_lazy("Workloads"), "deployed_code", "quotas_workload_changelist", EVERYBODY),
            (gettext_lazy("Attempts"), "replay", "quotas_attempt_changelist", EVERYBODY),
            (gettext_lazy("Usage"), "receipt_long", "quotas_usagerecord_changelist", EVERYBODY),
            (gettext_lazy("Budgets"), "savings", "quotas_budget_changelist", EVERYBODY),
            (gettext_lazy("Rates"), "payments", "quotas_rate_changelist", EVERYBODY),
        ),
    ),
    (
        gettext_lazy("Access"),
        (
            (gettext_lazy("Projects"), "folder_open", "access_project_changelist", EVERYBODY),
            (gettext_lazy("Members and roles"), "groups", "access_project_roles", EVERYBODY),
            (gettext_lazy("Users"), "person", "access_user_changelist", SUPERUSERS),
            (gettext_lazy("Teams"), "diversity_3", "access_team_changelist", EVERYBODY),
            (gettext_lazy("Organisations"), "apartment", "access_organisation_changelist", EVERYBODY),
            (gettext_lazy("Approvals"), "approval", "access_approvalrequest_changelist", EVERYBODY),
            (gettext_lazy("API tokens"), "key", "access_apitoken_changelist", EVERYBODY),
            (gettext_lazy("Secrets"), "lock", "access_secret_changelist", EVERYBODY),
            (gettext_lazy("Audit trail"), "history", "common_auditevent_changelist", EVERYBODY),
        ),
    ),
    (
        gettext_lazy("Datasets"),
        (
            (gettext_lazy("Datasets"), "database", "datasets_dataset_changelist", EVERYBODY),
            (gettext_lazy("Versions"), "layers", "datasets_datasetversion_changelist", EVERYBODY),
            (gettext_lazy("Ingestions"), "upload_file", "datasets_ingestion_changelist", EVERYBODY),
            (gettext_lazy("Cleaning runs"), "cleaning_services", "datasets_cleaningrun_changelist", EVERYBODY),
            (gettext_lazy("Recipes"), "menu_book", "datasets_recipe_changelist", EVERYBODY),
        ),
    ),
    (
        gettext_lazy("Experiments"),
        (
            (gettext_lazy("Runs"), "science", "experiments_run_changelist", EVERYBODY),
            (gettext_lazy("Experiments"), "experiment", "experiments_experiment_changelist", EVERYBODY),
            (gettext_lazy("Models"), "model_training", "experiments_registeredmodel_changelist", EVERYBODY),
            (gettext_lazy("Model versions"), "deployed_code_history", "experiments_modelversion_changelist", EVERYBODY),
        ),
    ),
    (
        gettext_lazy("Endpoints"),
        (
            (gettext_lazy("Endpoints"), "cloud", "deployments_endpoint_changelist", EVERYBODY),
            (gettext_lazy("Revisions"), "rocket_launch", "deployments_revision_changelist", EVERYBODY),
        ),
    ),
    (
        gettext_lazy("Kernel"),
        (
            (gettext_lazy("Outbox"), "outbox", "common_event_changelist", SUPERUSERS),
            (gettext_lazy("Steps of states"), "timeline", "common_transition_changelist", SUPERUSERS),
            (gettext_lazy("Pulses"), "vital_signs", "quotas_pulse_changelist", SUPERUSERS),
        ),
    ),
)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups with the pages that the reader may open."""
    user: Any = request.user
    found = []
    here = _here(request.path)
    for title, items in GROUPS:
        shown = [_item(here, *item[:3]) for item in items if user.is_superuser or not item[3]]
        if shown:
            found.append({"title": title, "items": shown, "separator": False, "collapsible": False})
    return found


def _here(path: str) -> str:
    """The page of the navigation to which an address belongs: the longest that it begins with."""
    links = [reverse(f"admin:{page}") for _, items in GROUPS for _, _, page, _ in items]
    index = reverse("admin:index")
    return max(
        (link for link in links if path.startswith(link) and (link != index or path == index)), key=len, default=""
    )


def _item(here: str, title: Any, icon: str, page: str) -> dict[str, Any]:
    link = reverse(f"admin:{page}")
    return {"title": title, "icon": icon, "link": link, "active": link == here}
