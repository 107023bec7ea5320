"""A disk that is full: the user is told so, and nothing is half done."""

from __future__ import annotations

import psutil
import pytest

from tests.e2e.conftest import CSV, post, upload
from tests.e2e.odd_stack import Odd
from tests.support import http
from tests.support.stack import finished

pytestmark = pytest.mark.xdist_group("odd")


def test_a_full_disk_is_said_to_be_full_and_room_alone_mends_it(odd: Odd) -> None:
    stack, disk = odd.stack, odd.disk
    with stack.client("demo") as client:
        project = post(client, "/projects", {"name": "full", "title": ""})["id"]
        dataset = post(client, "/datasets", {"project": project, "name": "people"})["id"]
        source = upload(client, dataset, "people.csv", CSV).raise_for_status().json()["id"]
        ingestion = {"dataset": dataset, "source": source}
        before, web = disk.objects(), stack.child("web").pid

        disk.fill()
        ready = http.get(f"{stack.url}/readyz")
        refused = upload(client, dataset, "people.csv", CSV)
        assert ready.status_code == 503
        assert ready.json()["checks"]["storage"]["reason"].startswith("the disk is full (")
        assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")
        assert (refused.json()["retryable"], "is full" in refused.json()["detail"]) == (True, True)
        if disk.mounted:
            failed = finished(client, f"/ingestions/{post(client, '/ingestions', ingestion)['id']}")
            assert (failed["state"], failed["version"]) == ("failed", None)
            assert failed["state_detail"].startswith("a disk that the job writes to is full")
        assert [name for name in disk.objects() if name not in before] == []

        disk.free()
        assert http.get(f"{stack.url}/readyz").status_code == 200
        assert upload(client, dataset, "people.csv", CSV).status_code == 201
        done = finished(client, f"/ingestions/{post(client, '/ingestions', ingestion)['id']}")
        assert (done["state"], stack.child("web").pid, psutil.pid_exists(web)) == ("succeeded", web, True)
