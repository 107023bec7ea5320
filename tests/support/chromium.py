"""The browser of the browser tests: the system's Chromium, else Debian's, which running this module installs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-dev-shm-usage",
]
"""Nothing that calls elsewhere; and no sandbox where root runs it, because Chromium refuses that."""


def chromium() -> str | None:
    """Path of a Chromium, or None."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


def arguments() -> list[str]:
    return [*ARGUMENTS, "--no-sandbox"] if os.geteuid() == 0 else ARGUMENTS


def main() -> int:
    """Install what is missing. 0 when there is one then."""
    if chromium():
        return 0
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing Chromium for the browser tests …", flush=True)
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in (
            ["apt-get", "-q", "update"],
            ["apt-get", "-q", "install", "-y", "--no-install-recommends", "chromium", "fonts-noto-cjk"],
        ):
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                print(done.stderr[-2000:], file=sys.stderr)
                break
    if chromium():
        return 0
    where = "install one, or name it in CHROMIUM"
    if os.environ.get("CI"):
        print(f"The browser tests need Chromium: {where}.", file=sys.stderr)
        return 1
    print(f"No Chromium here: the browser tests will be skipped ({where}).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
