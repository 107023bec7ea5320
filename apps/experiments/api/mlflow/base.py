"""What the views of MLflow's protocol have in common: who calls, what they ask, and errors in its own words."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.errors import BedplateError
from apps.common.parsers import JsonParser
from apps.common.problems import as_bedplate, problem_headers
from apps.experiments.api.mlflow.caller import Caller, MlflowAuthentication, MlflowPermission
from apps.experiments.api.mlflow.errors import (
    ENDPOINT_NOT_FOUND,
    INVALID_PARAMETER_VALUE,
    MlflowError,
    as_mlflow,
    error_body,
)
from apps.experiments.api.mlflow.wire import Asked


class AnyJsonParser(JsonParser):
    """JSON whatever the header says: scripts that call by hand often leave it out."""

    media_type = "*/*"


class MlflowView(APIView):
    """Base of every view. Below `/mlflow/<project>/` the address names the project."""

    authentication_classes: Any = (MlflowAuthentication,)
    permission_classes: Any = (MlflowPermission,)
    parser_classes: Any = (AnyJsonParser,)
    schema = None
    """It is another's protocol: not in the document of ours."""
    reads: ClassVar[bool] = False
    """Whether its POST changes nothing, so that a token that may only read is enough."""

    def dispatch(self, request: Any, *args: Any, project: str = "", **kwargs: Any) -> Any:
        self.named = project
        return super().dispatch(request, *args, **kwargs)

    @cached_property
    def caller(self) -> Caller:
        return Caller.of(self.request, self.named)

    @cached_property
    def asked(self) -> Asked:
        """The request's fields: of the query of a GET that has one, else of the body."""
        request: Request = self.request
        if request.method == "GET" and request.query_params:
            return Asked.of_query(dict(request.query_params.lists()))
        return Asked.of_json(request.data if request.headers.get("Content-Length", "") not in ("", "0") else None)

    def handle_exception(self, exc: Exception) -> Response:
        """Raises what is no error of a caller's."""
        known = _known(exc)
        if known is None:
            raise exc
        return Response(error_body(known), as_mlflow(known).status, headers=problem_headers(known))


def _known(error: Exception) -> BedplateError | None:
    if isinstance(error, exceptions.ParseError | exceptions.UnsupportedMediaType):
        return MlflowError(INVALID_PARAMETER_VALUE, f"The body of the request is not a JSON object: {error.detail}")
    if isinstance(error, exceptions.MethodNotAllowed):
        return MlflowError(ENDPOINT_NOT_FOUND, str(error.detail))
    return as_bedplate(error)
