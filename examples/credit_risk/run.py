"""From raw loan records to a prediction service, over Bedplate's public REST API.

    CREDIT_RISK_URL=http://127.0.0.1:8000 CREDIT_RISK_TOKEN=bp_… python run.py

Needs Python 3.11 and httpx. Ends with 0 when every check passes; run again, it adds versions to the same project.
"""

from __future__ import annotations

import csv
import json
import os
import statistics
import sys
import time
import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

HERE = Path(__file__).resolve().parent
CSV = HERE / "credit_data.csv"
LABEL = "Status"
MISSING = ("", "NA")
STEPS = [
    {"kind": "missing_values", "markers": list(MISSING)},
    {"kind": "drop_duplicates"},
    {"kind": "split", "test_ratio": 0.2, "seed": 42, "stratify": LABEL},
    {"kind": "encode_label", "column": LABEL, "mapping": {"good": 0, "bad": 1}},
    # From here on everything is fitted on the training part only.
    {"kind": "outliers", "method": "iqr", "factor": 1.5, "replace": "median"},
    {"kind": "impute", "numeric": "median", "categorical": "mode"},
    {"kind": "standardise"},
    {"kind": "one_hot"},
]
PARAMETERS = {"epochs": 15, "batch_size": 64, "learning_rate": 1e-3, "seed": 0}
RESOURCES = {"cpu_millis": 1000, "memory_bytes": 2 << 30, "gpus": 0}
LEAST_AUC = 0.80
PREDICTIONS = 200
POLL_SECONDS = 0.25
PATIENCE_SECONDS = 900  # on a cluster the first job waits for its image
ENDS = {"succeeded", "failed", "cancelled", "retired", "archived"}


class Failed(Exception):
    """The example cannot go on; the text says why."""


