"""The worked example from raw records to predictions, in a fresh home: `python -m bench.example`.

Figures: `example_seconds` (from the first request to the last prediction; starting the stack is not in it),
`example_auc` (held-out part of the fixed split), `start_seconds` (empty home → open for business).
There is no peer: no other system does the whole of it. The AUC has a reference instead, measured elsewhere: 0.837 in
5-fold cross-validation for a network of this size.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import figures
from tests.support.stack import ROOT, environment_for

BENCH = "example"
UNITS = {"example_seconds": "s", "example_auc": "", "predict_p50_ms": "ms", "predict_p95_ms": "ms"}


def main() -> None:
    figures.say_machine(BENCH)
    with tempfile.TemporaryDirectory(prefix="bedplate-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        done = subprocess.run(
            [sys.executable, "manage.py", "up", "--example", "--exit"],
            cwd=ROOT,
            env=environment_for(Path(folder) / "home"),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise SystemExit(f"the example failed:\n{done.stdout[-4000:]}\n{done.stderr[-2000:]}")
    said = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    started = re.search(r"started in ([0-9.]+) s", done.stdout)
    for metric, unit in (
        ("example_seconds", "s"),
        ("example_auc", ""),
        ("predict_p50_ms", "ms"),
        ("predict_p95_ms", "ms"),
    ):
        figures.say(BENCH, metric, said[metric], unit)
    if started:
        figures.say(BENCH, "start_seconds", float(started[1]), "s")


if __name__ == "__main__":
    main()
