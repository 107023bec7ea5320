"""Kubeconfigs for tests: one that can be used, and ways to break it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import yaml

CERTIFICATE = """-----BEGIN CERTIFICATE-----
MIIBKzCB0qADAgECAgEBMAoGCCqGSM49BAMCMBQxEjAQBgNVBAMMCWEgY2x1c3Rl
cjAgFw0yNjAxMDEwMDAwMDBaGA8yMTI2MDEwMTAwMDAwMFowFDESMBAGA1UEAwwJ
YSBjbHVzdGVyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEzCa033Mj2sJeeXWT
RH60EQScKKQEDWhiop2fN33t5jglEyYlx9DtfzrHt0v5bPXG/ZdfEqADarnGlpAV
IwT7AKMTMBEwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEAusaw
/T+SEy49vjQWVpwzqO+3ZfKRzdoU86eH+/TIFw4CIFXMSFEnt3VFwP/hSUR+1SjD
6KsqC/uGk/g7HHwHlQms
-----END CERTIFICATE-----
"""
KEY = "-----BEGIN PRIVATE KEY-----\nMIIBkey\n-----END PRIVATE KEY-----\n"
SERVER = "https://10.1.2.3:6443"
TOKEN = "eyJ-the-token-of-a-service-account"


def encoded(pem: str) -> str:
    return base64.b64encode(pem.encode()).decode()


def kubeconfig(
    *, cluster: Mapping[str, Any] | None = None, user: Mapping[str, Any] | None = None, **top: Any
) -> dict[str, Any]:
    """A kubeconfig with a token, as YAML gives it; with these entries of its cluster and its user instead."""
    whole: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "gpu",
        "contexts": [{"name": "gpu", "context": {"cluster": "gpu", "user": "bedplate"}}],
        "clusters": [
            {"name": "other", "cluster": {"server": "https://10.9.9.9:6443"}},
            {
                "name": "gpu",
                "cluster": {"server": SERVER, "certificate-authority-data": encoded(CERTIFICATE), **(cluster or {})},
            },
        ],
        "users": [{"name": "bedplate", "user": {"token": TOKEN} if user is None else dict(user)}],
    }
    return {**whole, **top}


def kubeconfig_text(**changes: Any) -> str:
    """As `kubeconfig`, as people hand it in."""
    return str(yaml.safe_dump(kubeconfig(**changes)))
