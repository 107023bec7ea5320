"""Files for clients that want a kubeconfig."""

from __future__ import annotations

import base64

import yaml

from tests.support.kubernetes.tls import Pair


def kubeconfig(url: str, ca_pem: str, token: str, pair: Pair | None, namespace: str) -> str:
    """YAML with one context; of a certificate where there is one, else of a token."""
    user = {"token": token}
    if pair is not None:
        user = {
            "client-certificate-data": _base64(pair.certificate),
            "client-key-data": _base64(pair.key),
        }
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "fake",
        "clusters": [
            {"name": "fake", "cluster": {"server": url, "certificate-authority-data": _base64(ca_pem)}},
        ],
        "users": [{"name": "user", "user": user}],
        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "user", "namespace": namespace}}],
    }
    return yaml.safe_dump(document)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
