"""The nouns of the datasets app."""

from apps.datasets.models.alias import VersionAlias
from apps.datasets.models.cleaning import CleaningRun, Recipe
from apps.datasets.models.comparison import VersionComparison
from apps.datasets.models.dataset import Dataset, Source
from apps.datasets.models.ingestion import Ingestion
from apps.datasets.models.job import DataJob
from apps.datasets.models.keeping import KeepRule
from apps.datasets.models.lineage import LineageEdge
from apps.datasets.models.origin import AllowedOrigin
from apps.datasets.models.preview import Preview
from apps.datasets.models.profile import Profile
from apps.datasets.models.quality import Expectation, QualityHold, QualityOverride, ValidationRun
from apps.datasets.models.schedule import IngestionSchedule
from apps.datasets.models.upload import Upload
from apps.datasets.models.version import DatasetVersion

__all__ = [
    "AllowedOrigin",
    "CleaningRun",
    "DataJob",
    "Dataset",
    "DatasetVersion",
    "Expectation",
    "Ingestion",
    "IngestionSchedule",
    "KeepRule",
    "LineageEdge",
    "Preview",
    "Profile",
    "QualityHold",
    "QualityOverride",
    "Recipe",
    "Source",
    "Upload",
    "ValidationRun",
    "VersionAlias",
    "VersionComparison",
]
