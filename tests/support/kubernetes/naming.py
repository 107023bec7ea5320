"""Names, labels and annotations that the server takes, and its words for those that it does not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from tests.support.kubernetes.answers import Cause, invalid_value, required
from tests.support.kubernetes.kinds import Kind

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
LABEL_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_KEY = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_SERVICE = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
BAD_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
BAD_LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
BAD_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation "
    "is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
BAD_KEY = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
ANNOTATION_BYTES = 1 << 18


def check_name(kind: Kind, name: str) -> Iterator[Cause]:
    if not name:
        yield required("metadata.name", "name or generateName is required")
    elif kind.plural in {"namespaces", "services"}:
        pattern = LABEL_NAME if kind.plural == "namespaces" else _SERVICE
        if len(name) > 63:
            yield invalid_value("metadata.name", shown(name), "must be no more than 63 bytes")
        if not pattern.fullmatch(name):
            yield invalid_value("metadata.name", shown(name), BAD_LABEL)
    elif kind.group != "rbac.authorization.k8s.io":
        if len(name) > 253:
            yield invalid_value("metadata.name", shown(name), "must be no more than 253 bytes")
        if not _SUBDOMAIN.fullmatch(name):
            yield invalid_value("metadata.name", shown(name), BAD_SUBDOMAIN)


def check_metadata(metadata: dict[str, Any], path: str) -> Iterator[Cause]:
    for key, value in (metadata.get("labels") or {}).items():
        yield from _key(key, f"{path}.labels")
        if len(value) > 63:
            yield invalid_value(f"{path}.labels", shown(value), "must be no more than 63 bytes")
        if not _VALUE.fullmatch(value):
            yield invalid_value(f"{path}.labels", shown(value), BAD_VALUE)
    annotations = metadata.get("annotations") or {}
    for key in annotations:
        yield from _key(key, f"{path}.annotations")
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > ANNOTATION_BYTES:
        yield Cause(
            "FieldValueTooLong", f"{path}.annotations", f"Too long: may not be more than {ANNOTATION_BYTES} bytes"
        )


def _key(key: str, path: str) -> Iterator[Cause]:
    prefix, slash, name = key.rpartition("/")
    if slash and not _SUBDOMAIN.fullmatch(prefix):
        yield invalid_value(path, shown(key), f"prefix part {BAD_SUBDOMAIN}")
    if not name:
        yield invalid_value(path, shown(key), "name part must be non-empty")
    if len(name) > 63:
        yield invalid_value(path, shown(key), "name part must be no more than 63 bytes")
    if not _KEY.fullmatch(name):
        yield invalid_value(path, shown(key), BAD_KEY)


def shown(value: object) -> str:
    """As a message repeats what was given."""
    return msgspec.json.encode(value, order="sorted").decode()
