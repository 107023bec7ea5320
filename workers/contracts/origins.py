"""Where data may be fetched from: addresses, lists of what is allowed, and which network addresses are private.

The control plane asks before a job is made, the job asks again of every address that it connects to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Final
from urllib.parse import unquote, urlsplit

DEFAULT_PORTS: Final = {"http": 80, "https": 443, "s3": 443, "gs": 443, "postgresql": 5432, "mysql": 3306}
BUCKETS: Final = ("s3", "gs")
HOST_PATTERN: Final = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?|\[[0-9a-f:.]+\](:\d{1,5})?")
BUCKET_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}")
BUCKET_PATTERN: Final = re.compile(f"(s3|gs)://{BUCKET_NAME.pattern}")
ADDRESS_MOST: Final = 2000

_METADATA: Final = frozenset({IPv4Address("168.63.129.16"), IPv4Address("100.100.100.200")})
"""Addresses of clouds' own services that lie in public ranges."""
_CARRIERS: Final = (
    (IPv6Network("64:ff9b::/96"), 0),
    (IPv6Network("::ffff:0:0/96"), 0),
    (IPv6Network("::/96"), 0),
    (IPv6Network("2002::/16"), 80),
)
"""Networks of IPv6 whose addresses hold one of IPv4, and how many bits lie after it."""


class BadAddress(ValueError):
    """The text is for people."""


@dataclass(frozen=True, slots=True)
class Place:
    """One thing that can be fetched."""

    scheme: str
    host: str
    """In lower case, in ASCII; for a bucket its name."""
    port: int
    path: str
    """Of an HTTP address with its query; of an object its key."""
    name: str
    """How the file is called: the last part of the path; may be empty."""

    @property
    def is_bucket(self) -> bool:
        return self.scheme in BUCKETS

    def __str__(self) -> str:
        if self.is_bucket:
            return f"{self.scheme}://{self.host}/{self.path}"
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}{port}{self.path}"


def place_of(url: str, schemes: Iterable[str] = ("https", "http", *BUCKETS)) -> Place:
    """Take an address apart.

    Raises:
        BadAddress: another scheme, no host, or credentials in it, which belong into a secret.
    """
    allowed = tuple(schemes)
    if len(url) > ADDRESS_MOST or any(ord(letter) <= 32 or ord(letter) == 127 for letter in url):
        raise BadAddress(f"an address has at most {ADDRESS_MOST} characters, and no blanks")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadAddress(f"not an address: {error}") from None
    if parts.scheme not in allowed:
        raise BadAddress(f"begins with {', '.join(f'{scheme}://' for scheme in allowed)}")
    if parts.username is not None or parts.password is not None:
        raise BadAddress("holds a name or password: put it into a secret of the project, and say the secret's name")
    host = host_of(parts.hostname or "")
    if parts.scheme in BUCKETS:
        key = parts.path.removeprefix("/") + (f"?{parts.query}" if parts.query else "")
        if not key or key.endswith("/") or port is not None or not BUCKET_NAME.fullmatch(host):
            raise BadAddress(f"is {parts.scheme}://bucket/path/of/the/object")
        return Place(parts.scheme, host, DEFAULT_PORTS[parts.scheme], key, key.rsplit("/", 1)[-1])
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    name = unquote(parts.path.rsplit("/", 1)[-1])
    return Place(parts.scheme, host, port or DEFAULT_PORTS[parts.scheme], path, name)


def host_of(text: str) -> str:
    """A host name as it is looked up: lower case, ASCII, without a dot at its end; raises BadAddress."""
    host = text.rstrip(".").lower()
    if host and not host.isascii():
        try:
            host = host.encode("idna").decode()
        except UnicodeError:
            raise BadAddress(f"{text!r} is no host name") from None
    if not host or len(host) > 253 or not re.fullmatch(r"[a-z0-9_.:-]+", host):
        raise BadAddress("has no host name")
    return host


def pattern_problem(pattern: str) -> str:
    """Why this is not a line of a list of what is allowed; empty when it is."""
    if BUCKET_PATTERN.fullmatch(pattern) or HOST_PATTERN.fullmatch(pattern):
        return ""
    return "is a host (data.example.org, *.example.org, example.org:8443) or a bucket (s3://name, gs://name)"


def is_allowed(scheme: str, host: str, port: int, patterns: Iterable[str]) -> bool:
    """Whether a list allows a host at a port, or a bucket. A line without a port allows the usual ones only."""
    if scheme in BUCKETS:
        return f"{scheme}://{host}" in patterns
    return any(_fits(pattern, scheme, host, port) for pattern in patterns if "://" not in pattern)


def _fits(pattern: str, scheme: str, host: str, port: int) -> bool:
    name, _, said = pattern.rpartition(":") if re.search(r"(^[^:]*|\]):\d+$", pattern) else (pattern, "", "")
    if said and int(said) != port:
        return False
    if not said and port != DEFAULT_PORTS[scheme]:
        return False
    name = name.strip("[]")
    return host.endswith(name[1:]) if name.startswith("*.") else host == name


def is_private(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is not of the public internet: private, loopback, link-local, of a cloud's own services, or
    an address of IPv6 that stands for such a one of IPv4."""
    if isinstance(address, IPv6Address):
        for network, after in _CARRIERS:
            if address in network:
                return is_private(IPv4Address((int(address) >> after) & 0xFFFFFFFF))
    return not address.is_global or address.is_multicast or address in _METADATA
