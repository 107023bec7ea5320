"""HTTP to processes on this machine."""

from __future__ import annotations

import ssl
from typing import Any

import httpx

NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Else every client reads those of the whole world, which takes 25 ms of a core: for whoever asks until something is
ready, most of a core for as long as that takes."""


def client(**options: Any) -> httpx.Client:
    """A client of plain HTTP without a proxy; options are those of `httpx.Client`."""
    return httpx.Client(trust_env=False, verify=NO_CERTIFICATES, **options)


def get(url: str, **options: Any) -> httpx.Response:
    """GET, once; options are those of `httpx.get`."""
    return httpx.get(url, trust_env=False, verify=NO_CERTIFICATES, **options)
