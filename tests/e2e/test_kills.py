"""What is killed comes back, and nothing runs twice."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from hashlib import sha256

import httpx
import pytest

from tests.e2e.conftest import Ground, post, run_body
from tests.support.stack import Stack, finished
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("stack")


@pytest.mark.parametrize("name", ["worker", "beat", "web", "gateway", "publisher", "redis", "postgres"])
def test_a_killed_part_comes_back_and_a_run_goes_through(
    stack: Stack, demo: httpx.Client, ground: Ground, name: str
) -> None:
    body = run_body(ground, f"after-{name}", "print('once')")
    run = post(demo, "/runs", body)
    old = stack.child(name)
    old.send_signal(signal.SIGKILL)
    until(lambda: _replaced(stack, name, old.pid), timeout_seconds=30)
    until(lambda: _up(demo), timeout_seconds=30)
    done = finished(demo, f"/runs/{run['id']}", timeout_seconds=90)

    assert done["state"] == "succeeded", done
    attempts = demo.get(f"/attempts?workload={run['workload']}").json()["results"]
    assert len(attempts) == 1
    text = "".join(chunk["text"] for chunk in demo.get(f"/workloads/{run['workload']}/logs").json()["chunks"])
    assert text == "once\n"


def test_an_upload_that_is_cut_off_leaves_nothing_and_can_be_repeated(
    stack: Stack, demo: httpx.Client, ground: Ground
) -> None:
    rows = b"age,income,status\n" + b"".join(b"%d,%d,good\n" % (n % 90, n) for n in range(400_000))
    dataset = post(demo, "/datasets", {"project": ground.project, "name": "large"})["id"]
    before = _objects(stack)
    old = stack.child("web")

    def body() -> Iterator[bytes]:
        yield _part("dataset", "") + dataset.encode() + b"\r\n" + _part("file", '; filename="large.csv"')
        yield rows[: len(rows) // 2]
        old.send_signal(signal.SIGKILL)
        old.wait(10)
        yield rows[len(rows) // 2 :] + b"\r\n--cut--\r\n"

    with pytest.raises(httpx.TransportError):
        demo.post("/sources", content=body(), headers={"Content-Type": "multipart/form-data; boundary=cut"})
    until(lambda: _up(demo), timeout_seconds=30)
    assert demo.get(f"/sources?dataset={dataset}").json()["results"] == []
    assert _objects(stack) == before

    sent = demo.post("/sources", data={"dataset": dataset}, files={"file": ("large.csv", rows, "text/csv")})
    assert (sent.status_code, sent.json()["sha256"]) == (201, sha256(rows).hexdigest())


def _part(name: str, more: str) -> bytes:
    return f'--cut\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode()


def _objects(stack: Stack) -> set[str]:
    """Every file in the object store."""
    return {str(path) for path in (stack.home / "objects").rglob("*") if path.is_file()}


def _replaced(stack: Stack, name: str, pid: int) -> bool:
    try:
        return stack.child(name).pid != pid
    except LookupError:
        return False


def _up(client: httpx.Client) -> bool:
    try:
        return client.get("/users/me").is_success
    except httpx.HTTPError:
        return False
