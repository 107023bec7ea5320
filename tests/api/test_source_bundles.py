"""Source bundles over REST: one content is one bundle, however it was sent; what is none is refused."""

from __future__ import annotations

import hashlib
import io
import json
import stat
import zipfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from apps.access.models import Project
from apps.access.states import Role
from apps.common.models import AuditEvent
from apps.common.storage import store
from apps.experiments.models import SourceBundle
from apps.experiments.selectors import bundle_text
from apps.experiments.services import bundle_rules, bundles
from tests.support.factories.access import ProjectFactory, member
from tests.support.zips import zip_of

pytestmark = pytest.mark.django_db
API = "/api/v1/source-bundles"
HASH = "0123456789abcdef" * 2 + "01234567"
FILES = {"train.py": b"print(1)\n", "src/model.py": b"WIDTH = 3\n", "run.sh": b"#!/bin/sh\nexec python train.py\n"}


@pytest.fixture
def project() -> Project:
    found: Project = ProjectFactory.create()
    return found


@pytest.fixture
def client(project: Project) -> APIClient:
    made = APIClient()
    made.force_authenticate(member(project, Role.EDITOR))
    return made


def send_zip(client: APIClient, project: Project, content: bytes, **headers: str) -> Any:
    file = SimpleUploadedFile("code.zip", content)
    return client.post(API, {"project": str(project.pk), "archive": file}, format="multipart", headers=headers)


def send_folder(client: APIClient, project: Project, files: dict[str, bytes]) -> Any:
    parts = [SimpleUploadedFile(name.rsplit("/", 1)[-1], content) for name, content in files.items()]
    body = {"project": str(project.pk), "files": parts, "paths": json.dumps(list(files))}
    return client.post(API, body, format="multipart")


def test_one_content_is_one_bundle_however_it_was_sent(client: APIClient, project: Project) -> None:
    first = send_zip(client, project, zip_of(FILES))
    assert first.status_code == 201, first.content
    made = first.json()
    assert (made["is_new"], made["left_out"], made["file_count"]) == (True, [], 3)
    assert [(one["name"], one["is_executable"]) for one in made["files"]] == [
        ("run.sh", True),
        ("src/model.py", False),
        ("train.py", False),
    ]
    assert made["files"][2]["sha256"] == hashlib.sha256(FILES["train.py"]).hexdigest()
    other_way = send_folder(client, project, dict(reversed(FILES.items())))
    assert (other_way.status_code, other_way.json()["is_new"]) == (200, False)
    assert (other_way.json()["id"], other_way.json()["sha256"]) == (made["id"], made["sha256"])
    assert SourceBundle.objects.count() == 1
    assert AuditEvent.objects.filter(action="source_bundle.created").count() == 1


