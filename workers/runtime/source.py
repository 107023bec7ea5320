"""What runs before the command of a source bundle does, in the same process: it turns into the command.

    python -m workers.runtime.source -- WORD ...

It has the archive of the bundle, which is the input `source`, unpacks it into the folder `source`, has the environment
of the packages that the run names, and executes the words there. Where that cannot be, the result says why, with the
code `source_failed` or `environment_failed`, and it ends with 1; a command that is not there ends with 127.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from workers.contracts import environment as names
from workers.contracts.exit_codes import USER_ERROR
from workers.contracts.package_lock import BadLock
from workers.contracts.source import ENVIRONMENT_FAILED, LOCK_NAME, SOURCE, SOURCE_FAILED
from workers.runtime.client import RuntimeClient
from workers.runtime.client_errors import JobApiError
from workers.runtime.context import process_environment
from workers.runtime.environment_report import environment_report
from workers.runtime.environments import (
    BYTES_DEFAULT,
    EnvironmentFailed,
    environment_ready,
    python_of,
    site_of,
)
from workers.runtime.fetching import Wanted
from workers.runtime.identity import identity_from
from workers.runtime.stored_file import hash_file

NOT_FOUND = 127


class SourceFailed(Exception):
    """The bundle is not there, or is not the one that was submitted."""


def main(argv: list[str], environment: Mapping[str, str]) -> int:
    """Turn into the command; returns where that is not possible."""
    words = argv[1:] if argv[:1] == ["--"] else argv
    if not words:
        print("usage: python -m workers.runtime.source -- WORD ...", file=sys.stderr)
        return 2
    work, made = Path.cwd(), None
    client = RuntimeClient(
        environment[names.API_URL],
        Path(environment[names.TOKEN_FILE]),
        retry_seconds=identity_from(environment).patience_seconds,
    )
    try:
        source = unpacked(fetched(client, work), work / SOURCE)
        lock = work / LOCK_NAME
        if lock.exists():
            most = int(environment.get(names.ENVIRONMENTS_BYTES) or BYTES_DEFAULT)
            place, text = environments_place(environment), lock.read_text(encoding="utf-8")
            made = environment_ready(text, place, environment, most_bytes=most)
    except (SourceFailed, JobApiError, OSError) as error:
        return _failed(environment, SOURCE_FAILED, f"the source could not be put in its place: {error}")
    except (EnvironmentFailed, BadLock) as error:
        return _failed(environment, ENVIRONMENT_FAILED, str(error))
    if environment.get(names.RANK, "0") == "0":
        _tell(client, environment, made)
    client.close()
    return _become(words, source, made, environment)


def environments_place(environment: Mapping[str, str]) -> Path:
    """Where environments are kept: for all jobs of this machine, where its backend says so."""
    return Path(environment.get(names.ENVIRONMENTS_DIR) or Path(tempfile.gettempdir()) / "bedplate-environments")


def fetched(client: RuntimeClient, work: Path) -> Path:
    """The archive, on this machine. Raises SourceFailed where it is another one."""
    (file,) = client.resolve(SOURCE, "read")["files"]
    if file.get("path"):
        path = Path(file["path"])
    else:
        path = work / ".bedplate" / "source.zip"
        wanted = Wanted("source.zip", file["url"], file.get("size_bytes"), file.get("sha256"))
        client.download(wanted, path, lambda _: str(client.resolve(SOURCE, "read")["files"][0]["url"]))
    if file.get("sha256") and hash_file(path) != file["sha256"]:
        raise SourceFailed(f"{path.name} does not have the SHA-256 {file['sha256']}")
    return path


def unpacked(archive: Path, folder: Path) -> Path:
    """The files of an archive in a folder, whole or not at all; what an earlier start left there goes."""
    partial = folder.with_name(f"{folder.name}.partial")
    for old in (partial, folder):
        shutil.rmtree(old, ignore_errors=True)
    try:
        with zipfile.ZipFile(archive) as opened:
            for member in opened.infolist():
                _one(opened, member, partial)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise SourceFailed(f"the archive cannot be unpacked: {error}") from error
    return partial.rename(folder)


def _one(archive: zipfile.ZipFile, member: zipfile.ZipInfo, below: Path) -> None:
    path = below / member.filename
    mode = member.external_attr >> 16
    if member.is_dir() or stat.S_ISLNK(mode) or ".." in path.parts or Path(member.filename).is_absolute():
        raise SourceFailed(f"{member.filename!r} is no plain file in a folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as source, path.open("xb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
    path.chmod(0o755 if mode & stat.S_IXUSR else 0o644)


def _become(words: list[str], folder: Path, made: Path | None, environment: Mapping[str, str]) -> int:
    variables = {name: value for name, value in environment.items() if name != "PWD"}
    interpreter = Path(sys.executable) if made is None else python_of(made)
    variables["PATH"] = os.pathsep.join(filter(None, (str(interpreter.parent), variables.get("PATH", ""))))
    if made is not None:
        variables["VIRTUAL_ENV"] = str(made)
    program = str(interpreter) if words[0] == "python" else words[0]
    os.chdir(folder)
    try:
        os.execvpe(program, [program, *words[1:]], variables)  # noqa: S606 - the user's command, without a shell
    except OSError as error:
        return _failed(environment, "launch_error", f"cannot start {words[0]}: {error.strerror}", NOT_FOUND)


def _failed(environment: Mapping[str, str], code: str, detail: str, status: int = USER_ERROR) -> int:
    print(f"bedplate: {detail}", file=sys.stderr, flush=True)
    with contextlib.suppress(OSError, KeyError):  # the output has it
        result: dict[str, Any] = {"error": {"code": code, "detail": detail}}
        Path(environment[names.RESULT_FILE]).write_text(json.dumps(result), encoding="utf-8")
    return status


def _tell(client: RuntimeClient, environment: Mapping[str, str], made: Path | None) -> None:
    """Say what the command runs in, by a process of its own which nobody waits for: the command starts meanwhile."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    _orphan(client, environment, made)


def _orphan(client: RuntimeClient, environment: Mapping[str, str], made: Path | None) -> NoReturn:
    try:
        if os.fork() == 0:
            os.setsid()
            folders = [site_of(made)] if made is not None else []
            client.post("/attempts/self/environment", environment_report(environment, folders), retry_seconds=30.0)
    except BaseException as error:  # whatever it is, this process must not go on as a second command
        print(f"bedplate: what the job runs in could not be said: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], process_environment()))
