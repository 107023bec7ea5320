"""What runs in a pod before its command does: everything is put in its place, and the start of the member is claimed.

    python -I -S prepare.py [FOLDER]

Standard library only, and nothing from the rest of the project. It copies the wrapper into `bin`, which the container
of the command sees too, whatever image that has, and the files of the spec into `work`: folders beside that of the
spec, unless another is named. Then it tells the control plane that this pod is this member. Where another pod has the
place it ends with 85, and the command never starts. What a control plane that is away cannot say is not waited for:
after `CLAIM_SECONDS` the command starts.

Ends with 0; with 143, at once, when it is told to leave; with 85 as said; with 1 where something could not be put in
its place: the text says what.
"""
# ruff: noqa: PTH100, PTH103, PTH118, PTH120, PTH123, PTH208

from __future__ import annotations

import os
import signal

if __name__ == "__main__":  # before all else: process 1 of a pod does not leave for what it has no handler for
    signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))

import contextlib
import http.client
import json
import shutil
import socket
import sys
import time
from typing import Any
from urllib.parse import urlsplit

API_URL = "BEDPLATE_JOB_API_URL"
TOKEN_FILE = "BEDPLATE_TOKEN_FILE"  # noqa: S105 - the name of a variable, not a token
SPEC_FILE = "BEDPLATE_SPEC_FILE"
RESULT_FILE = "BEDPLATE_RESULT_FILE"
RANK = "BEDPLATE_RANK"
POD_UID = "BEDPLATE_POD_UID"
MASTER = "MASTER_ADDR"
START = "/api/v1/runtime/attempts/self/start"
SUPERSEDED = ("attempt_superseded", "member_superseded")
"""The attempt is over, or another pod has this place in it."""
REFUSED = 1
CONTROL_PLANE_GONE = 85
CLAIM_SECONDS = 10.0
REQUEST_SECONDS = 5.0
PAUSE_SECONDS = 0.5
NAME_SECONDS = 60.0
"""How long the first member may take to have a name: the clusters' name servers remember for half a minute that there
was none."""
ANSWER_BYTES = 64 * 1024
PASSING = frozenset({401, 408, 425, 429})


def copy_wrapper(target: str) -> None:
    """Put the wrapper and what it loads where the command's container finds them."""
    here = os.path.dirname(os.path.abspath(__file__))
    os.makedirs(target, exist_ok=True)
    for name in sorted(os.listdir(here)):
        if name.startswith("wrapper") and name.endswith(".py"):
            shutil.copyfile(os.path.join(here, name), os.path.join(target, name))


def place_files(spec: dict[str, Any], work: str) -> None:
    """Write the files of the spec into the working folder. Raises ValueError for a name that leads out of it."""
    for name, text in (spec.get("files") or {}).items():
        path = os.path.normpath(os.path.join(work, name))
        if name.startswith("/") or not path.startswith(work.rstrip("/") + "/"):
            raise ValueError(f"the file name {name!r} leads out of the working folder")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def claim(rank: int | None, member: str) -> int | None:
    """Tell the control plane that this pod starts as this member; the rank that it said, or nothing where it is away.

    Raises:
        SystemExit: with 85, because this attempt or this pod does not count.
    """
    deadline, body = time.monotonic() + CLAIM_SECONDS, json.dumps({"rank": rank, "member": member}).encode()
    while True:
        status, answer = _asked(body)
        if answer.get("code") in SUPERSEDED:
            _say(f"this pod must not start: {answer.get('detail', '')}")
            raise SystemExit(CONTROL_PLANE_GONE)
        if 200 <= status < 300 and isinstance(answer.get("rank"), int):
            return int(answer["rank"])
        if 400 <= status < 500 and status not in PASSING and answer:
            _say(f"the start could not be claimed: {answer.get('detail', status)}")
            return None
        if time.monotonic() + PAUSE_SECONDS > deadline:
            _say("the control plane is away: the command starts all the same")
            return None
        time.sleep(PAUSE_SECONDS)


def _asked(body: bytes) -> tuple[int, dict[str, Any]]:
    """Status and object of the answer; (0, {}) without one."""
    parts = urlsplit(os.environ[API_URL])
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=REQUEST_SECONDS)
    try:
        with open(os.environ[TOKEN_FILE], encoding="ascii") as file:
            token = file.read().strip()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request("POST", parts.path.rstrip("/") + START, body, headers)
        response = connection.getresponse()
        answer = json.loads(response.read(ANSWER_BYTES))
        return response.status, answer if isinstance(answer, dict) else {}
    except (OSError, ValueError, http.client.HTTPException):
        return 0, {}
    finally:
        connection.close()


def wait_for_first(host: str) -> None:
    """Until the first member of a gang has a name; what asks once and ends would end the gang. Gives up after a while:
    then the command says best what it misses."""
    deadline, said = time.monotonic() + NAME_SECONDS, False
    while True:
        with contextlib.suppress(OSError):  # it has none yet
            socket.getaddrinfo(host, None)
            return
        if time.monotonic() > deadline:
            _say(f"{host} still has no address: the command starts all the same")
            return
        if not said:
            said = True
            _say(f"waiting until {host} has an address")
        time.sleep(PAUSE_SECONDS)


def main(argv: list[str]) -> int:
    try:
        root = argv[0] if argv else os.path.dirname(os.path.dirname(os.environ[SPEC_FILE]))
        with open(os.environ[SPEC_FILE], encoding="utf-8") as file:
            spec = json.load(file)
        copy_wrapper(os.path.join(root, "bin"))
        place_files(spec, os.path.join(root, "work"))
    except (OSError, ValueError, KeyError) as error:
        _say(f"the pod could not be prepared: {error}")
        return REFUSED
    rank = int(os.environ[RANK]) if os.environ.get(RANK, "").isdecimal() else None
    member = os.environ.get(POD_UID, "")
    if os.environ.get(API_URL) and member:
        given = claim(rank, member)
        if rank is None and given is not None:  # a replica: the wrapper reads it
            with open(os.path.join(os.path.dirname(os.environ[RESULT_FILE]), "rank"), "w", encoding="ascii") as file:
                file.write(str(given))
    if rank and os.environ.get(MASTER):
        wait_for_first(os.environ[MASTER])
    return 0


def _say(text: str) -> None:
    print(f"bedplate: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
