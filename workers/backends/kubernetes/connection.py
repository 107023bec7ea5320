"""How an API server is reached: its address, whom to trust, who we are; and the official client made of it."""

from __future__ import annotations

import base64
import binascii
import json
import os
import ssl
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import yaml
from cryptography import x509
from kubernetes import client

from workers.backends.base import BackendUnavailable
from workers.contracts.kubeconfig import (
    TEXT_MOST_BYTES,
    KubeconfigRefused,
    ca_check,
    kubeconfig_of,
    server_check,
    token_check,
)

SERVICE_ACCOUNT_FOLDER: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
IN_CLUSTER_SERVER: Final = "https://kubernetes.default.svc"
CONNECTIONS: Final = 16
"""Kept open to one API server by one process; more requests at once wait for one of them."""
_KEYS: Final = ("BearerToken", "authorization")
"""Where versions of the client look for a token: up to 35 under the second name, 36 under the first only."""
_FILES: Final = ("ca_certs", "ca_cert_data", "cert_file", "key_file")


@dataclass(frozen=True, slots=True)
class ClusterConnection:
    """Everything that it takes to ask one API server. Two that are equal ask the same as the same."""

    server: str
    """`https://…` without a slash at its end."""
    ca_pem: str = ""
    """Authorities that may have signed its certificate; empty: those that this machine trusts."""
    token: str = field(default="", repr=False)
    token_file: str = ""
    """Read anew for each request: the cluster writes a new token into it."""
    client_cert_pem: str = ""
    client_key_pem: str = field(default="", repr=False)
    tls_server_name: str = ""
    """Whose certificate the server shows; empty: that of its address."""
    requests_per_second: float = 100.0
    """The most that one process asks, over all threads."""

    def expires_at(self) -> datetime | None:
        """When the credentials end, where they say so: the client certificate, or a token that is a JWT."""
        if self.client_cert_pem and not self.token:
            return _certificate(self.client_cert_pem).not_valid_after_utc
        return _expiry_of(_read(self.token_file) if self.token_file else self.token)


def connection_from_kubeconfig(text: str) -> ClusterConnection:
    """The current context of a kubeconfig.

    Raises:
        KubeconfigRefused: it cannot be read or used, or would run programs or read files here.
    """
    if len(text.encode("utf-8", "surrogatepass")) > TEXT_MOST_BYTES:
        raise KubeconfigRefused("too_large", f"A kubeconfig has at most {TEXT_MOST_BYTES} bytes; this has more.")
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise KubeconfigRefused("not_yaml", f"This is no kubeconfig: it cannot be read as YAML{where}.") from None
    found = kubeconfig_of(document)
    return _checked(
        ClusterConnection(
            server=found.server,
            ca_pem=found.ca_pem,
            token=found.token,
            client_cert_pem=found.client_cert_pem,
            client_key_pem=found.client_key_pem,
            tls_server_name=found.tls_server_name,
        )
    )


def connection_with_token(server: str, ca_pem: str, token: str) -> ClusterConnection:
    """A server, the authority of its certificate (empty: those that this machine trusts), and a token.

    Raises:
        KubeconfigRefused: one of them is not what it should be.
    """
    return _checked(
        ClusterConnection(server=server_check(server), ca_pem=ca_check(ca_pem), token=token_check(token)),
    )


def connection_in_cluster(server: str = IN_CLUSTER_SERVER, folder: Path = SERVICE_ACCOUNT_FOLDER) -> ClusterConnection:
    """The cluster in which this process runs, as its pod's service account.

    Raises:
        KubeconfigRefused: this is no pod, or one without a service account's token.
    """
    token = folder / "token"
    try:
        ca_pem = (folder / "ca.crt").read_text("ascii")
        token_check(token.read_text("ascii"))
    except (OSError, ValueError) as error:
        if isinstance(error, KubeconfigRefused):
            raise
        raise KubeconfigRefused(
            "not_in_cluster", f"This process runs in no pod with a service account: {folder} has no token and ca.crt."
        ) from error
    return _checked(ClusterConnection(server=server_check(server), ca_pem=ca_check(ca_pem), token_file=str(token)))


