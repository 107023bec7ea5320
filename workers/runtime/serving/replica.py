"""The handler of a replica: checks the request, predicts, counts."""

from __future__ import annotations

from typing import Any

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary

from workers.runtime.preprocessor import RecordError
from workers.runtime.serving.predictor import Estimate, NoScore, Prediction, Predictor
from workers.runtime.web.figures import Window
from workers.runtime.web.messages import JSON, Problem, Request, Response
from workers.runtime.web.service import Service

BODY_LIMIT_BYTES = 4 << 20
RECORD_LIMIT = 1000
OWN = ("", "")
"""Key of a replica's figures: whose they are, the control plane knows by the token."""
BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class PredictRequest(msgspec.Struct):
    records: list[dict[str, Any]]


class PredictResponse(msgspec.Struct):
    predictions: list[Prediction] | list[Estimate]
    model_version: str


class Replica:
    """Answers `POST /predict` once it has a predictor; 503 before."""

    def __init__(self, model_version: str) -> None:
        self.predictor: Predictor | None = None
        self.window = Window()
        self._model_version = model_version
        self._decoder = msgspec.json.Decoder(PredictRequest)
        self._encoder = msgspec.json.Encoder()
        registry = CollectorRegistry()
        self.service = Service(registry, handler=self.handle, readiness=self._readiness, observer=self._observe)
        self._requests = Counter(
            "bedplate_replica_requests", "Requests answered, by status.", ["status"], registry=registry
        )
        self._seconds = Histogram(
            "bedplate_replica_request_duration_seconds", "From request to answer.", buckets=BUCKETS, registry=registry
        )
        self._predictions = Counter(
            "bedplate_replica_predictions", "Records predicted, by label.", ["label"], registry=registry
        )
        self._estimates = Summary("bedplate_replica_estimates", "Numbers predicted, and their sum.", registry=registry)
        in_flight = Gauge("bedplate_replica_requests_in_flight", "Requests not answered yet.", registry=registry)
        in_flight.set_function(lambda: self.service.in_flight)

    async def handle(self, request: Request) -> Response:
        """Raises Problem for every request that gets no prediction."""
        if request.path != "/predict":
            raise Problem(404, "not_found", f"there is no {request.path} here; there is /predict")
        if request.method != "POST":
            raise Problem(405, "method_not_allowed", "send a POST", headers=((b"allow", b"POST"),))
        media_type = request.header(b"content-type").partition(";")[0].strip().lower()
        if media_type != JSON.decode():
            raise Problem(415, "unsupported_media_type", f"send application/json, not {media_type or 'nothing'}")
        if self.predictor is None:
            raise Problem(503, "not_ready", "the model is being loaded", headers=((b"retry-after", b"1"),))
        records = self._decode(await request.body(BODY_LIMIT_BYTES))
        predictions = _predict(self.predictor, records)
        for prediction in predictions:
            if isinstance(prediction, Estimate):
                self._estimates.observe(prediction.value)
            else:
                self._predictions.labels(prediction.label).inc()
        return Response(self._encoder.encode(PredictResponse(predictions, self._model_version)))

    def _decode(self, body: bytes) -> list[dict[str, Any]]:
        try:
            records = self._decoder.decode(body).records
        except msgspec.ValidationError as error:
            raise Problem(422, "invalid", f'the body is not {{"records": [{{…}}, …]}}: {error}') from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Problem(400, "invalid_json", f"the body is not JSON: {error}") from error
        if not 1 <= len(records) <= RECORD_LIMIT:
            raise Problem(422, "invalid", f"send 1 to {RECORD_LIMIT} records at once, not {len(records)}")
        return records

    def _readiness(self) -> str:
        return "" if self.predictor is not None else "the model is being loaded"

    def _observe(self, request: Request, response: Response, seconds: float) -> None:
        self._requests.labels(str(response.status)).inc()
        self._seconds.observe(seconds)
        if request.path == "/predict":
            self.window.add(OWN, response.status, request.own_seconds)


def _predict(predictor: Predictor, records: list[dict[str, Any]]) -> list[Prediction] | list[Estimate]:
    try:
        return predictor.predict(records)
    except RecordError as error:
        more = {"record": error.index, "field": error.field or None}
        raise Problem(422, "invalid_record", str(error), more=more) from error
    except NoScore as error:
        detail = f"record {error.index}: {error.detail}"
        raise Problem(422, "invalid_record", detail, more={"record": error.index, "field": None}) from error
