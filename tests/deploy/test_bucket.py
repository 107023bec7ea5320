"""A bucket as the chart names it: what the locks have reaches it, with the variables of the chart."""

from __future__ import annotations

import os
import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

from tests.deploy.chart_values import PRODUCTION
from tests.deploy.dockerfile import ROOT
from tests.deploy.helm import render

SIGN = """
import django
django.setup()
from apps.common.addresses import put_address
from apps.common.storage import store
from deploy.images import slim

kept = {path.name for path in (slim.packages() / "botocore" / "data").iterdir() if path.is_dir()} & slim.SERVICES
assert kept == slim.SERVICES
import botocore.loaders
botocore.loaders.Loader.list_available_services = lambda self, type_name: sorted(kept)
url = put_address("attempts/1/model/weights", size_bytes=5, sha256="ab" * 32).url
print(store().url)
print(url)
"""


def test_a_store_in_a_bucket_signs_addresses_of_its_own_server() -> None:
    """Nothing is asked of anybody for that. One that needs no more of botocore than the image keeps."""
    web = render(PRODUCTION).one("Deployment", "bedplate-web")["spec"]["template"]["spec"]["containers"][0]
    given = {each["name"]: each["value"] for each in web["env"] if "value" in each}
    chosen = {name: value for name, value in given.items() if name.startswith("AWS_") or name.endswith("STORAGE_URL")}
    plain = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    keys = {"AWS_ACCESS_KEY_ID": "key-id", "AWS_SECRET_ACCESS_KEY": "secret"}
    settings = {"DJANGO_SETTINGS_MODULE": "controlplane.settings.test"}
    done = subprocess.run(
        [sys.executable, "-c", SIGN],
        cwd=ROOT,
        env=plain | chosen | keys | settings,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    where, address = done.stdout.split()[-2:]
    assert where == "s3://bedplate/production"
    parts = urlsplit(address)
    assert (parts.scheme, parts.hostname) == ("https", "minio.example.org")
    assert parts.path == "/bedplate/production/attempts/1/model/weights"
    asked = parse_qs(parts.query)
    assert asked["X-Amz-Credential"][0].startswith("key-id/")
    assert "/eu-central-1/s3/aws4_request" in asked["X-Amz-Credential"][0]
