"""What a kubeconfig says of one cluster, and what is refused before anybody connects: pure, on what YAML gave.

Refused is what would run a program or read a file of the machine that connects: a kubeconfig is handed in by people,
and read where the control plane has its own files.
"""

from __future__ import annotations

import base64
import binascii
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

TEXT_MOST_BYTES: Final = 64 * 1024
"""Of a kubeconfig, a token or a bundle of certificates."""
_FILES: Final = {
    "certificate-authority": "certificate-authority-data",
    "client-certificate": "client-certificate-data",
    "client-key": "client-key-data",
    "tokenFile": "token",
}
"""Names of files, and what to put in their place."""


class KubeconfigRefused(ValueError):
    """This cannot be used to connect. `str()` is a sentence for people; it never quotes a credential."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """The cluster and the user of the current context."""

    server: str
    ca_pem: str = ""
    """Empty: the authorities that the machine trusts."""
    token: str = field(default="", repr=False)
    client_cert_pem: str = ""
    client_key_pem: str = field(default="", repr=False)
    tls_server_name: str = ""
    """Whose certificate the server shows; empty: that of its address."""


def kubeconfig_of(document: object) -> Kubeconfig:
    """The current context of a kubeconfig.

    Args:
        document: what reading its YAML gave.

    Raises:
        KubeconfigRefused: it is none, lacks something, or names programs or files.
    """
    if not isinstance(document, Mapping):
        raise KubeconfigRefused("not_a_mapping", "This is no kubeconfig: it has no contexts, clusters and users.")
    context = _context(document)
    cluster = _named(document, "clusters", "cluster", context.get("cluster"))
    user = _named(document, "users", "user", context.get("user"))
    _programs_refuse(user)
    for entry in (cluster, user):
        _files_refuse(entry)
    if cluster.get("insecure-skip-tls-verify"):
        raise KubeconfigRefused(
            "insecure", "insecure-skip-tls-verify is refused: anybody in between could read the credentials."
        )
    if cluster.get("proxy-url"):
        raise KubeconfigRefused("proxy", "proxy-url is not supported: the API server must be reached directly.")
    found = Kubeconfig(
        server=server_check(_text(cluster, "server")),
        ca_pem=ca_check(_pem(cluster, "certificate-authority-data")),
        token=_text(user, "token"),
        client_cert_pem=_pem(user, "client-certificate-data"),
        client_key_pem=_pem(user, "client-key-data"),
        tls_server_name=_text(cluster, "tls-server-name"),
    )
    if not found.token and not (found.client_cert_pem and found.client_key_pem):
        raise KubeconfigRefused(
            "no_credentials", "The user of the current context has neither a token nor a client certificate with key."
        )
    return found


def server_check(server: str) -> str:
    """The address of an API server without a slash at its end.

    Raises:
        KubeconfigRefused: no `https://` address.
    """
    try:
        parts = urlsplit(server)
        is_address = parts.scheme == "https" and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_address = False
    if not is_address or parts.username or parts.query or parts.fragment or not server.isprintable() or " " in server:
        raise KubeconfigRefused("no_server", "The server is not an address like https://10.0.0.1:6443.")
    return server.rstrip("/")


def ca_check(pem: str) -> str:
    """A bundle of certificates as PEM; empty stays empty.

    Raises:
        KubeconfigRefused: something else.
    """
    if pem.strip() and ("-----BEGIN CERTIFICATE-----" not in pem or "-----END CERTIFICATE-----" not in pem):
        raise KubeconfigRefused("bad_certificate", "This is no certificate in PEM form.")
    if "PRIVATE KEY" in pem:
        raise KubeconfigRefused("bad_certificate", "This holds a private key, which does not belong to a certificate.")
    if not pem.strip():
        return ""
    try:
        ssl.create_default_context(cadata=pem)
    except (ssl.SSLError, ValueError) as error:
        raise KubeconfigRefused("bad_certificate", "The certificate of the authority cannot be read.") from error
    return pem.strip() + "\n"


def token_check(token: str) -> str:
    """A bearer token.

    Raises:
        KubeconfigRefused: nothing, or what cannot stand in a header.
    """
    plain = token.strip()
    if not plain or not plain.isascii() or not plain.isprintable() or " " in plain:
        raise KubeconfigRefused("no_credentials", "The token is empty, or has characters that no token has.")
    return plain


def _context(document: Mapping[Any, Any]) -> Mapping[str, Any]:
    name = document.get("current-context")
    if not name or not isinstance(name, str):
        contexts = document.get("contexts")
        only = contexts[0] if isinstance(contexts, list) and len(contexts) == 1 else None
        name = only.get("name") if isinstance(only, Mapping) else None
    if not name or not isinstance(name, str):
        raise KubeconfigRefused("no_context", "The kubeconfig has no current-context.")
    return _named(document, "contexts", "context", name)


def _named(document: Mapping[Any, Any], plural: str, singular: str, name: object) -> Mapping[str, Any]:
    rows = document.get(plural)
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, Mapping) and row.get("name") == name and isinstance(row.get(singular), Mapping):
            found: Mapping[str, Any] = row[singular]
            return found
    raise KubeconfigRefused("no_context", f"The current context names a {singular} that the kubeconfig does not have.")


def _programs_refuse(user: Mapping[str, Any]) -> None:
    if user.get("exec"):
        raise KubeconfigRefused(
            "exec_plugin",
            "The kubeconfig starts a program to get its credentials (exec), which would run on the server."
            " Use the token of a service account.",
        )
    if user.get("auth-provider"):
        raise KubeconfigRefused(
            "auth_provider", "auth-provider is no longer part of Kubernetes. Use the token of a service account."
        )
    if user.get("username") or user.get("password"):
        raise KubeconfigRefused(
            "basic_auth", "API servers take no user name and password. Use the token of a service account."
        )
    if any(user.get(name) for name in ("as", "as-uid", "as-groups", "as-user-extra")):
        raise KubeconfigRefused("impersonation", "The kubeconfig acts as somebody else (as), which is not supported.")


def _files_refuse(entry: Mapping[str, Any]) -> None:
    for name, instead in _FILES.items():
        if entry.get(name):
            raise KubeconfigRefused(
                "file_path",
                f"{name} names a file, which the server does not have. Put what is in it into {instead}:"
                " `kubectl config view --raw --flatten --minify` does.",
            )


def _text(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise KubeconfigRefused("no_context", f"{name} is not text.")
    return token_check(value) if name == "token" and value else value.strip()


def _pem(entry: Mapping[str, Any], name: str) -> str:
    text = _text(entry, name)
    if not text:
        return ""
    try:
        pem = base64.b64decode(text, validate=True).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise KubeconfigRefused("bad_certificate", f"{name} is not base64 of PEM.") from error
    if "-----BEGIN " not in pem or "-----END " not in pem:
        raise KubeconfigRefused("bad_certificate", f"{name} is not base64 of PEM.")
    return pem
