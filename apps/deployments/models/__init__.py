"""The nouns of the deployments app."""

from apps.deployments.models.endpoint import Endpoint
from apps.deployments.models.figures import EndpointMinute, EndpointPulse, EndpointSecond
from apps.deployments.models.revision import Revision

__all__ = ["Endpoint", "EndpointMinute", "EndpointPulse", "EndpointSecond", "Revision"]
