"""The peer of the ingest figure: MLflow's log-batch, on a database of its own in the same PostgreSQL."""

from __future__ import annotations

from bench.web_alone import WebAlone


def points_per_second(web: WebAlone, *, install: bool) -> float | None:
    return None
