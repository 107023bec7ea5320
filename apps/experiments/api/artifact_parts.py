"""Parts of uploads: addresses that need no token, because they are signed, and what answers at those of our own."""

from __future__ import annotations

import hmac
from typing import Any, Final
from uuid import UUID

from django.utils.crypto import salted_hmac
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common import clock
from apps.common.addresses import SECONDS, AddressExpired, open_put_address
from apps.common.bodies import AnyBodyParser, chunks_of
from apps.common.errors import Forbidden
from apps.common.storage import store
from apps.experiments.models import ArtifactUpload
from apps.experiments.services.artifact_uploads import part_path, part_put

PARTS: Final = "/api/v1/artifact-parts/"


def part_address(request: Any, upload: ArtifactUpload, number: int) -> str:
    """Where one part is sent to by PUT, for an hour: to the store where that can sign, else to the control plane."""
    if not store().is_local:
        return open_put_address(part_path(upload.pk, number))
    expires = int(clock.now().timestamp()) + SECONDS
    path = f"{PARTS}{upload.pk}/{number}"
    address: str = request.build_absolute_uri(f"{path}?expires={expires}&signature={_mac(path, expires)}")
    return address


class ArtifactPartView(APIView):
    """`PUT artifact-parts/{upload}/{number}`: the signature in the address says that the sender may."""

    authentication_classes = ()
    permission_classes = ()
    parser_classes = (AnyBodyParser,)

    @extend_schema(
        summary="Send a part of a file",
        tags=["artifact-uploads"],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={200: OpenApiResponse(description="Kept; `ETag` is its SHA-256")},
    )
    def put(self, request: Request, upload: UUID, number: int) -> Response:
        """The address is one that the upload gave. A part that is sent again takes the place of the first."""
        path = f"{PARTS}{upload}/{number}"
        expires = request.query_params.get("expires", "")
        signature = request.query_params.get("signature", "")
        if not expires.isdecimal() or not hmac.compare_digest(signature.encode(), _mac(path, int(expires)).encode()):
            raise Forbidden("This is not an address that an upload gave.")
        if clock.now().timestamp() >= int(expires):
            raise AddressExpired("Ask the upload again where its parts are sent to.")
        stored = part_put(upload_id=upload, number=number, chunks=chunks_of(request))
        return Response(headers={"ETag": f'"{stored.sha256}"'})


def _mac(path: str, expires: int) -> str:
    return salted_hmac("bedplate.artifact-part", f"{path}\n{expires}", algorithm="sha256").hexdigest()