def test_its_archive_has_the_files_with_their_modes_and_is_the_same_each_time(
    client: APIClient, project: Project
) -> None:
    made = send_zip(client, project, zip_of(FILES, modes={"src/model.py": stat.S_IFREG | 0o755})).json()
    content = b"".join(client.get(f"{API}/{made['id']}/download").streaming_content)
    bundle = SourceBundle.objects.get()
    assert hashlib.sha256(content).hexdigest() == bundle.archive_sha256
    assert len(content) == bundle.size_bytes == made["size_bytes"]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == ["run.sh", "src/model.py", "train.py"]
        modes = [oct(each.external_attr >> 16 & 0o777) for each in archive.infolist()]
        assert archive.read("src/model.py") == b"WIDTH = 3\n"
    assert modes == ["0o755", "0o755", "0o644"]
    assert {each.date_time for each in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    again = send_zip(client, ProjectFactory.create(), zip_of(FILES))
    assert again.status_code == 404


def test_a_file_is_read_by_its_name(client: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {**FILES, "weights.bin": b"PK\x00\x01", "latin.txt": "Müller".encode("latin-1"), "long.txt": b"x" * 101}
    monkeypatch.setattr(bundle_text, "TEXT_BYTES_MOST", 100)
    made = send_zip(client, project, zip_of(files)).json()
    path = f"{API}/{made['id']}/file"
    entries = {entry["name"]: entry for entry in made["files"]}
    text = client.get(path, {"name": "src/model.py"})
    assert text.json() == {**entries["src/model.py"], "is_binary": False, "text": "WIDTH = 3\n"}
    for name in ("weights.bin", "latin.txt"):
        assert client.get(path, {"name": name}).json() == {**entries[name], "is_binary": True, "text": None}
    assert client.get(path, {"name": "long.txt"}).json() == {**entries["long.txt"], "is_binary": False, "text": None}
    for name in ("gone.py", "../train.py", "src"):
        assert client.get(path, {"name": name}).status_code == 404
    assert client.get(path).status_code == 400


def test_a_file_of_an_archive_that_is_lost_or_damaged_is_said_to_be(client: APIClient, project: Project) -> None:
    made = send_zip(client, project, zip_of(FILES)).json()
    path = f"{API}/{made['id']}/file"
    bundle = SourceBundle.objects.get()
    content = store().open(bundle.path).read()
    store().put(bundle.path, [content[:-30]])
    assert client.get(path, {"name": "train.py"}).json()["code"] == "conflict"
    store().delete(bundle.path)
    assert client.get(path, {"name": "train.py"}).status_code == 404


def test_a_mode_makes_another_bundle(client: APIClient, project: Project) -> None:
    plain = send_zip(client, project, zip_of(FILES)).json()
    other = send_zip(client, project, zip_of(FILES, modes={"train.py": stat.S_IFREG | 0o755})).json()
    assert plain["sha256"] != other["sha256"]


def test_what_gitignore_files_name_is_left_out_and_said(client: APIClient, project: Project) -> None:
    files = {
        ".gitignore": b"# data\n*.log\n!keep.log\ndata/\n/build\n",
        ".git/config": b"x",
        "a.log": b"x",
        "keep.log": b"x",
        "data/train.csv": b"x",
        "build/x.o": b"x",
        "lib/build/y.py": b"x",
        "lib/.gitignore": b"!a.log\nsecret.*\n",
        "lib/a.log": b"x",
        "lib/secret.txt": b"x",
        "lib/__pycache__/y.pyc": b"x",
        "train.py": b"x",
    }
    made = send_folder(client, project, files).json()
    assert [one["name"] for one in made["files"]] == [
        ".gitignore",
        "keep.log",
        "lib/.gitignore",
        "lib/a.log",
        "lib/build/y.py",
        "train.py",
    ]
    assert made["left_out"] == [
        {"name": ".git/", "rule": "always"},
        {"name": "a.log", "rule": ".gitignore: *.log"},
        {"name": "build/", "rule": ".gitignore: /build"},
        {"name": "data/", "rule": ".gitignore: data/"},
        {"name": "lib/__pycache__/", "rule": "always"},
        {"name": "lib/secret.txt", "rule": "lib/.gitignore: secret.*"},
    ]
    assert made["left_out_count"] == 6


@pytest.mark.parametrize(
    ("files", "modes", "said"),
    [
        ({"../out.py": "x"}, {}, "leads out of the bundle"),
        ({"a/../../out.py": "x"}, {}, "leads out of the bundle"),
        ({"/etc/passwd": "x"}, {}, "is an absolute name"),
        ({"C:/x.py": "x"}, {}, "is an absolute name"),
        ({"a\\b.py": "x"}, {}, "backslash or a control character"),
        ({"a\nb.py": "x"}, {}, "backslash or a control character"),
        ({"link": "/etc/passwd"}, {"link": stat.S_IFLNK | 0o777}, "is a link"),
        ({"pipe": "x"}, {"pipe": stat.S_IFIFO | 0o644}, "is no plain file"),
        ({"Train.py": "x", "train.py": "y"}, {}, "are one file where case"),
        ({"\u00e9.py": "x", "e\u0301.py": "y"}, {}, "are one file where case"),
        ({"a": "x", "A/b.py": "y"}, {}, "needs a folder of that name"),
        ({"x" * 256: "x"}, {}, "too long or too deep"),
        ({"/".join("a" * 40): "x"}, {}, "too long or too deep"),
        ({}, {}, "there is no file in it"),
        ({".git/config": "x"}, {}, "no file is left of it"),
    ],
    ids=["up", "up-later", "absolute", "drive", "backslash", "control", "link", "pipe", "case", "accents", "folder",
         "long", "deep", "empty", "nothing-left"],
)  # fmt: skip
def test_what_cannot_be_a_bundle_is_refused_and_nothing_kept(
    client: APIClient, project: Project, files: dict[str, str], modes: dict[str, int], said: str
) -> None:
    answer = send_zip(client, project, zip_of(files, modes=modes))
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_bundle"), answer.content
    assert said in answer.json()["detail"]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert not SourceBundle.objects.exists()
    assert not list(store().listing(f"bundles/{project.pk}"))


def test_what_is_no_archive_is_refused(client: APIClient, project: Project) -> None:
    good = zip_of(FILES)
    damaged = good.replace(b"train.py", b"tra\xffn.py", 1)
    for content in (b"nothing", good[:-30], damaged, good.replace(b"PK\x01\x02", b"PK\x01\x03")):
        answer = send_zip(client, project, content)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_bundle"), content[:40]
    assert not SourceBundle.objects.exists()


def test_an_encrypted_member_is_refused(client: APIClient, project: Project) -> None:
    content = bytearray(zip_of({"a.py": "x"}))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + at] |= 1
    answer = send_zip(client, project, bytes(content))
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_bundle")


def test_a_bomb_ends_where_a_bundle_does(client: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "TOTAL_BYTES_MOST", 1 << 20)
    answer = send_zip(client, project, zip_of({"a.bin": bytes(900_000), "b.bin": bytes(900_000)}))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert "there are more up to b.bin" in answer.json()["detail"]
    assert not SourceBundle.objects.exists()


def test_more_than_may_be_sent_is_refused_on_the_way(
    client: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.experiments.api.bundle_upload.UPLOAD_BYTES_MOST", 100)
    answer = send_folder(client, project, {"a.py": b"x" * 60, "b.py": b"x" * 60})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_too_many_files_are_refused(client: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "FILES_MOST", 2)
    answer = send_zip(client, project, zip_of(FILES))
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "3 files; a bundle has at most 2. .gitignore leaves out what is none",
    )
    many = {f"{number}.py": b"x" for number in range(150)}
    monkeypatch.setattr(bundles, "FILES_MOST", bundle_rules.FILES_MOST)
    assert send_folder(client, project, many).json()["file_count"] == 150


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, ""),
        ({"files": [SimpleUploadedFile("a.py", b"x")]}, "paths"),
        ({"files": [SimpleUploadedFile("a.py", b"x")], "paths": "a.py"}, "paths"),
        ({"files": [SimpleUploadedFile("a.py", b"x")], "paths": '["a.py", "b.py"]'}, "paths"),
        ({"archive": "text"}, "archive"),
    ],
    ids=["nothing", "no-names", "no-list", "too-many-names", "no-file"],
)
def test_what_is_no_form_is_refused_by_field(
    client: APIClient, project: Project, body: dict[str, Any], field: str
) -> None:
    answer = client.post(API, {"project": str(project.pk), **body}, format="multipart")
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field]), answer.content


