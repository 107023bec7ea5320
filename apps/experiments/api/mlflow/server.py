"""What a client asks about the server itself, and what MLflow has that is not offered here."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from rest_framework.request import Request
from rest_framework.response import Response

from apps.experiments.api.mlflow.base import MlflowView
from apps.experiments.api.mlflow.errors import ENDPOINT_NOT_FOUND, MlflowError, error_body, not_offered

PROTOCOL_VERSION = "3.17.2"
"""The release of MLflow whose clients this was last held against."""

NOT_OFFERED: dict[str, str] = {
    "traces": "Traces are not kept here: turn tracing off (mlflow.tracing.disable()), or send them elsewhere.",
    "assessments": "Assessments belong to traces, which are not kept here.",
    "webhooks": "Webhooks are not offered: follow events over the socket of the API.",
    "datasets": "Evaluation datasets are not kept here: use dataset versions of the project, or mlflow.log_input.",
    "scorers": "Scorers are not kept here.",
    "issues": "Issues are not kept here.",
    "label-schemas": "Label schemas of MLflow are not kept here.",
    "review-queues": "Review queues are not kept here.",
    "gateway": "There is no gateway of MLflow here: models are served by endpoints.",
    "gateway-proxy": "There is no gateway of MLflow here: models are served by endpoints.",
    "workspaces": "Workspaces are projects here: make them over the REST API or on the dashboard.",
    "jobs": "Jobs of MLflow's server are not offered: submit runs over the REST API.",
    "prompts": "Prompts are not kept here.",
    "prompt-optimization": "Prompts are not kept here.",
    "mcp-servers": "MCP servers are not kept here.",
    "skills": "Skills are not kept here.",
}
"""First word of an address → what to say about it."""


SERVER_INFO: Final = {
    "store_type": "SqlStore",
    "workspaces_enabled": True,
    "trace_archival_enabled": False,
    "multipart_uploads_enabled": True,
    # Clients would then fetch every file by an address of the store; those of versions come by way of us, compared.
    "multipart_downloads_enabled": False,
    "presigned_upload_run_id_supported": False,
    "presigned_upload_model_id_supported": False,
    "features_enabled": {"gateway": False},
}
"""What is so here, by the names that clients and pages of MLflow ask for."""


class ServerInfoView(MlflowView):
    """`GET server-info`: what client 3.x asks before it names a workspace, sends a large file or fetches one."""

    authentication_classes: Any = ()
    permission_classes: Any = ()

    def get(self, request: Request) -> Response:
        return Response(SERVER_INFO)


class NotOfferedView(MlflowView):
    """Every other address: what MLflow has and this server has not, and what nobody has."""

    def get(self, request: Request, rest: str) -> Response:
        raise _refusal(rest)

    post = put = patch = delete = get


def _refusal(rest: str) -> MlflowError:
    said = NOT_OFFERED.get(rest.split("/", 1)[0])
    if said is None:
        return MlflowError(ENDPOINT_NOT_FOUND, f"There is no endpoint {rest[:200]!r}.")
    return not_offered(said)


def version(request: HttpRequest, project: str = "") -> HttpResponse:
    """`GET /version`: clients turn features on by it."""
    return HttpResponse(PROTOCOL_VERSION, content_type="text/plain")


def health(request: HttpRequest, project: str = "") -> HttpResponse:
    """`GET /health`: that the process answers."""
    return HttpResponse("OK", content_type="text/plain")


def nowhere(request: HttpRequest, project: str, rest: str = "") -> JsonResponse:
    """An address below `/mlflow/<project>/` that no route knows."""
    error = MlflowError(ENDPOINT_NOT_FOUND, f"There is no endpoint {rest[:200]!r}.")
    return JsonResponse(error_body(error), status=error.status)
