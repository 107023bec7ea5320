"""Run the code of a folder by plain HTTP: send it, run a command in it, follow its log, say how it ended.

    BEDPLATE_URL=http://127.0.0.1:8000 BEDPLATE_TOKEN=bp_… python examples/submit_folder.py \
        --project credit-risk --experiment risk --folder ./code --data credit-risk/credit-data@latest \
        -- python train.py --epochs 10

The token needs the scopes `read` and `write`. Where the folder has a `requirements.lock`, its packages are installed
into an environment of their own, once for all runs of one lock. What `.gitignore` files name is no part of the source.
It ends with 0 where the run succeeded.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import time
import uuid
import zipfile
from pathlib import Path
from typing import Any

import httpx

LOCK = "requirements.lock"
ENDED = ("succeeded", "failed", "cancelled")
PAUSE_SECONDS = 2.0


def packed(folder: Path) -> bytes:
    """The folder as a zip archive; the server leaves out what is no source."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and ".git" not in path.parts:
                archive.write(path, path.relative_to(folder).as_posix())
    return kept.getvalue()


def answered(response: httpx.Response) -> dict[str, Any]:
    """The JSON of an answer; what is wrong with a request is said by its problem."""
    if response.is_error:
        problem = response.json()
        sys.exit(f"{problem['detail']} ({problem['code']}) {problem.get('fields') or ''}")
    found: dict[str, Any] = response.json()
    return found


def one(api: httpx.Client, path: str, **query: str) -> str | None:
    """The id of the one that is so, if there is one."""
    results = answered(api.get(path, params=query))["results"]
    return str(results[0]["id"]) if results else None


def submitted(api: httpx.Client, asked: argparse.Namespace) -> dict[str, Any]:
    project = one(api, "/projects", name=asked.project) or sys.exit(f"there is no project {asked.project}")
    experiment = one(api, "/experiments", project=project, name=asked.experiment)
    if experiment is None:
        experiment = answered(api.post("/experiments", json={"project": project, "name": asked.experiment}))["id"]
    archive = {"archive": ("code.zip", packed(asked.folder), "application/zip")}
    bundle = answered(api.post("/source-bundles", data={"project": project}, files=archive, timeout=300))
    print(f"source {bundle['sha256'][:12]}: {bundle['file_count']} files, {bundle['left_out_count']} left out")
    lock = asked.folder / LOCK
    body = {
        "experiment": experiment,
        "name": asked.name or f"{asked.folder.resolve().name}-{uuid.uuid4().hex[:6]}",
        "kind": "bundle",
        "bundle": bundle["id"],
        "command": asked.command,
        "requirements": lock.read_text(encoding="utf-8") if lock.exists() else "",
        "dataset_version": asked.data,
        "seed": asked.seed,
        "retries": {"reasons": ["lost", "out_of_memory"], "max_attempts": 3},
    }
    # One key for one wish: sent again after an answer was lost, it makes no second run.
    return answered(api.post("/runs", json=body, headers={"Idempotency-Key": uuid.uuid4().hex}))


def followed(api: httpx.Client, run: dict[str, Any]) -> str:
    """Print the log as it comes; the state in which the run ended."""
    after = 0
    while True:
        state = answered(api.get(f"/runs/{run['id']}"))
        log = answered(api.get(f"/workloads/{run['workload']}/logs", params={"after": after}))
        print("".join(chunk["text"] for chunk in log["chunks"]), end="", flush=True)
        after = log["next_after"]
        if state["state"] in ENDED and not log["chunks"]:
            print(f"{run['name']}: {state['state']} {state['state_detail']}")
            return str(state["state"])
        time.sleep(PAUSE_SECONDS)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", required=True)
    parser.add_argument("--experiment", required=True)
    parser.add_argument("--folder", type=Path, default=Path())
    parser.add_argument("--data", help="project/dataset@version, which the job finds with ctx.input('data')")
    parser.add_argument("--name", default="")
    parser.add_argument("--seed", type=int)
    parser.add_argument("command", nargs="+", metavar="WORD", help="what is executed in the folder, after --")
    asked = parser.parse_args(argv)
    headers = {"Authorization": f"Bearer {os.environ['BEDPLATE_TOKEN']}"}
    with httpx.Client(base_url=f"{os.environ['BEDPLATE_URL']}/api/v1", headers=headers, timeout=30) as api:
        run = submitted(api, asked)
        print(f"{os.environ['BEDPLATE_URL']}/runs/{run['id']}")
        return 0 if followed(api, run) == "succeeded" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
