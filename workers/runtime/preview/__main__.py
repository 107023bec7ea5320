"""The process of a warm preview.

Input `dataset`; parameter `token_sha256`: who may ask. It listens at once and says 503 until the sample is read. Ends
with 0 after a signal, 84 when its port is taken, 1 when the data cannot be read.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import shutil
import socket
import sys
import threading

import uvloop

from workers.contracts import exit_codes
from workers.runtime.cleaning.clean import use_runner
from workers.runtime.cleaning.engine import granted_threads
from workers.runtime.cleaning.errors import UserError
from workers.runtime.context import JobContext, job_context
from workers.runtime.preview.sampled import load_sample
from workers.runtime.preview.server import PreviewServer
from workers.runtime.preview.session import PreviewSession
from workers.runtime.web.logs import set_up_logging
from workers.runtime.web.server import listen, serve

WARM_UP = [{"kind": "drop_duplicates", "columns": None}]
"""What is applied once before anybody asks: Daft builds what it needs at its first plan."""
_log = logging.getLogger("bedplate.preview")


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
    server = PreviewServer(str(context.parameters.get("token_sha256", "")))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    status = [exit_codes.COMPLETED]

    def load() -> None:
        try:
            server.session = _session(context)
        except UserError as error:
            context.report(error.to_json())
            _log.error("the sample cannot be read", extra={"reason": str(error)})
            status[0] = exit_codes.USER_ERROR
            loop.call_soon_threadsafe(stop.set)
        except Exception:
            _log.exception("the sample cannot be read")
            status[0] = exit_codes.USER_ERROR
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=load, name="load", daemon=True).start()
    await serve(server.service, listener, stop, drain_seconds=0.0)
    return status[0]


def _session(context: JobContext) -> PreviewSession:
    use_runner("native", granted_threads(context))  # a sample needs no cluster
    folder = context.work_dir / "preview"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    session = PreviewSession(load_sample(context), folder)
    session.apply(WARM_UP)
    _log.info("ready", extra={"port": context.identity.serve_port})
    return session


if __name__ == "__main__":
    sys.exit(main())
