"""The nouns of the deployments app."""

from apps.deployments.models.endpoint import Endpoint
from apps.deployments.models.revision import Revision

__all__ = ["Endpoint", "Revision"]
