"""Bodies of requests: which formats, which kinds, which names."""

from __future__ import annotations

from typing import Any

import msgspec
import yaml

from tests.support.kubernetes import answers
from tests.support.kubernetes.http import Request
from tests.support.kubernetes.kinds import Kind
from tests.support.kubernetes.routing import Target
from tests.support.kubernetes.store import Object

_FORMATS = {"application/json", "application/yaml", "", "*/*"}


def posted(request: Request, target: Target) -> Object:
    """The object of a POST or PUT.

    Raises:
        Refusal: 415, or 400 for what is no such object.
    """
    if request.content_type not in _FORMATS:
        raise answers.Refusal(
            415,
            "the body of the request was in an unknown format - accepted media types include: application/json, "
            "application/yaml, application/vnd.kubernetes.protobuf",
            "UnsupportedMediaType",
        )
    text = request.body.decode("utf-8", "replace")
    kind = target.kind
    try:
        obj = yaml.safe_load(text) if request.content_type == "application/yaml" else msgspec.json.decode(request.body)
    except (msgspec.DecodeError, yaml.YAMLError):
        raise answers.bad_request(
            f"the object provided is unrecognized (must be of type {kind.kind}): couldn't get version/kind; "
            f"json parse error: unexpected end of JSON input ({text[:100]})"
        ) from None
    if not isinstance(obj, dict):
        raise answers.bad_request(f"the object provided is unrecognized (must be of type {kind.kind})")
    check_kind(obj, kind)
    check_place(obj, target)
    return obj


def check_kind(obj: Object, kind: Kind) -> None:
    given, version = obj.get("kind", kind.kind), obj.get("apiVersion", kind.api_version)
    if given != kind.kind:
        short = f"{kind.group.split('.')[0] or 'core'}.{kind.kind}"
        raise answers.bad_request(
            f'{given} in version "{version.rpartition("/")[2]}" cannot be handled as a {kind.kind}: '
            f"converting ({version.replace('/', '.')}.{given}) to ({short}): unknown conversion"
        )
    if version != kind.api_version:
        raise answers.bad_request(
            f"the API version in the data ({version}) does not match the expected API version ({kind.api_version})"
        )


def check_place(obj: Object, target: Target) -> None:
    metadata = obj.setdefault("metadata", {})
    if not isinstance(metadata, dict):
        raise answers.bad_request(
            f'{target.kind.kind} in version "{target.kind.version}" cannot be handled as a {target.kind.kind}: '
            "json: cannot unmarshal into Go struct field .metadata of type v1.ObjectMeta"
        )
    if target.kind.namespaced and metadata.get("namespace", target.namespace) != target.namespace:
        raise answers.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    name = metadata.get("name", "")
    if target.name and not target.subresource and name and name != target.name:
        raise answers.bad_request(f"the name of the object ({name}) does not match the name on the URL ({target.name})")


def options(request: Request) -> dict[str, Any]:
    """DeleteOptions of the body and of the query."""
    found: dict[str, Any] = {}
    if request.body:
        try:
            decoded = msgspec.json.decode(request.body)
        except msgspec.DecodeError:
            raise answers.bad_request("couldn't get version/kind; json parse error") from None
        found = decoded if isinstance(decoded, dict) else {}
    for name in ("propagationPolicy", "gracePeriodSeconds", "orphanDependents", "dryRun"):
        if name in request.query:
            value: Any = request.query[name]
            found[name] = int(value) if name == "gracePeriodSeconds" else [value] if name == "dryRun" else value
    return found


def patch(request: Request) -> Any:
    """The patch of a PATCH: a dict, or a list for a JSON patch."""
    try:
        if request.content_type == "application/apply-patch+yaml":
            return (
                yaml.safe_load(request.body)
                if not request.body.lstrip().startswith(b"{")
                else msgspec.json.decode(request.body)
            )
        return msgspec.json.decode(request.body)
    except (msgspec.DecodeError, yaml.YAMLError) as error:
        raise answers.bad_request(f"error decoding patch: {error}") from None
