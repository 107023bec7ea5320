"""Which kind of object runs a spec on a cluster: the cluster's own, or an operator's where its options say so. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from workers.backends.kubernetes.operators.base import Operator
from workers.backends.kubernetes.operators.kserve import KServe
from workers.backends.kubernetes.operators.mpi import Mpi
from workers.backends.kubernetes.operators.ray import Ray
from workers.backends.kubernetes.operators.train import Train
from workers.backends.kubernetes.site import ClusterSite
from workers.contracts import environment
from workers.contracts.launch import LaunchContext
from workers.contracts.specs import ServingSpec, Spec

OPERATORS: Final[Mapping[str, Operator]] = {each.kind: each for each in (Mpi(), Train(), Ray(), KServe())}


def kind_of(spec: Spec, launch: LaunchContext, site: ClusterSite) -> str:
    """`job` and `serving` are the cluster's own kinds; the others are keys of `OPERATORS`."""
    asked = site.operators
    if isinstance(spec, ServingSpec):
        return asked.serving or spec.kind
    runner = {**site.environment, **spec.environment}.get(environment.DATA_RUNNER, "")
    if asked.data and runner == asked.data:
        return asked.data
    return asked.gangs if asked.gangs and launch.count > 1 else spec.kind


def operators_of(site: ClusterSite) -> tuple[Operator, ...]:
    """Those that a cluster's options ask for."""
    asked = (site.operators.gangs, site.operators.data, site.operators.serving)
    return tuple(OPERATORS[kind] for kind in asked if kind)
