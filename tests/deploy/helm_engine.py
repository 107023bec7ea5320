"""Helm's own engine in a process of its own: requests and answers are lines of JSON.

It is a library written in Go, which brings threads and handlers of signals of its own: not for the process of the
tests. What it is asked goes by its C interface, because its Python face knows neither a version of Kubernetes nor
which APIs a cluster has.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import helm_python
from helm_python import _native


def answer(chart: helm_python.Chart, asked: dict[str, Any]) -> dict[str, Any]:
    """What became of one request: `made`, or `refused` with Helm's words."""
    values = asked["values"]
    try:
        if asked["verb"] == "lint":
            return {"made": helm_python.lint(asked["chart"], values, strict=True, kube_version=asked["kube_version"])}
        chart.validate_schema(values)
        options = json.dumps(asked["options"] | {"kube_version": asked["kube_version"]})
        made = _native.call_string("helm_render", chart._raw(), json.dumps(values), options)
        return {"made": json.loads(made)}
    except helm_python.HelmError as error:
        return {"refused": str(error)}


def main() -> None:
    with helm_python.Chart.load(sys.argv[1]) as chart:
        for line in sys.stdin:
            sys.stdout.write(json.dumps(answer(chart, json.loads(line) | {"chart": sys.argv[1]})) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
