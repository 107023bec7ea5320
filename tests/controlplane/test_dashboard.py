"""The page in which the dashboard runs, and what it may load."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from controlplane import dashboard
from tests.support.factories.access import ProjectFactory, UserFactory, member

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).parents[2]
BUILD = {
    "src/main.tsx": {"file": "assets/main-1.js", "css": ["assets/main-1.css"], "imports": ["_vendor.js"]},
    "_vendor.js": {"file": "assets/vendor-2.js"},
    "src/features/runs/pages/runs-page.tsx": {
        "file": "assets/runs-3.js",
        "css": ["assets/runs-3.css"],
        "imports": ["src/main.tsx", "_vendor.js", "_table.js"],
    },
    "src/features/runs/locale/zh.json": {"file": "assets/zh-4.js"},
    "_table.js": {"file": "assets/table-5.js", "css": ["assets/table-5.css"], "imports": ["_rows.js", "_vendor.js"]},
    "_rows.js": {"file": "assets/rows-6.js"},
}


@pytest.fixture
def build(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """A build of the dashboard, where collected files are."""
    settings.STATIC_ROOT = tmp_path
    manifest = tmp_path / "dashboard" / "manifest.json"
    manifest.parent.mkdir()
    manifest.write_text(json.dumps(BUILD))
    forget()
    yield manifest
    forget()


def forget() -> None:
    dashboard.manifest.cache_clear()
    dashboard.built.cache_clear()


@pytest.mark.parametrize("path", ["/", "/runs", "/runs/0191", "/queue", "/access"])
def test_every_address_of_a_page_asks_who_you_are(client: Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/login?next={path}")


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/static/nothing.js", "/ws/nothing"])
def test_what_is_no_page_is_not_answered_by_one(client: Client, build: Path, path: str) -> None:
    client.force_login(UserFactory.create())
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/nope", "/run", "/wp-admin/index.php"])
def test_where_there_is_no_page_people_get_one_that_says_so_and_programs_a_problem(
    client: Client, build: Path, path: str
) -> None:
    browser = {"Accept": "text/html,*/*;q=0.8"}
    assert client.get(path, headers=browser).status_code == 404
    client.force_login(UserFactory.create())
    answer = client.get(path, headers=browser)
    assert (answer.status_code, b'id="root"' in answer.content) == (404, True)
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_the_sections_are_those_of_the_router() -> None:
    routes = re.findall(r'path: "/([\w-]*)', (ROOT / "frontend/src/app/router.tsx").read_text(encoding="utf-8"))
    assert set(routes) == dashboard.SECTIONS


def test_the_code_of_a_page_is_of_the_router_and_is_there() -> None:
    router = (ROOT / "frontend/src/app/router.tsx").read_text(encoding="utf-8")
    for address, code in dashboard.CODE.items():
        deeper = r"\$\w+" if address.endswith("/") else ""
        assert re.search(rf'path: "/{address}{deeper}",[^;]*import\("@/features/{code}"\)', router), address
        assert (ROOT / f"frontend/src/features/{code}.tsx").is_file()


def test_the_code_of_the_page_is_fetched_with_the_shells(client: Client, build: Path) -> None:
    client.force_login(UserFactory.create())
    client.cookies["bedplate_language"] = "zh-hans"
    text = client.get("/runs?project=vision").content.decode()
    preloads = re.findall(r'rel="modulepreload" href="/static/dashboard/assets/([^"]+)"', text)
    assert preloads == ["vendor-2.js", "runs-3.js", "table-5.js", "rows-6.js", "zh-4.js"]
    styles = re.findall(r'rel="stylesheet" href="/static/dashboard/assets/([^"]+)"', text)
    assert styles == ["main-1.css", "runs-3.css", "table-5.css"]


def test_the_page_names_the_files_of_the_build_and_nothing_else(client: Client, build: Path) -> None:
    client.force_login(UserFactory.create())
    text = client.get("/models").content.decode()
    assert re.findall(r'<script type="module" src="([^"]+)"', text) == ["/static/dashboard/assets/main-1.js"]
    assert re.findall(r'rel="modulepreload" href="([^"]+)"', text) == ["/static/dashboard/assets/vendor-2.js"]
    assert re.findall(r'rel="stylesheet" href="([^"]+)"', text) == ["/static/dashboard/assets/main-1.css"]
    assert "http" not in re.sub(r"http://www.w3.org/2000/svg", "", text)


def test_the_page_says_who_reads_it(client: Client, build: Path) -> None:
    project = ProjectFactory.create(title="</script><b>")
    reader = member(project)
    client.force_login(reader)
    text = client.get("/").content.decode()
    found = re.search(r'<script id="me" type="application/json">(.*?)</script>', text)
    assert found
    me = json.loads(found[1])
    assert (me["username"], [each["title"] for each in me["projects"]]) == (reader.username, ["</script><b>"])


def test_the_page_speaks_and_looks_as_the_reader_chose(client: Client, build: Path) -> None:
    client.force_login(UserFactory.create())
    assert '<html lang="en">' in client.get("/").content.decode()
    client.cookies["bedplate_language"] = "zh-hans"
    client.cookies["bedplate_theme"] = "dark"
    assert '<html lang="zh-Hans" data-mantine-color-scheme="dark">' in client.get("/").content.decode()
    client.cookies["bedplate_theme"] = '"><script>'
    assert '<html lang="zh-Hans">' in client.get("/").content.decode()


def test_the_page_brings_what_writing_needs(client: Client, build: Path) -> None:
    client.force_login(UserFactory.create())
    assert "bedplate_csrf" in client.get("/").cookies


def test_without_a_build_it_says_what_to_do(client: Client, settings: Any, tmp_path: Path) -> None:
    settings.STATIC_ROOT, settings.STATICFILES_DIRS = tmp_path, []
    forget()
    with pytest.raises(dashboard.NotBuilt, match="make frontend"):
        dashboard.built(None, "en")


class TestContentSecurity:
    def test_scripts_are_files_of_ours_only_and_styles_have_the_nonce_of_the_page(
        self, client: Client, build: Path
    ) -> None:
        client.force_login(UserFactory.create())
        answers = [client.get("/"), client.get("/")]
        nonces = [re.search(r'name="csp-nonce" content="([^"]+)"', answer.content.decode())[1] for answer in answers]  # type: ignore[index]
        assert nonces[0] != nonces[1]
        for answer, nonce in zip(answers, nonces, strict=True):
            rules = dict(rule.strip().split(" ", 1) for rule in answer.headers["Content-Security-Policy"].split(";"))
            assert rules["default-src"] == "'none'"
            assert rules["script-src"] == "'self'"
            assert rules["connect-src"] == "'self'"
            assert rules["style-src-elem"] == f"'self' 'nonce-{nonce}'"
            assert rules["frame-ancestors"] == "'none'"

    def test_other_pages_have_a_policy_too_and_answers_of_the_api_none(self, client: Client) -> None:
        for path in ("/login", "/api/v1/docs/", "/admin/login/"):
            assert "default-src 'none'" in client.get(path).headers["Content-Security-Policy"], path
        assert "Content-Security-Policy" not in client.get("/api/v1/users/me").headers
