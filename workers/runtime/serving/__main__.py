"""The process of a replica.

Inputs `model` and `preprocessor`; parameters `model_version`, `threshold`, `drain_seconds`. It listens at once and
says 503 until the model is loaded. Ends with 0 after a signal, 84 when its port is taken, 1 when the model cannot
be loaded.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import logging
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import uvloop

from workers.contracts import environment as names
from workers.contracts import exit_codes
from workers.runtime.context import JobContext, job_context, process_environment
from workers.runtime.preprocessor import Preprocessor
from workers.runtime.serving.predictor import Predictor
from workers.runtime.serving.replica import Replica
from workers.runtime.web.logs import set_up_logging
from workers.runtime.web.publishing import Away, Link, Publisher, Refused
from workers.runtime.web.server import listen, serve

DRAIN_SECONDS = 1.0
"""The gateway reads its table every second."""
TROUBLE_MOST = 1000
_log = logging.getLogger("bedplate.serving")


def main() -> int:
    context = job_context()
    identity = context.identity
    set_up_logging(fields={"workload_id": identity.workload_id, "rank": identity.rank})
    try:
        listener = listen(identity.serve_host, identity.serve_port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        _log.error("the port is taken", extra={"host": identity.serve_host, "port": identity.serve_port})
        return exit_codes.PORT_IN_USE
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(context, listener))


async def _run(context: JobContext, listener: socket.socket) -> int:
    replica = Replica(str(context.parameters.get("model_version", "")))
    stop = asyncio.Event()
    drain_seconds = float(context.parameters.get("drain_seconds", DRAIN_SECONDS))
    loading = asyncio.create_task(_load(context, replica, stop))
    async with _published(context, replica):
        await serve(replica.service, listener, stop, drain_seconds=drain_seconds)
    return await loading if loading.done() else exit_codes.COMPLETED


@contextlib.asynccontextmanager
async def _published(context: JobContext, replica: Replica) -> AsyncIterator[None]:
    """Publish the figures of the replica while the block runs, and its last second afterwards."""
    link = _link("figures")
    if link is None:
        yield
        return
    publisher = Publisher(replica.window, link.send, rank=context.identity.rank)
    publishing = asyncio.create_task(publisher.run())
    try:
        yield
    finally:
        publishing.cancel()
        await publisher.last()
        await link.close()


def _link(what: str) -> Link | None:
    """To `attempts/self/<what>` of the control plane; None for a replica that was started by hand: nobody asks."""
    environment = process_environment()
    if names.ATTEMPT_ID not in environment:
        return None
    token_file = Path(environment[names.TOKEN_FILE])
    url = f"{environment[names.API_URL]}/api/v1/runtime/attempts/self/{what}"
    return Link(url, lambda: token_file.read_text(encoding="utf-8").strip())


async def _tell(context: JobContext, trouble: str) -> None:
    """Leave why this replica ends, where the user looks: at its revision, and in its result."""
    context.report({"error": {"code": "model_not_loaded", "detail": trouble}})
    link = _link("trouble")
    if link is None:
        return
    try:
        await link.send(msgspec.json.encode({"rank": context.identity.rank, "detail": trouble[:TROUBLE_MOST]}))
    except (Away, Refused) as error:  # the log has it, and the next start says it again
        _log.warning("the control plane was not told", extra={"reason": str(error)})
    finally:
        await link.close()


async def _load(context: JobContext, replica: Replica, stop: asyncio.Event) -> int:
    """Load the model beside the loop, so that health is answered meanwhile; on failure stop the server."""
    try:
        replica.predictor = await _in_thread(lambda: load_predictor(context))
    except Exception as error:
        _log.exception("the model cannot be loaded")
        await _tell(context, f"The model cannot be loaded: {type(error).__name__}: {error}")
        stop.set()
        return exit_codes.USER_ERROR
    _log.info("ready", extra={"port": context.identity.serve_port})
    return exit_codes.COMPLETED


async def _in_thread(load: Callable[[], Predictor]) -> Predictor:
    """Run `load` in a daemon thread: a replica that is told to leave does not wait for a control plane that is away."""
    loop = asyncio.get_running_loop()
    loaded: asyncio.Future[Predictor] = loop.create_future()

    def work() -> None:
        try:
            outcome = functools.partial(_settle, loaded, load(), None)
        except BaseException as error:  # also the SystemExit of an attempt that no longer counts: raised by the waiter
            outcome = functools.partial(_settle, loaded, None, error)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(outcome)

    threading.Thread(target=work, name="load", daemon=True).start()
    return await loaded


def _settle(future: asyncio.Future[Predictor], value: Predictor | None, error: BaseException | None) -> None:
    if future.done():
        return
    if value is not None:
        future.set_result(value)
    elif error is not None:
        future.set_exception(error)


def load_predictor(context: JobContext) -> Predictor:
    """Resolve the inputs of the replica and load them. Blocks on the control plane and the disk.

    Raises:
        ValueError: the model, its preprocessor or the threshold do not fit together.
    """
    model = _only(context, "model", ".onnx")
    preprocessor = Preprocessor.load(_only(context, "preprocessor", ".json"))
    threshold = float(context.parameters.get("threshold", 0.5))
    if not 0 <= threshold <= 1:
        raise ValueError(f"the threshold is between 0 and 1, not {threshold}")
    return Predictor(model, preprocessor, threshold=threshold)


def _only(context: JobContext, name: str, suffix: str) -> Path:
    found = [file for file in context.input(name).files if file.suffix == suffix]
    if len(found) != 1:
        raise ValueError(f"the input {name!r} has {len(found)} files *{suffix}; a replica takes one")
    return found[0]


if __name__ == "__main__":
    sys.exit(main())
