"""The user's side of chaos: a client that tries again, as a good one does, and one that asks for predictions."""

from __future__ import annotations

import threading
import time
from typing import Any
from uuid import uuid4

import httpx

PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.25
PASSING = frozenset({408, 425, 429, 502, 503, 504})


class Refused(Exception):
    """An answer that trying again does not help, or no answer at all in the time."""


class Client:
    """Calls the API; sends again what got no answer or a passing one. Safe to use from several threads."""

    def __init__(self, url: str, token: str) -> None:
        self._http = httpx.Client(
            base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=15, trust_env=False
        )
        self.failures: list[str] = []
        """Answers that no outage excuses: 500, or a refusal without a problem in it."""
        self.slowest_seconds = 0.0
        self.unavailable = 0
        """Answers 503."""

    def call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, patience_seconds: float = PATIENCE_SECONDS
    ) -> dict[str, Any]:
        """One request, as often as it takes; a POST carries one idempotency key through all its tries.

        Raises:
            Refused: for good, or it did not go through in the time.
        """
        headers = {"Idempotency-Key": str(uuid4())} if method == "POST" else {}
        deadline = time.monotonic() + patience_seconds
        while True:
            began, said = time.monotonic(), "no answer"
            try:
                answer = self._http.request(method, path, json=body, headers=headers)
            except httpx.TransportError as error:
                said = f"no answer ({type(error).__name__})"
            else:
                self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - began)
                if answer.is_success:
                    return dict(answer.json())
                said = f"{method} {path}: {answer.status_code} {answer.text[:300]}"
                self._look_at(answer, said)
            if time.monotonic() > deadline:
                raise Refused(said)
            time.sleep(PAUSE_SECONDS)

    def _look_at(self, answer: httpx.Response, said: str) -> None:
        self.unavailable += answer.status_code == 503
        if answer.status_code == 503 and not (answer.headers.get("Retry-After") and answer.json()["retryable"]):
            self.failures.append(f"does not say when to come again: {said}")
        if answer.status_code not in PASSING:
            if answer.status_code < 500:
                raise Refused(said)
            self.failures.append(said)


class Predictions(threading.Thread):
    """Asks an endpoint a few times a second; each question is repeated for some seconds before it counts as failed."""

    def __init__(self, client: Client, url: str, record: dict[str, Any]) -> None:
        super().__init__(daemon=True)
        self._client, self._url, self._record = client, url, record
        self._done = threading.Event()
        self.asked = 0
        self.failed: list[str] = []
        self.seconds: list[float] = []
        self.answered_at = 0.0

    def run(self) -> None:
        while not self._done.wait(0.25):
            self.asked += 1
            began = time.monotonic()
            try:
                self._client.call("POST", self._url, {"records": [self._record]}, patience_seconds=20)
            except Refused as error:
                self.failed.append(str(error))
            else:
                self.answered_at = began
                self.seconds.append(time.monotonic() - began)

    def stop(self) -> None:
        self._done.set()
        self.join(30)
