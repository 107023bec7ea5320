"""The process of the gateway. Ends with 0 after a signal, 84 when its port is taken, 1 for a setting it cannot use."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import sys

import uvloop

from workers.contracts import exit_codes
from workers.runtime.context import process_environment
from workers.runtime.gateway.config import BadSetting, Config, config_from
from workers.runtime.gateway.control_plane import ControlPlane
from workers.runtime.gateway.gateway import Gateway
from workers.runtime.web.logs import set_up_logging
from workers.runtime.web.publishing import Link, Publisher
from workers.runtime.web.server import listen, serve

_log = logging.getLogger("bedplate.gateway")


def main() -> int:
    try:
        config = config_from(process_environment())
    except BadSetting as error:
        print(f"the gateway cannot start: {error}", file=sys.stderr)
        return exit_codes.USER_ERROR
    set_up_logging(level=config.log_level, form=config.log_format, fields={"process": "gateway"})
    try:
        listener = listen(config.host, config.port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        _log.error("the port is taken", extra={"host": config.host, "port": config.port})
        return exit_codes.PORT_IN_USE
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(config, listener))
    return exit_codes.COMPLETED


async def _run(config: Config, listener: socket.socket) -> None:
    control_plane = ControlPlane(config.api_url, config.token)
    gateway = Gateway(control_plane)
    link = Link(f"{config.api_url}/api/v1/runtime/gateway/figures", lambda: config.token)
    publisher = Publisher(gateway.window, link.send)
    _log.info("listening", extra={"host": config.host, "port": listener.getsockname()[1]})
    background = [asyncio.create_task(gateway.table.keep_fresh()), asyncio.create_task(publisher.run())]
    try:
        # Nobody looks at the gateway's readiness before sending to it on one machine, so there is nothing to wait for.
        await serve(gateway.service, listener, asyncio.Event(), drain_seconds=0.0)
    finally:
        for task in background:
            task.cancel()
        await publisher.last()
        gateway.upstream.close()
        await link.close()
        await control_plane.close()


if __name__ == "__main__":
    sys.exit(main())
