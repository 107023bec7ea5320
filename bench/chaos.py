"""Runs of the example while everything around them is killed, at random: `python -m bench.chaos`.

    python -m bench.chaos [--runs 100] [--seed 1] [--parallel 2] [--every 2,5] [--keep FOLDER]

Starts an installation of its own, prepares the example's data over the API, serves a model of it, and submits runs of
`examples/credit_risk/train.py` while every few seconds one of web, worker, beat, publisher, gateway, Redis,
PostgreSQL, or one of a job's keeper, wrapper and command is killed with SIGKILL. The installation's own supervisor
brings its parts back; the client sends again what was not answered. Then the killing stops, everything settles, and
what is stored is compared with what the jobs themselves noted (`chaos_job.py`, `chaos_checks.py`).

Figures, all but the last of them 0 when nothing is wrong:
`chaos_lost`, `chaos_doubled`, `chaos_orphans`, `chaos_leaks`: see `chaos_checks.py`.
`chaos_unexplained`: runs that ended in another way than what was done to them explains; a command that is killed ends
its run as *failed*, a wrapper or keeper is *lost* and the run goes on in a new attempt.
`chaos_broken`: invariants that `manage.py verify` finds broken.
`chaos_errors`: answers that no outage excuses (500, or 503 without saying when to come again).
`chaos_predictions_failed`: not answered within 20 s of trying again.
`recovery_p95_seconds`: from a kill until what was killed makes progress again; `chaos_kills.py` says what that means
for each.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench import figures
from bench.chaos_client import Client, Predictions, Refused
from bench.chaos_kills import Chaos, Kill
from examples.credit_risk import run as example
from tests.support.stack import ROOT, Stack, processes_of, running_stack
from tests.support.waiting import until

BENCH = "chaos"
KINDS = ("lost", "doubled", "orphans", "leaks", "unexplained", "broken")
PARAMETERS = {"epochs": 3, "batch_size": 64}
RESOURCES = {"cpu_millis": 500, "memory_bytes": 1 << 30, "gpus": 0}
RECORD = {
    **{"Seniority": 9, "Home": "rent", "Time": 60, "Age": 30, "Marital": "married", "Records": "no"},
    **{"Job": "freelance", "Expenses": 73, "Income": 129, "Assets": 0, "Debt": 0, "Amount": 800, "Price": 846},
}
ENDS = {"succeeded", "failed", "cancelled"}
RUN_SECONDS = 300.0
SETTLE_SECONDS = 120.0


@dataclass(frozen=True)
class Ground:
    """What the runs stand on."""

    project: str
    experiment: str
    version: str
    endpoint_url: str


def main() -> int:
    options = _options()
    figures.say_machine(BENCH)
    with tempfile.TemporaryDirectory(prefix="bedplate-chaos-", ignore_cleanup_errors=True) as folder:
        evidence, temporary = Path(folder) / "evidence", Path(folder) / "tmp"
        evidence.mkdir()
        temporary.mkdir()
        with running_stack(TMPDIR=str(temporary), BEDPLATE_LOG_LEVEL="INFO") as stack:
            try:
                findings = _ordeal(stack, options, evidence, temporary)
            finally:
                if options.keep:
                    for place in (stack.home / "logs", stack.home / "jobs", evidence):
                        pipes = shutil.ignore_patterns("control")
                        shutil.copytree(place, Path(options.keep) / place.name, ignore=pipes, dirs_exist_ok=True)
        left = [f"after the stop: {' '.join(one.cmdline())}" for one in processes_of(stack.home)]
        left += [f"after the stop: {path}" for path in temporary.iterdir()]
        findings["orphans"] = [*findings.get("orphans", []), *left]
    for kind in KINDS:
        figures.say(BENCH, f"chaos_{kind}", len(findings.get(kind, [])), "", seed=options.seed)
    for kind, texts in findings.items():
        for text in texts:
            print(f"{kind}: {text}", file=sys.stderr)
    return int(any(findings.get(kind) for kind in (*KINDS, "errors", "predictions")))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--every", default="2,5", help="seconds between two kills, at least and at most")
    parser.add_argument("--keep", default="", help="a folder for logs and evidence")
    return parser.parse_args()


def _ordeal(stack: Stack, options: argparse.Namespace, evidence: Path, temporary: Path) -> dict[str, list[str]]:
    """Everything from the first request to the comparison; returns what was found."""
    token = stack.manage("token", "demo", "--name", "chaos", "--scopes", "read,write,infer,admin")
    ground = _prepare(stack.url, token)
    client = Client(stack.url, token)
    predictions = Predictions(client, ground.endpoint_url, RECORD)
    least, most = map(float, options.every.split(","))
    chaos = Chaos(stack, evidence, predictions, seed=options.seed, every=(least, most))
    runs = Runs(client, ground, evidence, options.runs)
    chaos.ended = runs.ended
    predictions.start()
    chaos.start()
    began = time.monotonic()
    runs.all(options.parallel)
    chaos.stop()
    until(lambda: not chaos.waits(), SETTLE_SECONDS, what=f"recovery from {chaos.waits()}", every_seconds=0.2)
    predictions.stop()
    _say_how_it_went(chaos.kills, runs, predictions, client, time.monotonic() - began)
    facts = {
        "url": stack.url,
        "token": token,
        "experiment": ground.experiment,
        "evidence": str(evidence),
        "temporary": str(temporary),
        "names": runs.names,
        "kills": [asdict(kill) for kill in chaos.kills if kill.attempt],
    }
    return _settled_findings(stack, facts, evidence) | {
        "errors": client.failures,
        "predictions": predictions.failed,
        "unfinished": runs.failures,
    }


def _prepare(url: str, token: str) -> Ground:
    """The example's first steps as its own program does them, and a served model."""
    api = example.Api(url, token)
    project = api.create("/projects", {"name": "chaos", "title": "Chaos"})["id"]
    cleaned = example.clean(api, project, example.ingest(api, project))
    _, endpoint_url = example.deploy(api, project, example.train(api, project, cleaned))
    experiment = api.create("/experiments", {"project": project, "name": "chaos"})["id"]
    return Ground(project, experiment, cleaned["id"], endpoint_url)


