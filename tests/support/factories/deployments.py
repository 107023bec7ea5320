"""Endpoints and revisions."""

from __future__ import annotations

import factory
from factory.django import DjangoModelFactory

from apps.deployments.models import Endpoint, Revision
from tests.support.factories.access import ProjectFactory
from tests.support.factories.experiments import ModelVersionFactory


class EndpointFactory(DjangoModelFactory[Endpoint]):
    """An endpoint without revisions."""

    class Meta:
        model = Endpoint

    project = factory.SubFactory(ProjectFactory)
    name = factory.Sequence(lambda n: f"endpoint-{n}")
    path = factory.LazyAttribute(lambda made: f"{made.project.name}/{made.name}")


class RevisionFactory(DjangoModelFactory[Revision]):
    """A pending revision without a workload."""

    class Meta:
        model = Revision

    project = factory.SubFactory(ProjectFactory)
    endpoint = factory.SubFactory(EndpointFactory, project=factory.SelfAttribute("..project"), revisions_made=1)
    number = 1
    model_version = factory.SubFactory(ModelVersionFactory, project=factory.SelfAttribute("..project"))
