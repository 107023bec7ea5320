"""Pseudonyms by a key that is a secret of the project, as a user makes them: set, cleaned with, read back."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Ground, ground_of, post
from tests.support.stack import Stack, finished
from workers.runtime.datasets import open_dataset

pytestmark = pytest.mark.xdist_group("stack")
KEYS = {"people-key": "a key of more than sixteen bytes", "other-key": "another key of more than sixteen"}


@pytest.fixture(scope="module")
def ground(demo: httpx.Client) -> Ground:
    return ground_of(demo, "pseudonyms")


def _recipe(client: httpx.Client, ground: Ground, secret: str) -> str:
    steps = [{"kind": "pseudonymise", "columns": ["status", "age"], "secret": secret}]
    return str(post(client, "/recipes", {"project": ground.project, "name": secret, "steps": steps})["id"])


def _cleaned(client: httpx.Client, ground: Ground, recipe: str) -> dict[str, Any]:
    asked = post(client, "/cleaning-runs", {"recipe": recipe, "input_version": ground.version})
    done = finished(client, f"/cleaning-runs/{asked['id']}")
    assert done["state"] == "succeeded", done
    found: dict[str, Any] = client.get(f"/dataset-versions/{done['output_version']}").raise_for_status().json()
    return found


def _read(client: httpx.Client, stack: Stack, number: int, folder: Path) -> list[dict[str, Any]]:
    """The rows of a version as a program of a user reads them."""
    token = client.headers["Authorization"].removeprefix("Bearer ")
    data = open_dataset(f"bedplate://pseudonyms/people@{number}", api_url=stack.url, token=token, cache=folder)
    return [row for batch in data.batches() for row in batch.to_pylist()]


def test_a_key_gives_the_same_pseudonyms_and_another_others(
    stack: Stack, demo: httpx.Client, ground: Ground, tmp_path: Path
) -> None:
    for name, value in KEYS.items():
        made = post(demo, "/secrets", {"project": ground.project, "name": name, "value": value})
        assert value not in str(made)
    recipes = {name: _recipe(demo, ground, name) for name in KEYS}
    first, again, other = (_cleaned(demo, ground, recipes[name]) for name in ("people-key", "people-key", "other-key"))
    assert first["digest"] == again["digest"] != other["digest"]

    plain = _read(demo, stack, 1, tmp_path)
    rows, others = (_read(demo, stack, one["number"], tmp_path) for one in (first, other))
    for text, row in zip(plain, rows, strict=True):
        assert row["income"] == text["income"], "the rest stays as it is"
        for column in ("status", "age"):
            assert row[column] == _pseudonym(KEYS["people-key"], text[column]), column
    for column, distinct in {"status": 2, "age": 40}.items():
        names = [{row[column] for row in side} for side in (rows, others)]
        assert [len(side) for side in names] == [distinct, distinct]
        assert names[0].isdisjoint(names[1])
    assert all(value not in str(first) for value in KEYS.values())


def test_without_the_key_nothing_is_made_and_the_reason_is_said(demo: httpx.Client, ground: Ground) -> None:
    recipe = _recipe(demo, ground, "no-such-key")
    body = {"recipe": recipe, "input_version": ground.version}
    refused = demo.post("/cleaning-runs", json=body)
    assert refused.status_code == 400
    assert refused.json()["faults"] == [
        {
            "step": 0, "option": "secret", "code": "unknown_secret", "column": "",
            "detail": "The project has no secret 'no-such-key'.",
        }
    ]  # fmt: skip
    post(demo, "/secrets", {"project": ground.project, "name": "no-such-key", "value": "short"})
    run = finished(demo, f"/cleaning-runs/{post(demo, '/cleaning-runs', body)['id']}")
    assert (run["state"], run["output_version"]) == ("failed", None)
    assert "the secret 'no-such-key' has 5 bytes; a key has at least 16" in run["state_detail"]


def _pseudonym(key: str, value: object) -> str:
    return hmac.new(key.encode(), str(value).encode(), hashlib.sha256).hexdigest()[:32]