class Runs:
    """Submits runs, a few at a time, and waits for each."""

    def __init__(self, client: Client, ground: Ground, evidence: Path, count: int) -> None:
        self._client, self._ground, self._evidence = client, ground, evidence
        source = (ROOT / "bench" / "chaos_job.py").read_text()
        train = (ROOT / "examples" / "credit_risk" / "train.py").read_text()
        self._script = source.replace('TRAIN = ""', f"TRAIN = {train!r}")
        self._left = list(range(count, 0, -1))
        self._over: set[str] = set()
        self.names: list[str] = []
        self.states: Counter[str] = Counter()
        self.failures: list[str] = []

    def all(self, parallel: int) -> None:
        threads = [threading.Thread(target=self._some, daemon=True) for _ in range(parallel)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def ended(self, workload: str) -> bool:
        return workload in self._over

    def _some(self) -> None:
        while self._left:
            name = f"run-{self._left.pop():03}"
            try:
                self._one(name)
            except (Refused, AssertionError) as error:
                self.failures.append(f"{name}: {error}")

    def _one(self, name: str) -> None:
        self.names.append(name)
        body = {
            "experiment": self._ground.experiment,
            "name": name,
            "script": self._script,
            "dataset_version": self._ground.version,
            "parameters": PARAMETERS | {"seed": len(self.names), "evidence": str(self._evidence)},
            "resources": RESOURCES,
            "time_limit_seconds": 600,
        }
        run = self._client.call("POST", "/runs", body)

        def over() -> bool:
            run.update(self._client.call("GET", f"/runs/{run['id']}"))
            return run["state"] in ENDS

        until(over, RUN_SECONDS, what=f"the end of {name}: {run}", every_seconds=0.25)
        self._over.add(run["workload"])
        self.states[f"{run['state']} {run['state_reason']}"] += 1


def _settled_findings(stack: Stack, facts: dict[str, Any], evidence: Path) -> dict[str, list[str]]:
    """Compare until nothing is found that time alone mends, or the time is over."""
    path = evidence / "facts.json"
    path.write_text(json.dumps(facts))
    findings: dict[str, list[str]] = {}

    def at_rest() -> bool:
        done = subprocess.run(
            [sys.executable, "-m", "bench.chaos_checks", str(path)],
            cwd=ROOT,
            env=stack.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"the checks failed: {done.stderr[-3000:]}")
        findings.clear()
        findings.update(json.loads(done.stdout.splitlines()[-1]))
        return not findings.get("leaks") and not findings.get("orphans")

    deadline = time.monotonic() + SETTLE_SECONDS / 2
    while not at_rest() and time.monotonic() < deadline:
        time.sleep(2)
    return findings | {"broken": _broken_invariants(stack)}


def _broken_invariants(stack: Stack) -> list[str]:
    """What `manage.py verify` finds."""
    done = subprocess.run(
        [sys.executable, "manage.py", "verify", "--json"],
        cwd=ROOT,
        env=stack.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    if not outcomes:
        raise RuntimeError(f"`manage.py verify` failed: {done.stderr[-3000:]}")
    wrong = [outcome for outcome in outcomes if not outcome["ok"]]
    return [f"{outcome['check']}: {example['text']}" for outcome in wrong for example in outcome["examples"]]


def _say_how_it_went(kills: list[Kill], runs: Runs, predictions: Predictions, client: Client, seconds: float) -> None:
    by_kind: dict[str, list[float]] = defaultdict(list)
    for kill in kills:
        if kill.recovered is not None:
            by_kind[kill.kind + (" of an endpoint" if kill.serving else "")].append(kill.recovered)
    for kind, found in sorted(by_kind.items()):
        more = {"kills": len(found), "median": round(median(found), 2)}
        figures.say(BENCH, f"recovery_seconds.{kind}", max(found), "s", **more)
    everything = [value for found in by_kind.values() for value in found]
    if len(everything) > 1:
        figures.say(BENCH, "recovery_p95_seconds", figures.percentile(everything, 95), "s", kills=len(kills))
    figures.say(BENCH, "chaos_errors", len(client.failures), "", unavailable=client.unavailable)
    figures.say(BENCH, "slowest_answer_seconds", client.slowest_seconds, "s")
    figures.say(BENCH, "chaos_predictions_failed", len(predictions.failed), "", asked=predictions.asked)
    figures.say(BENCH, "chaos_seconds", seconds, "s", runs=dict(runs.states), unfinished=len(runs.failures))


if __name__ == "__main__":
    sys.exit(main())