def open_client(connection: ClusterConnection) -> Any:
    """The official client (`kubernetes.client.ApiClient`, versions 35 to 37) of a connection; it connects later.

    It verifies the server always, follows no redirects and repeats nothing by itself: what is to be repeated, and how
    long, is decided where it is known what a request does.
    """
    configuration: Any = client.Configuration(host=connection.server)
    configuration.verify_ssl = True
    configuration.retries = False
    configuration.proxy = None
    configuration.connection_pool_maxsize = CONNECTIONS
    if connection.tls_server_name:
        configuration.tls_server_name = connection.tls_server_name
    if connection.token or connection.token_file:
        configuration.api_key_prefix = dict.fromkeys(_KEYS, "Bearer")
        configuration.api_key = dict.fromkeys(_KEYS, connection.token or "-")
    if connection.token_file:
        configuration.refresh_api_key_hook = lambda current: current.api_key.update(
            dict.fromkeys(_KEYS, _read(connection.token_file))
        )
    opened = client.ApiClient(configuration)
    opened.user_agent = "bedplate"
    kept = opened.rest_client.pool_manager.connection_pool_kw
    for name in _FILES:  # one context instead of files: no key stays on the disk, and no other authority is trusted
        kept.pop(name, None)
    kept["ssl_context"] = tls_context(connection)
    return opened


def tls_context(connection: ClusterConnection) -> ssl.SSLContext:
    """Trusts the connection's authorities alone, and shows its certificate.

    Raises:
        KubeconfigRefused: a certificate or key cannot be read.
    """
    try:
        context = ssl.create_default_context(cadata=connection.ca_pem or None)
        # Python 3.13 wants of authorities what many clusters' own do not have; chain, name and time are checked anyway
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    except (ssl.SSLError, ValueError) as error:
        raise KubeconfigRefused("bad_certificate", "The certificate of the authority cannot be read.") from error
    if connection.client_cert_pem:
        _show_certificate(context, connection)
    return context


def _show_certificate(context: ssl.SSLContext, connection: ClusterConnection) -> None:
    """`ssl` reads a certificate and its key from files only; they are there for as long as that takes."""
    with tempfile.TemporaryDirectory(prefix="bedplate-") as folder:
        paths = []
        for name, text in (("cert", connection.client_cert_pem), ("key", connection.client_key_pem)):
            paths.append(os.path.join(folder, name))  # noqa: PTH118
            with open(os.open(paths[-1], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123
                file.write(text)
        try:
            context.load_cert_chain(paths[0], paths[1], password="")  # of an encrypted key: it must ask nobody
        except (ssl.SSLError, ValueError, OSError) as error:
            raise KubeconfigRefused(
                "bad_certificate", "The client certificate or its key cannot be read, or they do not belong together."
            ) from error


def _checked(connection: ClusterConnection) -> ClusterConnection:
    """The connection, once its certificates could be read."""
    tls_context(connection)
    if connection.client_cert_pem:
        _certificate(connection.client_cert_pem)
    return connection


def _certificate(pem: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem.encode("ascii"))
    except ValueError as error:
        raise KubeconfigRefused("bad_certificate", "The client certificate cannot be read.") from error


def _read(path: str) -> str:
    try:
        return Path(path).read_text("ascii").strip()
    except (OSError, ValueError) as error:
        raise BackendUnavailable(f"The service account's token cannot be read: {error}") from error


def _expiry_of(token: str) -> datetime | None:
    """`exp` of a JWT; None for any other token. Nothing is verified: it is only said to people."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(claims["exp"], UTC)
    except (binascii.Error, ValueError, KeyError, TypeError, OverflowError, OSError):
        return None