def test_a_repeated_request_gets_the_first_answer(client: APIClient, project: Project) -> None:
    first = send_zip(client, project, zip_of(FILES), **{"Idempotency-Key": "one"})
    second = send_zip(client, project, zip_of(FILES), **{"Idempotency-Key": "one"})
    assert (first.status_code, second.status_code, first.json()) == (201, 201, second.json())
    assert second.headers["Idempotency-Replayed"] == "true"
    other = send_zip(client, project, zip_of({"a.py": "x"}), **{"Idempotency-Key": "one"})
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_mismatch")
    assert SourceBundle.objects.count() == 1


def test_an_archive_that_the_store_lost_is_there_again_when_it_is_sent_again(
    client: APIClient, project: Project
) -> None:
    made = send_zip(client, project, zip_of(FILES)).json()
    store().delete(SourceBundle.objects.get().path)
    assert send_zip(client, project, zip_of(FILES)).json()["id"] == made["id"]
    bundle = SourceBundle.objects.get()
    assert store().measure(bundle.path).sha256 == bundle.archive_sha256


@pytest.mark.parametrize(
    ("git", "commit"),
    [
        ({".git/HEAD": f"{HASH}\n"}, HASH),
        ({".git/HEAD": "ref: refs/heads/main\n", ".git/refs/heads/main": f"{HASH}\n"}, HASH),
        ({".git/HEAD": "ref: refs/heads/a b\n", ".git/packed-refs": f"# x\n{'e' * 40} refs/heads/a\n"}, ""),
        ({".git/HEAD": "ref: refs/heads/a\n", ".git/packed-refs": f"# x\n{HASH} refs/heads/a\n^{'e' * 40}\n"}, HASH),
        ({".git/HEAD": "ref: ../../train.py\n"}, ""),
        ({".git/HEAD": "print(1)"}, ""),
        ({"lib/.git/HEAD": f"{HASH}\n"}, ""),
    ],
    ids=["detached", "branch", "other", "packed", "outside", "no hash", "below"],
)
def test_the_commit_of_a_working_copy_is_kept_and_its_folder_is_not(
    client: APIClient, project: Project, git: dict[str, str], commit: str
) -> None:
    made = send_folder(client, project, {"train.py": b"print(1)", **{name: one.encode() for name, one in git.items()}})
    assert (made.status_code, made.json()["git_commit"]) == (201, commit), made.content
    assert [one["name"] for one in made.json()["files"]] == ["train.py"]
    assert client.get(f"{API}/{made.json()['id']}").json()["git_commit"] == commit
