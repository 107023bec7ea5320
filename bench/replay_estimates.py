"""Estimated starts on a replay: how far off they are, beside the usual guess, and how often the band holds.

An estimate is made for each workload that a decision has left waiting, soon after it came (every `EVERY_SECONDS`), from
what is known then: who waits and runs with what declared limits, how long what has ended ran, how past estimates turned
out. Nothing is read of a job but what it declares. Counted are the first estimates of the workloads of the second half
of the trace; the first half is what is learnt from.

The usual guess: the median wait of the workloads of this shape and queue that have started so far; with none, of its
queue, then of all. It is given the time that has passed already: never a start in the past.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from uuid import UUID

from apps.quotas.scheduling.estimate import Estimate, estimates, kind_of
from apps.quotas.scheduling.estimate_bands import COVERAGE, Band, Stream, with_open
from apps.quotas.scheduling.estimate_durations import Durations, Kind, Span
from apps.quotas.scheduling.jobs import Job, Look, Observer
from apps.quotas.scheduling.snapshot import Decision, Holding, Snapshot

EVERY_SECONDS = 10.0


@dataclass(slots=True)
class Guess:
    """What was said of a start, before it was known."""

    estimate: Estimate
    usual: float
    """The usual guess, a time as all others."""
    arrived_at: float
    is_missed: bool = False
    """The end of its band has passed."""


@dataclass(slots=True)
class Figures:
    """Of the first estimates of the second half."""

    guesses: list[tuple[Guess, float]] = field(default_factory=list)
    """With the time of the start."""

    @property
    def errors(self) -> list[float]:
        return [abs(guess.estimate.start_at - start) for guess, start in self.guesses]

    @property
    def usual_errors(self) -> list[float]:
        return [abs(guess.usual - start) for guess, start in self.guesses]

    def said(self) -> dict[str, float]:
        """The figures by their names."""
        if not self.guesses:
            return {"estimates": 0}
        inside = [guess.estimate.low <= start <= guess.estimate.high for guess, start in self.guesses]
        error, usual = median(self.errors), median(self.usual_errors)
        return {
            "estimates": len(self.guesses),
            "estimate_median_error": round(error, 1),
            "usual_median_error": round(usual, 1),
            "estimate_error_ratio": round(error / usual, 3) if usual else float("inf"),
            f"estimate_coverage_{round(100 * COVERAGE)}": round(sum(inside) / len(inside), 3),
        }


def second_half(jobs: Sequence[Job]) -> float:
    """When the first job of the second half arrives."""
    return sorted(job.arrives_at for job in jobs)[len(jobs) // 2]


class Estimating(Observer):
    """Estimates starts while a replay goes on.

    Args:
        counts_from: what arrives from then on is counted.
        holdings: what runs at first.
    """

    def __init__(self, counts_from: float, holdings: Iterable[Holding] = ()) -> None:
        self.counts_from = counts_from
        self.figures = Figures()
        self.stream = Stream()
        self.spans: list[Span] = []
        self.running = {one.workload_id: one for one in holdings}
        self.open: dict[UUID, Guess] = {}
        self.asked: set[UUID] = set()
        self.started: set[UUID] = set()
        self.waits: dict[Kind | UUID | None, list[float]] = defaultdict(list)
        self.due = 0.0

    def admitted(self, job: Job, holding: Holding, look: Look) -> None:
        self.running[job.id] = holding
        self.asked.add(job.id)
        if job.id not in self.started:
            self.started.add(job.id)
            for group in (Kind(job.queue_id, job.ask, job.count_max), job.queue_id, None):
                self.waits[group].append(holding.admitted_at - job.arrives_at)
        guess = self.open.pop(job.id, None)
        if guess is not None:
            self._settle(guess, holding.admitted_at)

    def ended(self, job: Job, look: Look) -> None:
        self._close(self.running.pop(job.id), look().at, True)

    def decided(self, decisions: tuple[Decision, ...], look: Look) -> None:
        snapshot = look()
        for one in snapshot.waiting:
            if one.workload_id in self.running:  # it was told to go, and waits again
                self._close(self.running.pop(one.workload_id), snapshot.at, False)
        if snapshot.at >= self.due:
            self.due = snapshot.at + EVERY_SECONDS
            self._estimate(snapshot)

    def _close(self, holding: Holding, at: float, ended: bool) -> None:
        self.spans.append(_span(holding, at, ended))

    def _estimate(self, snapshot: Snapshot) -> None:
        fresh = [one for one in snapshot.waiting if one.workload_id not in self.asked]
        if not fresh:
            return
        for guess in self.open.values():
            if not guess.is_missed and guess.estimate.high < snapshot.at:
                guess.is_missed = True
                self.stream.missed(guess.estimate.bucket)
        waits = [
            (one.bucket, one.forecast_seconds, snapshot.at - one.made_at)
            for one in (guess.estimate for guess in self.open.values())
        ]
        calibration = with_open(self.stream.calibration, waits)
        still = [_span(one, snapshot.at, False) for one in snapshot.holdings if not one.leaving]
        found = estimates(snapshot, Durations([*self.spans, *still]), calibration)
        for one in fresh:
            self.asked.add(one.workload_id)
            estimate = found.get(one.workload_id)
            if estimate is not None:
                usual = max(snapshot.at, one.created_at + self._usual(kind_of(one)))
                self.open[one.workload_id] = Guess(estimate, usual, one.created_at)

    def _usual(self, kind: Kind) -> float:
        known: tuple[Kind | UUID | None, ...] = (kind, kind.queue_id, None)
        return next((median(self.waits[group]) for group in known if self.waits.get(group)), 0.0)

    def _settle(self, guess: Guess, at: float) -> None:
        one = guess.estimate
        band = Band(one.start_at - one.made_at, one.low - one.made_at, one.high - one.made_at)
        self.stream.settle(one.bucket, one.forecast_seconds, at - one.made_at, band, is_missed=guess.is_missed)
        if guess.arrived_at >= self.counts_from:
            self.figures.guesses.append((guess, at))


def _span(holding: Holding, at: float, ended: bool) -> Span:
    return Span(kind_of(holding), holding.ends_at - holding.admitted_at, at - holding.admitted_at, ended)
