"""How the test server of `runtime_api` takes files from a job that shares no disk with it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


class TakesFiles:
    """`is_distant`: outputs have no folder; what is sent is kept below `store`, in the order of `sent`."""

    store: Path
    attempt_id: str

    def __init__(self) -> None:
        self.is_distant = False
        self.sent: list[str] = []
        """Paths below the attempt's folder."""
        self.presigns = False
        """Files go to `/presigned/…` of this server, as if that were the store itself."""
        self.presigned: list[tuple[str, dict[str, str]]] = []
        """Path and headers of what came there."""

    def output_folder(self, name: str) -> dict[str, Any]:
        """What is answered for an output."""
        folder = self.store / "attempts" / self.attempt_id / name
        uri = f"bedplate://attempts/{self.attempt_id}/{name}/"
        if self.is_distant:
            return {"name": name, "uri": uri, "path": None}
        folder.mkdir(parents=True, exist_ok=True)
        return {"name": name, "uri": uri, "path": str(folder)}

    def _post_data_upload(self, body: dict[str, Any]) -> tuple[int, Any]:
        path = self._target(f"{body['output']}/{body['path']}")
        is_stored = path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == body["sha256"]
        if self.presigns and not is_stored:
            url = f"{self.url}/presigned/{body['output']}/{body['path']}"
            return 200, {"is_stored": False, "url": url, "headers": {"x-amz-checksum-sha256": "said"}}
        return 200, {"is_stored": is_stored, "url": None, "headers": {}}

    @property
    def url(self) -> str:
        """Of the server."""
        raise NotImplementedError

    def take_presigned(self, path: str, headers: dict[str, str], content: bytes) -> None:
        """What was PUT to such an address."""
        self.presigned.append((path, headers))
        target = self._target(path.removeprefix("/presigned/"))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    def _put_outputs(self, _: dict[str, Any]) -> tuple[int, Any]:
        return 201, None

    def take(self, address: str, content: bytes) -> bool:
        """What was PUT to `/outputs/…`; false where it is not as it was said."""
        parts = urlsplit(address)
        said = parse_qs(parts.query)
        digest = hashlib.sha256(content).hexdigest()
        if (said["size_bytes"], said["sha256"]) != ([str(len(content))], [digest]):
            return False
        place = unquote(parts.path).removeprefix("/outputs/")
        path = self._target(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.sent.append(place)
        return True

    def _target(self, place: str) -> Path:
        return self.store / "attempts" / self.attempt_id / place
