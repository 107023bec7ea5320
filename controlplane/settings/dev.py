"""One machine: `make up`, `make demo` and a developer's shell. Plain HTTP on loopback."""

from controlplane.settings import base, shared

globals().update(shared(base))