class Api:
    """The few things that the example does with the API."""

    def __init__(self, url: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self.http = httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=30, trust_env=False)

    def call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        response = self.http.request(method, path, **options)
        if response.is_error:
            raise Failed(f"{method} {path}: {problem(response)}")
        return dict(response.json())

    def create(self, path: str, body: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        """The key makes it safe to send the same request again: it would create nothing new."""
        return self.call("POST", path, json=body, headers={"Idempotency-Key": str(uuid.uuid4())}, **options)

    def find_or_create(self, path: str, body: dict[str, Any], *by: str) -> dict[str, Any]:
        found = self.call("GET", path, params={name: body[name] for name in by})["results"]
        return found[0] if found else self.create(path, body)

    def wait(self, path: str, item: dict[str, Any], *, until: str = "succeeded", having: str = "id") -> dict[str, Any]:
        """Wait until an object is in a state and has a value in a field; it must not end in another."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while item["state"] != until or item[having] is None:
            if item["state"] in ENDS - {until} or time.monotonic() > deadline:
                raise Failed(f"{path}/{item['id']} is {described(item)}{self.last_lines(item)}")
            time.sleep(POLL_SECONDS)
            item = self.call("GET", f"{path}/{item['id']}")
        return item

    def last_lines(self, item: dict[str, Any], count: int = 20) -> str:
        """The end of what the job printed."""
        text, after = "", 0
        path = f"/workloads/{item.get('workload')}/logs"
        while item.get("workload") and (page := self.call("GET", path, params={"after": after}))["chunks"]:
            text += "".join(chunk["text"] for chunk in page["chunks"])
            after = page["next_after"]
        return "".join(f"\n    | {line}" for line in text.splitlines()[-count:])


def problem(response: httpx.Response) -> str:
    """What the server says is wrong, in one line."""
    if "json" not in response.headers.get("content-type", ""):
        return f"{response.status_code} {response.text[:200]}"
    said = response.json()
    return f"{response.status_code} {said.get('code')}: {said.get('detail')} (request {said.get('request_id')})"


def described(item: dict[str, Any]) -> str:
    names = ("state_reason", "state_detail", "workload_reason", "workload_detail")
    return ": ".join([item["state"], *(item[name] for name in names if item.get(name))])


class Steps:
    """Says what was done and how long it took."""

    def __init__(self, count: int) -> None:
        self.started = self.last = time.monotonic()
        self.count, self.number = count, 0

    def done(self, name: str, text: str) -> float:
        """Print one line; returns the seconds since the first step began."""
        now, before, self.last = time.monotonic(), self.last, time.monotonic()
        self.number += 1
        print(f"  {self.number}/{self.count}  {name:<8}  {text:<86}  {now - before:5.1f} s", flush=True)
        return now - self.started


def ingest(api: Api, project: str) -> dict[str, Any]:
    """Upload the file and make a dataset version of it."""
    dataset = api.find_or_create("/datasets", {"project": project, "name": "loans"}, "project", "name")
    source = api.create("/sources", data={"dataset": dataset["id"]}, files={"file": (CSV.name, CSV.read_bytes())})
    options = {"format": "csv", "null_values": [""]}
    body = {"dataset": dataset["id"], "source": source["id"], "options": options}
    ingestion = api.wait("/ingestions", api.create("/ingestions", body), having="version")
    return api.call("GET", f"/dataset-versions/{ingestion['version']}")


def profile(api: Api, version: dict[str, Any]) -> list[dict[str, Any]]:
    """Statistics of every column."""
    done = api.wait("/profiles", api.create("/profiles", {"version": version["id"]}), having="result")
    return list(done["result"]["columns"])


def clean(api: Api, project: str, version: dict[str, Any]) -> dict[str, Any]:
    """Apply the recipe: a new version, ready to train on."""
    recipe = api.create("/recipes", {"project": project, "name": "loans", "steps": STEPS})
    body = {"recipe": recipe["id"], "input_version": version["id"]}
    done = api.wait("/cleaning-runs", api.create("/cleaning-runs", body), having="output_version")
    return api.call("GET", f"/dataset-versions/{done['output_version']}")


def train(api: Api, project: str, version: dict[str, Any]) -> dict[str, Any]:
    """Run the training script on the shared pool."""
    experiment = api.find_or_create("/experiments", {"project": project, "name": "risk"}, "project", "name")
    body = {
        "experiment": experiment["id"],
        "name": f"risk-{time.strftime('%Y%m%d-%H%M%S')}",
        "script": (HERE / "train.py").read_text(encoding="utf-8"),
        "dataset_version": version["id"],
        "parameters": PARAMETERS,
        "resources": RESOURCES,
        "time_limit_seconds": 600,
    }
    return api.wait("/runs", api.create("/runs", body), having="result")


def deploy(api: Api, project: str, run: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Register the model and serve it: a new endpoint, or a new revision of the one there is. Returns its address."""
    model = api.find_or_create("/models", {"project": project, "name": "risk"}, "project", "name")
    version = api.create("/model-versions", {"model": model["id"], "run": run["id"]})
    version = api.wait("/model-versions", version, until="ready")
    body = {"project": project, "name": "risk", "model_version": version["id"], "replicas": 1}
    endpoint = api.find_or_create("/endpoints", body, "project", "name")
    revision = endpoint["revisions"][0]
    if revision["model_version"] != version["id"]:  # the endpoint was there already
        revision = api.create("/revisions", {"endpoint": endpoint["id"], "model_version": version["id"]})
    api.wait("/revisions", revision, until="ready")
    return version, endpoint["url"]


def predict(api: Api, url: str, version: str) -> tuple[list[float], Counter[str], int]:
    """Send raw records, one a request; returns seconds of each, how many got each label, how many labels are right."""
    with CSV.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    rows = rows[:: len(rows) // PREDICTIONS][:PREDICTIONS]
    records = [{name: value_of(text) for name, text in row.items() if name != LABEL} for row in rows]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while api.call("POST", url, json={"records": records[:1]})["model_version"] != version:
        if time.monotonic() > deadline:
            raise Failed(f"{url} still answers by another model version")
        time.sleep(POLL_SECONDS)  # the gateway hears of a new revision within a second
    seconds: list[float] = []
    labels: list[str] = []
    for record in records:
        began = time.perf_counter()
        answer = api.call("POST", url, json={"records": [record]})
        seconds.append(time.perf_counter() - began)
        labels.append(answer["predictions"][0]["label"])
    right = sum(label == row[LABEL] for label, row in zip(labels, rows, strict=True))
    return seconds, Counter(labels), right


def value_of(text: str) -> float | str | None:
    """A cell of the file as JSON has it."""
    if text in MISSING:
        return None
    try:
        return float(text)
    except ValueError:
        return text


@dataclass
class Outcome:
    """What came out of the six steps."""

    raw: dict[str, Any]
    missing: int
    cleaned: dict[str, Any]
    run: dict[str, Any]
    address: str
    latencies: list[float]
    labels: Counter[str]
    right: int
    seconds: float


def example(api: Api, pool: str) -> Outcome:
    steps = Steps(6)
    project = api.find_or_create("/projects", {"name": "credit-risk", "title": "Credit risk"}, "name")["id"]
    if pool:  # everything below runs there
        api.create("/queues", {"project": project, "pool": pool, "is_main": True})
    raw = ingest(api, project)
    steps.done("ingest", f"{raw['row_count']} rows, {len(raw['schema'])} columns as version {raw['number']}")
    nulls = [column["null_count"] for column in profile(api, raw)]
    steps.done("profile", f"{sum(nulls)} missing cells in {sum(map(bool, nulls))} columns")
    cleaned = clean(api, project, raw)
    split, skipped = cleaned["splits"], [each["column"] for step in cleaned["report"] for each in step["warnings"]]
    text = f"{cleaned['row_count']} rows, {split['train']} to train and {split['test']} held out"
    steps.done("clean", f"{text}; outliers of {', '.join(skipped) or 'nothing'} left alone")
    run = train(api, project, cleaned)
    loss = run["summary"]["train/loss"]
    text = f"loss {loss['max']:.3f} → {loss['last']:.3f} in {loss['count']} steps"
    steps.done("train", f"{text}; held-out AUC {run['result']['evaluation']['auc']:.4f}")
    version, address = deploy(api, project, run)
    steps.done("deploy", f"model version {version['number']} at {address}")
    latencies, labels, right = predict(api, address, version["id"])
    text = " and ".join(f"{count} {label}" for label, count in labels.most_common())
    seconds = steps.done("predict", f"{len(latencies)} raw records: {text}")
    return Outcome(raw, sum(nulls), cleaned, run, address, latencies, labels, right, seconds)


def show(outcome: Outcome, url: str) -> bool:
    """Print the table, the checks that fail, and the figures; returns whether all is well."""
    raw, cleaned, run, split = outcome.raw, outcome.cleaned, outcome.run, outcome.cleaned["splits"]
    evaluation = run["result"]["evaluation"]
    (tn, fp), (fn, tp) = evaluation["confusion_matrix"]
    p50, p95 = (1000 * value for value in statistics.quantiles(outcome.latencies, n=20, method="inclusive")[9::9])
    rows = {
        "rows": f"{raw['row_count']} raw, {cleaned['row_count']} cleaned",
        "missing cells": outcome.missing,
        "split": f"{split['train']} train, {split['test']} held out",
        "held-out AUC": f"{evaluation['auc']:.4f}",
        "held-out accuracy": f"{evaluation['accuracy']:.4f}",
        "confusion matrix": f"good: {tn} right, {fp} wrong · bad: {tp} right, {fn} wrong",
        "predictions": f"{len(outcome.latencies)} sent, {outcome.right} agree with the record",
        "latency": f"p50 {p50:.1f} ms, p95 {p95:.1f} ms",
        "time": f"{outcome.seconds:.1f} s",
        "run": f"{url}/api/v1/runs/{run['id']}",
        "dataset": f"{url}/api/v1/dataset-versions/{cleaned['id']}",
        "endpoint": outcome.address,
        "API": f"{url}/api/v1/docs/",
    }
    print("\n" + "\n".join(f"  {name:<17} {value}" for name, value in rows.items()) + "\n", flush=True)
    checks = {
        "4454 rows were ingested": raw["row_count"] == 4454,
        "455 cells are missing": outcome.missing == 455,
        "every cleaned row is in a part": split["train"] + split["test"] == cleaned["row_count"],
        "every held-out row was evaluated": evaluation["rows"] == split["test"],
        f"held-out AUC is at least {LEAST_AUC}": evaluation["auc"] >= LEAST_AUC,
        f"{PREDICTIONS} records were predicted": sum(outcome.labels.values()) == PREDICTIONS,
    }
    wrong = [text for text, holds in checks.items() if not holds]
    for text in wrong:
        print(f"check failed: {text}", file=sys.stderr)
    figures = {"example_seconds": outcome.seconds, "example_auc": evaluation["auc"]}
    figures |= {"predict_p50_ms": p50, "predict_p95_ms": p95}
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}), flush=True)
    return not wrong


def main() -> int:
    url, token = os.environ.get("CREDIT_RISK_URL", "").rstrip("/"), os.environ.get("CREDIT_RISK_TOKEN", "")
    if not url or not token:
        print("set CREDIT_RISK_URL (http://127.0.0.1:8000) and CREDIT_RISK_TOKEN (an API token)", file=sys.stderr)
        return 1
    try:
        return 0 if show(example(Api(url, token), os.environ.get("POOL", "")), url) else 1
    except Failed as error:
        print(f"\nfailed: {error}", file=sys.stderr)
    except httpx.TransportError as error:
        print(f"\nfailed: no answer from {url}: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
