"""All that is measured of the live path, one part after the other: `python -m bench.live [PART …]`.

Each part is a program of its own too: `python -m bench.live_socket`, and so on.
"""

from __future__ import annotations

import subprocess
import sys

PARTS = ("live_socket", "live_ingest", "live_hints")
"""A point on its way to a thousand viewers; what jobs can send; a start without hints."""


def main() -> int:
    wanted = sys.argv[1:] or PARTS
    unknown = sorted(set(wanted) - set(PARTS))
    if unknown:
        print(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    return max(subprocess.run([sys.executable, "-m", f"bench.{part}"], check=False).returncode for part in wanted)


if __name__ == "__main__":
    sys.exit(main())
