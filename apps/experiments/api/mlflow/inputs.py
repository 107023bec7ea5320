"""What a run says it read and made: `runs/log-inputs`, `runs/outputs`."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from apps.experiments.api.mlflow import wire
from apps.experiments.api.mlflow.errors import invalid, missing
from apps.experiments.api.mlflow.runs import RunView
from apps.experiments.api.mlflow.wire import Asked
from apps.experiments.models import LoggedModel
from apps.experiments.services.run_facts import Said, run_inputs_log, run_outputs_log

SOURCE_TYPE_MOST, SOURCE_MOST, SCHEMA_MOST, PROFILE_MOST = 500, 65_535, 1_048_575, 16_777_215
TAG_KEY_MOST, TAG_VALUE_MOST = 255, 500


class ModelsView(RunView):
    """Base: what names logged models."""

    def models(self) -> list[tuple[str, int]]:
        """Ids, as they stand on the wire, and steps of those that the request names, which the caller sees."""
        asked = [
            (each.needed("model_id"), each.number("step", 0, least=-(2**63))) for each in self.asked.items("models")
        ]
        if len(asked) > wire.ENTITIES_MOST:
            raise invalid(f"A request may name at most {wire.ENTITIES_MOST} models. Got {len(asked)}.")
        ids = {text: wire.logged_model_uuid(text) for text, _ in asked}
        rows = self.caller.rows(LoggedModel.objects.filter(pk__in=list(ids.values())))
        seen = set(rows.values_list("pk", flat=True)) if ids else set()
        lost = next((text for text, one in ids.items() if one not in seen), None)
        if lost is not None:
            raise missing(f"Logged model with ID '{lost[:100]}' not found.")
        return asked


class LogInputsView(ModelsView):
    def post(self, request: Request) -> Response:
        datasets = self.asked.items("datasets")
        if len(datasets) > wire.DATASETS_MOST:
            raise invalid(f"A request may have at most {wire.DATASETS_MOST} datasets. Got {len(datasets)}.")
        said = [_dataset(each) for each in datasets]
        said += [Said(text, {"model": text, "digest": text}) for text, _ in self.models()]
        run_inputs_log(run_id=self.own().pk, datasets=said, actor=self.caller.actor)
        return Response({})


class OutputsView(ModelsView):
    def post(self, request: Request) -> Response:
        run_outputs_log(run_id=self.own().pk, models=self.models(), actor=self.caller.actor)
        return Response({})


def _dataset(asked: Asked) -> Said:
    """One of the datasets of a request; raises for one that cannot be."""
    dataset = asked.inner("dataset")
    name, digest = (
        dataset.needed("name", most=wire.DATASET_NAME_CHARACTERS_MOST),
        dataset.needed("digest", most=wire.DATASET_DIGEST_CHARACTERS_MOST),
    )
    document = {
        "digest": digest,
        "source_type": dataset.needed("source_type", most=SOURCE_TYPE_MOST),
        "source": dataset.needed("source", most=SOURCE_MOST),
        "schema": dataset.text("schema", most=SCHEMA_MOST) or None,
        "profile": dataset.text("profile", most=PROFILE_MOST) or None,
        "tags": {
            each.needed("key", most=TAG_KEY_MOST): each.text("value", most=TAG_VALUE_MOST)
            for each in asked.items("tags")
        },
    }
    return Said(name, {key: value for key, value in document.items() if value is not None})
