"""`manage.py cluster`: add Kubernetes clusters, check them, list and remove them from the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.common.audit import Actor
from apps.common.errors import BedplateError
from apps.quotas.models import Cluster
from apps.quotas.services.cluster_credentials import Credentials
from apps.quotas.services.clusters import cluster_change, cluster_create, cluster_delete
from apps.quotas.states import ConnectionKind
from workers.dispatch.clusters import cluster_check

ACTOR = Actor.system("command line")


class Command(BaseCommand):
    help = "Kubernetes clusters: add one, or say anew how to connect to it; check, list, remove."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        add = verbs.add_parser("add", help="add a cluster, or replace how to connect to it, and check it")
        add.add_argument("name", help="small letters, digits and dashes; its pool has the same name")
        how = add.add_mutually_exclusive_group(required=True)
        how.add_argument("--kubeconfig", metavar="FILE", help="its current context; - reads standard input")
        how.add_argument("--in-cluster", action="store_true", help="the cluster in which this runs, as its own pod")
        how.add_argument("--server", metavar="URL", help="address of the API server; with --token-file")
        add.add_argument("--token-file", metavar="FILE", help="token of a service account; - reads standard input")
        add.add_argument("--ca-file", metavar="FILE", help="who may have signed the server's certificate (PEM)")
        add.add_argument("--job-api-url", metavar="URL", help="the API as pods reach it")
        add.add_argument("--runtime-image", metavar="IMAGE", help="what jobs without an image of their own run in")
        add.add_argument("--namespace-prefix", metavar="TEXT", help="how namespaces of projects begin")
        add.add_argument("--options", metavar="JSON", help="its further options: all of them, or {} for none")
        add.add_argument("--makes-namespaces", choices=("yes", "no"), help="whether Bedplate makes those of projects")
        add.add_argument("--keep", action="store_true", help="leave a cluster of that name as it is")
        add.add_argument("--unchecked", action="store_true", help="leave it to a worker to ask the cluster how it is")
        for verb, what in (("check", "ask a cluster how it is"), ("remove", "forget a cluster on which nothing runs")):
            verbs.add_parser(verb, help=what).add_argument("name")
        verbs.add_parser("list", help="all clusters, and how each was when asked last")

    def handle(self, *args: Any, **options: Any) -> None:
        verb = options["verb"]
        try:
            if verb == "add":
                self._add(options)
            elif verb == "list":
                for cluster in Cluster.objects.order_by("name"):
                    self._tell(cluster)
            elif verb == "check":
                self._check(_named(options["name"]))
            else:
                cluster_delete(cluster=_named(options["name"]), actor=ACTOR)
        except BedplateError as error:
            raise CommandError(error.detail) from error

    def _add(self, options: dict[str, Any]) -> None:
        known = Cluster.objects.filter(name=options["name"]).first()
        if known is not None and options["keep"]:
            self._tell(known)
            return
        wanted = _wanted(options)
        credentials = _credentials(options)
        if known is not None:
            same = options["in_cluster"] and known.kind == ConnectionKind.IN_CLUSTER  # nothing of it could be another
            cluster = cluster_change(cluster=known, credentials=None if same else credentials, actor=ACTOR, **wanted)
        else:
            cluster = cluster_create(name=options["name"], credentials=credentials, actor=ACTOR, **wanted)
        if options["unchecked"]:
            self._tell(cluster)
        else:
            self._check(cluster)

    def _check(self, cluster: Cluster) -> None:
        cluster_check(cluster.pk)
        self._tell(_named(cluster.name))

    def _tell(self, cluster: Cluster) -> None:
        how = "not checked yet" if cluster.checked_at is None else "well" if cluster.healthy else "not well"
        where = cluster.server or "in this cluster"
        self.stdout.write(" ".join(filter(None, (f"{cluster.name}: {where},", cluster.version, how))))
        for problem in cluster.problems:
            self.stdout.write(f"  {problem['detail']}")


def _named(name: str) -> Cluster:
    cluster = Cluster.objects.filter(name=name).first()
    if cluster is None:
        raise CommandError(f"There is no cluster {name}.")
    return cluster


def _wanted(options: dict[str, Any]) -> Any:
    """What is said of the cluster beside how to connect."""
    names = ("job_api_url", "runtime_image", "namespace_prefix")
    wanted = {name: options[name] for name in names if options[name] is not None}
    if options["makes_namespaces"]:
        wanted["makes_namespaces"] = options["makes_namespaces"] == "yes"
    if options["options"]:
        try:
            wanted["options"] = json.loads(options["options"])
        except ValueError as error:
            raise CommandError(f"--options is no JSON: {error}") from error
    return wanted


def _credentials(options: dict[str, Any]) -> Credentials:
    if options["in_cluster"]:
        return Credentials(ConnectionKind.IN_CLUSTER)
    if options["kubeconfig"]:
        return Credentials(ConnectionKind.KUBECONFIG, kubeconfig=_read(options["kubeconfig"]))
    if not options["token_file"]:
        raise CommandError("--server needs --token-file")
    return Credentials(
        ConnectionKind.TOKEN,
        server=options["server"],
        ca_pem=_read(options["ca_file"]) if options["ca_file"] else "",
        token=_read(options["token_file"]).strip(),
    )


def _read(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{name} cannot be read: {error}") from error
