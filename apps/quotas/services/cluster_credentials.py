"""What connects to a cluster: read when it is handed in, kept encrypted, opened only where it is used."""

from __future__ import annotations

from dataclasses import dataclass, field

import yaml

from apps.access.services.keyring import Sealed, keyring
from apps.common import clock
from apps.common.errors import Invalid
from apps.quotas.models import Cluster
from apps.quotas.states import ConnectionKind
from workers.contracts.kubeconfig import (
    TEXT_MOST_BYTES,
    Kubeconfig,
    KubeconfigRefused,
    ca_check,
    kubeconfig_of,
    server_check,
    token_check,
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What was handed in to connect with; the fields that its kind does not use are empty."""

    kind: str
    kubeconfig: str = field(default="", repr=False)
    server: str = ""
    ca_pem: str = ""
    token: str = field(default="", repr=False)


def credentials_set(cluster: Cluster, given: Credentials) -> None:
    """Put them into the row, encrypted, unsaved. The row has its id.

    Raises:
        Invalid: a field that its kind does not use, or lacks; a kubeconfig that cannot be used here, whose code is then
            `credentials_…` with that of `workers.contracts.kubeconfig`.
        KeyUnusable: the installation has no key to encrypt with.
    """
    _fields_check(given)
    found, secret = _read(given)
    cluster.kind, cluster.server, cluster.ca_pem = given.kind, found.server, found.ca_pem
    sealed = keyring().seal(secret.encode(), _about(cluster)) if secret else Sealed("", b"", b"")
    cluster.key_id, cluster.nonce, cluster.ciphertext = sealed.key_id, sealed.nonce, sealed.ciphertext
    cluster.credentials_at = clock.db_now() if secret else None


def credentials_open(cluster: Cluster) -> str:
    """The kubeconfig or the token of a cluster: for who connects, nowhere else. Empty: it is the pod's own.

    Raises:
        KeyUnusable: it cannot be decrypted.
    """
    if not cluster.key_id:
        return ""
    sealed = Sealed(cluster.key_id, bytes(cluster.nonce), bytes(cluster.ciphertext))
    return keyring().open(sealed, _about(cluster)).decode()


def kubeconfig_read(text: str) -> Kubeconfig:
    """What a kubeconfig says, as far as it can be used here.

    Raises:
        KubeconfigRefused: it cannot, as the sentence says.
    """
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark is not None else ""
        raise KubeconfigRefused("not_yaml", f"This is not YAML{where}.") from error
    return kubeconfig_of(document)


def _read(given: Credentials) -> tuple[Kubeconfig, str]:
    """What is shown of it, and what is encrypted."""
    field_name = "kubeconfig"
    try:
        if given.kind == ConnectionKind.IN_CLUSTER:
            return Kubeconfig(""), ""
        if given.kind == ConnectionKind.KUBECONFIG:
            return kubeconfig_read(given.kubeconfig), given.kubeconfig
        field_name = "server"
        server = server_check(given.server.strip())
        field_name = "ca_pem"
        ca_pem = ca_check(given.ca_pem)
        field_name = "token"
        return Kubeconfig(server, ca_pem), token_check(given.token)
    except KubeconfigRefused as error:
        refused = Invalid(f"{field_name}: {error}", fields={field_name: [str(error)]})
        refused.code = f"credentials_{error.code}"  # which readers of other languages are told by
        raise refused from error


def _fields_check(given: Credentials) -> None:
    if given.kind not in ConnectionKind.values:
        _refuse("kind", f"is not one of {', '.join(ConnectionKind.values)}")
    used = {ConnectionKind.KUBECONFIG: ("kubeconfig",), ConnectionKind.TOKEN: ("server", "ca_pem", "token")}
    for name in ("kubeconfig", "server", "ca_pem", "token"):
        text: str = getattr(given, name)
        if len(text.encode("utf-8", "replace")) > TEXT_MOST_BYTES:
            _refuse(name, f"has more than {TEXT_MOST_BYTES} bytes")
        if text and name not in used.get(ConnectionKind(given.kind), ()):
            _refuse(name, f"does not go with the kind {given.kind}")
        if not text and name in used.get(ConnectionKind(given.kind), ()) and name != "ca_pem":
            _refuse(name, f"is needed with the kind {given.kind}")


def _refuse(name: str, sentence: str) -> None:
    raise Invalid(f"{name}: {sentence}", fields={name: [sentence]})


def _about(cluster: Cluster) -> bytes:
    """Associated data: a stored value opens only in its own row."""
    return f"cluster/{cluster.pk}".encode()
