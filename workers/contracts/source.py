"""What a run of a source bundle and the job that executes it agree on."""

from __future__ import annotations

from typing import Final

SOURCE: Final = "source"
"""Name of the input that is the bundle's archive, and of the folder in which it is unpacked and executed."""
LOCK_NAME: Final = ".bedplate/packages.lock"
"""File of the spec that names the packages of its environment; without it the runtime's are used."""
ENVIRONMENT_FAILED: Final = "environment_failed"
"""Code of the error with which a job ends whose packages cannot be installed."""
SOURCE_FAILED: Final = "source_failed"
"""Code of the error with which a job ends whose source cannot be unpacked."""
