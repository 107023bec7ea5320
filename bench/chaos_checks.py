"""What is left after chaos, compared with the evidence of the jobs: `python -m bench.chaos_checks FACTS`, in the
environment of an installation at rest. Reads the file FACTS, prints one JSON object: kind of finding → sentences.

    {"url": address, "token": API token, "experiment": id, "names": […], "evidence": folder, "temporary": folder,
     "kills": [{"kind", "attempt", …}]}

`lost`: acknowledged and not there. `doubled`: there twice, or run twice at once. `orphans`: processes, folders and
rows without an owner. `leaks`: held by something that does not run. `unexplained`: an end that nobody brought about.
`gaps`: steps before a checkpoint that a later attempt continued from whose points were never sent: not acknowledged,
so not lost, but a hole in the curve.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import django
import httpx
import psutil

from controlplane.env import choose_settings

choose_settings()
django.setup()

from django.conf import settings  # noqa: E402 - models are importable only from here on

from apps.common.models import AuditEvent  # noqa: E402
from apps.common.storage import store  # noqa: E402
from apps.experiments.models import Artifact, Checkpoint, MetricBatch, Run  # noqa: E402
from apps.experiments.selectors.series import last_step_that_counts  # noqa: E402
from apps.quotas.models import Attempt, LogChunk, UsageRecord, Workload  # noqa: E402
from apps.quotas.states import OCCUPYING  # noqa: E402

Point = tuple[int, float]
Series = dict[str, list[Point]]
"""By key."""
Api = Callable[[str], Any]
"""What the API answers to a GET."""


@dataclass
class Witness:
    """What the process of one attempt noted."""

    number: int
    attempt: str = ""
    alone: bool = True
    given: Series = field(default_factory=lambda: defaultdict(list))
    lines: int = 0
    checkpoints: dict[int, str] = field(default_factory=dict)
    acknowledged: set[int] = field(default_factory=set)
    """Steps of those checkpoints that were acknowledged before the job went on; at its end all are."""
    artifacts: dict[str, str] = field(default_factory=dict)
    ended: bool = False
    """It has left the context, which waits until all is acknowledged."""

    def take(self, note: dict[str, Any]) -> None:
        if "begin" in note:
            self.attempt, self.alone = note["begin"], note["alone"]
        for key, value in note.get("metrics", {}).items():
            self.given[key].append((note["step"], value))
        self.lines = max(self.lines, note.get("line", 0))
        if "checkpoint" in note:
            self.checkpoints[note["checkpoint"]] = note["sha256"]
            self.acknowledged |= {note["checkpoint"]} if note["acknowledged"] else set()
        if "artifact" in note:
            self.artifacts[note["artifact"]] = note["sha256"]
        self.ended = self.ended or "end" in note


class Findings:
    """Sentences by kind."""

    def __init__(self) -> None:
        self.by_kind: dict[str, list[str]] = defaultdict(list)

    def check(self, kind: str, holds: bool, text: str) -> None:
        if not holds:
            self.by_kind[kind].append(text)


def witnesses(folder: Path, workload: str) -> list[Witness]:
    found = []
    for path in sorted(folder.glob(f"{workload}.*.jsonl")):
        one = Witness(int(path.name.split(".")[1]))
        for line in path.read_bytes().splitlines():
            one.take(json.loads(line))
        found.append(one)
    return sorted(found, key=lambda one: one.number)


def stored_points(run: Run) -> dict[str, Series]:
    """By attempt, in order of arrival."""
    found: dict[str, Series] = defaultdict(lambda: defaultdict(list))
    for batch in MetricBatch.objects.filter(run=run).order_by("id"):
        steps, values, _ = batch.columns
        found[str(batch.attempt_id)][batch.key] += zip(steps.tolist(), values.tolist(), strict=True)
    return found


def check_points(run: Run, seen: list[Witness], api: Api, findings: Findings) -> None:
    stored = stored_points(run)
    counting: dict[str, list[Point]] = defaultdict(list)
    for one in seen:
        highest = last_step_that_counts(run.attempt_starts, one.number)
        for key, given in one.given.items():
            kept = stored[one.attempt].get(key, [])
            where = f"run {run.name}, attempt {one.number}, {key}"
            twice = [point for point, times in Counter(kept).items() if times > Counter(given)[point]]
            findings.check("doubled", not twice, f"{where}: stored more often than given: {twice[:5]}")
            if one.ended:
                findings.check("lost", kept == given, f"{where}: {len(kept)} of {len(given)} points are there")
            else:
                hole = kept != given[: len(kept)]
                findings.check("lost", not hole, f"{where}: a hole among the {len(kept)} stored points")
                missing = [step for step, _ in given[len(kept) :] if step <= highest and seen[-1] is not one]
                findings.check("gaps", not missing, f"{where}: steps {missing[:3]}… count and were never sent")
            counting[key] += [point for point in kept if point[0] <= highest]
    shown = api(f"/runs/{run.pk}/metrics?points=10000")["series"]
    for key, points in counting.items():
        series = shown.get(key, {"steps": [], "values": []})
        pairs = list(zip(series["steps"], series["values"], strict=True))
        same = pairs == sorted(points, key=lambda point: point[0])
        findings.check("lost", same, f"run {run.name}, {key}: shown are {len(pairs)}, counting are {len(points)}")


def check_logs(run: Run, seen: list[Witness], findings: Findings) -> None:
    for one in seen:
        chunks = list(LogChunk.objects.filter(attempt=one.attempt, rank=0).order_by("sequence"))
        where = f"run {run.name}, attempt {one.number}"
        numbers = [chunk.sequence for chunk in chunks]
        findings.check("lost", numbers == list(range(len(numbers))), f"{where}: chunks {numbers}")
        following = 1
        for chunk in chunks:
            findings.check("lost", chunk.first_line == following, f"{where}: line {following} is not there")
            following = chunk.first_line + chunk.output().count("\n")
        lines = [line.split() for chunk in chunks for line in chunk.output().splitlines() if line.startswith("chaos ")]
        told = [int(words[2]) for words in lines]
        findings.check("doubled", len(set(told)) == len(told), f"{where}: lines are there twice")
        want = one.lines if one.ended else len(told)
        findings.check("lost", sorted(set(told)) == list(range(1, want + 1)), f"{where}: {len(told)} of {want} lines")


def check_files(run: Run, seen: list[Witness], findings: Findings) -> None:
    objects = store()
    for one in seen:
        where = f"run {run.name}, attempt {one.number}"
        rows = list(Checkpoint.objects.filter(attempt=one.attempt))
        kept = {row.step: row.sha256 for row in rows}
        findings.check("doubled", len(kept) == len(rows), f"{where}: a checkpoint twice")
        expected = one.checkpoints.keys() if one.ended else one.acknowledged
        missing = {step for step in expected if kept.get(step) != one.checkpoints[step]}
        findings.check("lost", not missing, f"{where}: checkpoints {missing}")
        artifacts = list(Artifact.objects.filter(attempt=one.attempt))
        named = {row.name: row.sha256 for row in artifacts}
        findings.check("doubled", len(named) == len(artifacts), f"{where}: an artifact twice")
        missing_names = {name for name, digest in one.artifacts.items() if one.ended and named.get(name) != digest}
        findings.check("lost", not missing_names, f"{where}: artifacts {missing_names}")
        for row in (*rows, *artifacts):
            try:
                whole = objects.measure(row.path).sha256 == row.sha256
            except FileNotFoundError:
                whole = False
            findings.check("lost", whole, f"{where}: {row.path} is not what was acknowledged")


def check_ends(run: Run, seen: list[Witness], kills: list[dict[str, Any]], findings: Findings) -> None:
    """Every attempt ended by itself, or by what was done to it."""
    attempts = list(Attempt.objects.filter(workload=run.workload_id).order_by("number"))
    done: dict[str, set[str]] = defaultdict(set)
    for kill in kills:
        done[kill["attempt"]].add(kill["kind"])
    for attempt in attempts:
        where = f"run {run.name}, attempt {attempt.number}: {attempt.outcome or 'open'}"
        killed = done[str(attempt.pk)]
        if attempt.outcome == "lost":
            findings.check("unexplained", bool(killed & {"wrapper", "keeper"}), f"{where}, killed: {killed}")
        elif attempt.outcome == "exit_nonzero":
            findings.check(
                "unexplained", "command" in killed and attempt.exit_code == 137, f"{where}, killed: {killed}"
            )
        else:
            findings.check("unexplained", attempt.outcome == "completed", where)
    last = attempts[-1].outcome if attempts else ""
    expected = {"completed": "succeeded", "exit_nonzero": "failed", "lost": "failed"}.get(last, "")
    findings.check("unexplained", run.state == expected, f"run {run.name} is {run.state} after {last}")
    if run.state == "failed" and run.state_reason == "exit_nonzero":
        findings.check("unexplained", "SIGKILL" in run.state_detail, f"run {run.name} says only: {run.state_detail}")
    if run.state == "failed" and last == "lost":
        losses = sum(attempt.outcome == "lost" for attempt in attempts)
        most = Workload.objects.get(pk=run.workload_id).max_attempts
        findings.check("unexplained", losses >= most, f"run {run.name} was given up after {losses} losses")
    findings.check("doubled", all(one.alone for one in seen), f"run {run.name}: two processes at once")
    twice = [number for number, times in Counter(one.number for one in seen).items() if times > 1]
    findings.check("doubled", not twice, f"run {run.name}: attempts {twice} ran more than once")


def check_rest(temporary: Path, findings: Findings) -> None:
    """Nothing is held by what does not run, and nothing runs that is not in the books."""
    alive = set(map(str, Attempt.objects.filter(ended_at=None).values_list("pk", flat=True)))
    for attempt in Attempt.objects.filter(ended_at=None).exclude(workload__state__in=sorted(OCCUPYING)):
        findings.check("leaks", False, f"attempt {attempt.pk} is open, its workload is {attempt.workload.state}")
    for record in UsageRecord.objects.filter(closed_at=None).exclude(workload__state__in=sorted(OCCUPYING)):
        findings.check("leaks", False, f"{record} is held, its workload is {record.workload.state}")
    for workload in Workload.objects.filter(state__in=sorted(OCCUPYING)).exclude(owner_kind="revision"):
        findings.check("leaks", False, f"workload {workload.name} still holds its quota as {workload.state}")
    for workload in Workload.objects.filter(state__in=sorted(OCCUPYING)):
        held = UsageRecord.objects.filter(workload=workload, closed_at=None).count()
        findings.check("leaks", held == 1, f"workload {workload.name} holds its quota without being billed")
    known = set(map(str, Attempt.objects.values_list("pk", flat=True)))
    jobs = Path(settings.BEDPLATE_HOME) / "jobs"
    for folder in jobs.iterdir():
        findings.check("orphans", folder.name in known, f"job folder {folder.name} has no attempt")
    for process in psutil.process_iter():
        try:
            attempt_id = process.environ().get("BEDPLATE_ATTEMPT_ID", "")
            place = process.cwd()
        except psutil.Error:
            continue
        ours = attempt_id and place.startswith(str(jobs))
        findings.check("orphans", not ours or attempt_id in alive, f"process {process} of attempt {attempt_id}")
    states = [json.loads((jobs / attempt / "state.json").read_text()) for attempt in alive]
    owned = {Path(state["temporary"]).name for state in states}
    for folder in temporary.glob("bedplate-*"):
        findings.check("orphans", folder.name in owned, f"temporary folder {folder}")


def api_of(facts: dict[str, Any]) -> Api:
    http = httpx.Client(headers={"Authorization": f"Bearer {facts['token']}"}, timeout=30, trust_env=False)
    return lambda path: http.get(f"{facts['url']}/api/v1{path}").raise_for_status().json()


def check(facts: dict[str, Any]) -> dict[str, list[str]]:
    findings, api = Findings(), api_of(facts)
    runs = list(Run.objects.filter(experiment=facts["experiment"]).order_by("name"))
    names = sorted(run.name for run in runs)
    findings.check("lost", set(facts["names"]) <= set(names), f"runs {sorted(set(facts['names']) - set(names))}")
    findings.check("doubled", names == sorted(set(names) & set(facts["names"])), "a run that nobody asked for")
    for run in runs:
        seen = witnesses(Path(facts["evidence"]), str(run.workload_id))
        check_ends(run, seen, facts["kills"], findings)
        check_points(run, seen, api, findings)
        check_logs(run, seen, findings)
        check_files(run, seen, findings)
        audited = AuditEvent.objects.filter(subject_id=str(run.pk), action="run.submitted").count()
        findings.check("lost", audited == 1, f"run {run.name} was submitted, with {audited} audit rows")
    check_rest(Path(facts["temporary"]), findings)
    return dict(findings.by_kind)


if __name__ == "__main__":
    print(json.dumps(check(json.loads(Path(sys.argv[1]).read_text()))))
