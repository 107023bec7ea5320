"""Every page of the dashboard, each with something on it."""

from __future__ import annotations

from tests.browser.ground import Ground

TABS = {
    "/datasets/$datasetId": ("versions", "quality", "compare", "keep", "sources", "schedules", "jobs"),
    "/dataset-versions/$versionId": ("columns", "quality", "sample", "report", "lineage", "files", "story"),
    "/runs/compare": ("curves", "differences", "parallel", "scatter", "evaluations", "files", "source"),
    "/runs/$runId": ("curves", "system", "files", "lineage", "script", "story"),
    "/model-versions/$versionId": ("evaluation", "lineage", "files", "signature", "story"),
    "/endpoints/$endpointId": ("figures", "try", "revisions", "lineage"),
    "/quotas": ("map", "queue", "sharing", "usage", "budgets", "report", "history"),
    "/access": ("members", "tokens", "approvals", "audit", "secrets"),
}
"""Of routes whose pages have them. `test_places` compares all this with the router."""


def places(ground: Ground) -> dict[str, list[str]]:
    """By the router's path: addresses that show it, one for each of its tabs."""
    first, second = ground.runs
    bare = {
        "/": ["/"],
        "/datasets": ["/datasets"],
        "/datasets/new": ["/datasets/new"],
        "/datasets/fetch": [f"/datasets/fetch?dataset={ground.dataset}"],
        "/ingestion-schedules": ["/ingestion-schedules"],
        "/ingestion-schedules/$scheduleId": [f"/ingestion-schedules/{ground.schedule}"],
        "/datasets/$datasetId": [
            f"/datasets/{ground.dataset}",
            f"/datasets/{ground.held_dataset}?tab=quality",
        ],
        "/dataset-versions/$versionId": [
            f"/dataset-versions/{ground.cleaned}",
            f"/dataset-versions/{ground.held}",
            f"/dataset-versions/{ground.held}?tab=quality",
        ],
        "/dataset-versions/$versionId/clean": [f"/dataset-versions/{ground.raw}/clean?recipe={ground.recipe}"],
        "/dataset-jobs/$kind/$jobId": [
            *(f"/dataset-jobs/{kind}/{job}" for kind, job in ground.jobs.items()),
            f"/dataset-jobs/ingestion/{ground.left_out}",
        ],
        "/runs": ["/runs"],
        "/runs/new": [f"/runs/new?from={ground.trained}", f"/runs/new?from={first}"],
        "/runs/compare": [f'/runs/compare?run=["{first}","{second}"]'],
        "/runs/$runId": [f"/runs/{ground.trained}", f"/runs/{ground.failed}"],
        "/models": ["/models"],
        "/models/$modelId": [f"/models/{ground.model}"],
        "/model-versions/$versionId": [f"/model-versions/{ground.model_version}"],
        "/endpoints": ["/endpoints"],
        "/endpoints/new": [f"/endpoints/new?version={ground.model_version}"],
        "/endpoints/$endpointId": [f"/endpoints/{ground.endpoint}"],
        "/quotas": ["/quotas"],
        "/what-if": ["/what-if"],
        "/clusters": ["/clusters"],
        "/queue": ["/queue"],
        "/workloads/$workloadId": [f"/workloads/{ground.workload}"],
        "/access": ["/access?project=ground"],
    }
    return {route: found + _tabs(route, found[0]) for route, found in bare.items()}


def _tabs(route: str, address: str) -> list[str]:
    """The first one is the page without a tab in its address."""
    return [f"{address}{'&' if '?' in address else '?'}tab={tab}" for tab in TABS.get(route, ())[1:]]
