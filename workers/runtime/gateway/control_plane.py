"""The two things that the gateway asks the control plane: its routes, and who may call an endpoint."""

from __future__ import annotations

from http import HTTPStatus
from typing import TypeVar

import httpx
import msgspec

T = TypeVar("T")
TIMEOUT = httpx.Timeout(3.0, connect=1.0)
LIMITS = httpx.Limits(max_connections=32, max_keepalive_connections=8, keepalive_expiry=30)


class ControlPlaneAway(Exception):
    """The control plane gave no usable answer; what is known so far goes on being used."""


class RevisionRoute(msgspec.Struct, frozen=True):
    revision_id: str
    number: int
    weight: int
    """Its share of the endpoint's requests, relative to the other revisions'; 0 means none."""
    replicas: tuple[str, ...]
    """`host:port` of every replica that is ready."""


class EndpointRoute(msgspec.Struct, frozen=True):
    project: str
    endpoint: str
    endpoint_id: str
    revisions: tuple[RevisionRoute, ...]


class Routes(msgspec.Struct, frozen=True):
    endpoints: tuple[EndpointRoute, ...]


class Grant(msgspec.Struct, frozen=True):
    """Whether the owner of a token may call an endpoint, and for how long that may be remembered."""

    allowed: bool
    user: str = ""
    ttl_seconds: float = 1.0


class ControlPlane:
    """Raises ControlPlaneAway from every call that gets no usable answer."""

    def __init__(self, api_url: str, token: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=f"{api_url}/api/v1/runtime/gateway",
            headers={"authorization": f"Bearer {token}"},
            timeout=TIMEOUT,
            limits=LIMITS,
            trust_env=False,
            verify=api_url.startswith("https"),
        )

    async def routes(self, etag: str) -> tuple[str, Routes] | None:
        """The table and its tag; None when it is still the one of `etag`."""
        response = await self._call("GET", "/routes", headers={"if-none-match": etag} if etag else None)
        if response.status_code == HTTPStatus.NOT_MODIFIED:
            return None
        return response.headers.get("etag", ""), _decode(response, Routes)

    async def authorize(self, token: str, endpoint_id: str) -> Grant:
        """An endpoint that the control plane does not know is one that nobody may call."""
        body = {"token": token, "endpoint_id": endpoint_id}
        response = await self._call("POST", "/authorize", json=body)
        if response.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY):
            return Grant(allowed=False)
        return _decode(response, Grant)

    async def close(self) -> None:
        await self._http.aclose()

    async def _call(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, json: dict[str, str] | None = None
    ) -> httpx.Response:
        try:
            return await self._http.request(method, path, headers=headers, json=json)
        except httpx.HTTPError as error:
            raise ControlPlaneAway(f"{type(error).__name__}: {error}") from error


def _decode(response: httpx.Response, kind: type[T]) -> T:
    if response.status_code != HTTPStatus.OK:
        raise ControlPlaneAway(f"it answered {response.status_code}: {response.text[:200]}")
    try:
        return msgspec.json.decode(response.content, type=kind)
    except msgspec.DecodeError as error:
        raise ControlPlaneAway(f"its answer is not understood: {error}") from error
