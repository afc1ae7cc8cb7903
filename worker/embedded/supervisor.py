"""The background process: owns PostgreSQL and PostgREST as children and serves the gateway.

Started by ``stack.up``, which waits for the one line this writes to the descriptor it was given:
``{}`` once everything answers, or ``{"error": ...}``. Stops in order on SIGTERM; when it is
killed outright the kernel stops its children (Linux), and the next start cleans up.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path

import uvicorn
import uvloop
from starlette.types import ASGIApp

from worker.embedded import lock, ports, postgres, prepare
from worker.embedded.account import Account
from worker.embedded.auth.passwords import Passwords
from worker.embedded.auth.routes import routes as auth_routes
from worker.embedded.auth.service import AuthService
from worker.embedded.auth.tokens import Tokens
from worker.embedded.cron import Scheduler
from worker.embedded.errors import EmbeddedError
from worker.embedded.gateway import app
from worker.embedded.gateway.rest import RestProxy
from worker.embedded.layout import Layout
from worker.embedded.postgres import Cluster
from worker.embedded.postgrest import RestServer
from worker.embedded.process import Kept
from worker.embedded.programs import find_postgrest
from worker.embedded.project import Project
from worker.embedded.realtime.app import Realtime

log = logging.getLogger(__name__)

_READY_TIMEOUT_S = 60
_LARGEST_FRAME_BYTES = 5_000_000  # Realtime closes the socket of a client that sends more


class GatewayServer(uvicorn.Server):
    """uvicorn without its signal handlers: stopping is the supervisor's to order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the process's signal handlers alone."""
        yield


async def serve(
    layout: Layout,
    project: Project,
    cluster: Cluster,
    *,
    postgrest: Path,
    gateway_socket: socket.socket,
    on_ready: Callable[[], None],
) -> None:
    """Run everything until SIGTERM or SIGINT; call *on_ready* once all of it answers."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as cleanup:
        if cluster.sockets != layout.sockets:
            cleanup.callback(shutil.rmtree, cluster.sockets, ignore_errors=True)
        database = Kept("PostgreSQL", cluster.start, postgres.STOP_SIGNAL)
        cleanup.push_async_callback(database.stop)
        prepare.set_passwords(cluster, project)
        rest_server = RestServer(
            program=postgrest,
            database=cluster.dsn(user="authenticator"),
            socket=cluster.sockets / "postgrest.sock",
            jwt_secret=project.jwt_secret,
            public_url=project.url,
            log_file=layout.logs / "postgrest.log",
        )
        rest = Kept("PostgREST", rest_server.start)
        cleanup.push_async_callback(rest.stop)
        proxy = RestProxy(rest_server.socket)
        await proxy.start()
        cleanup.push_async_callback(proxy.stop)
        realtime = Realtime(
            dsn=cluster.dsn(), jwt_secret=project.jwt_secret, keys=project.opaque_keys
        )
        await realtime.start()
        cleanup.push_async_callback(realtime.stop)
        auth = AuthService(
            cluster.dsn(user="supabase_auth_admin"),
            Tokens(f"{project.url}/auth/v1", project.jwt_secret),
            Passwords(cluster.dsn()),
        )
        gateway = app.build(project, proxy, auth_routes(auth), realtime.routes())
        await cleanup.enter_async_context(_running_gateway(gateway, gateway_socket))
        for work in (Scheduler(cluster.dsn()).run(), database.watch(), rest.watch()):
            await cleanup.enter_async_context(_running(work))
        await _wait_until_ready(proxy)
        layout.ready.touch()
        cleanup.callback(layout.ready.unlink, missing_ok=True)
        on_ready()
        await stop.wait()


@contextlib.asynccontextmanager
async def _running_gateway(gateway: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    """Serve *gateway* while the context is open; then let requests under way finish."""
    config = uvicorn.Config(
        gateway,
        lifespan="off",
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
        ws_max_size=_LARGEST_FRAME_BYTES,
        ws_per_message_deflate=False,  # costs time and saves nothing on this machine
        timeout_keep_alive=75,
        timeout_graceful_shutdown=3,
    )
    server = GatewayServer(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await task


@contextlib.asynccontextmanager
async def _running(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run *work* beside the context; cancel it afterwards."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _wait_until_ready(proxy: RestProxy) -> None:
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while not await proxy.is_ready():
        if time.monotonic() > deadline:
            raise EmbeddedError("PostgREST does not answer; see log/postgrest.log.")
        await asyncio.sleep(0.02)


def run(data_dir: Path, port: int | None, *, is_throwaway: bool, report: int) -> None:
    """Be the supervisor of *data_dir*; return when told to stop.

    Args:
        data_dir: the project's folder.
        port: as in ``prepare.choose_project``.
        is_throwaway: whether the data may be lost when the machine crashes.
        report: descriptor for the one line about how the start went.
    """
    layout = Layout.prepare(data_dir, Account.for_server())
    with os.fdopen(report, "w") as reply, contextlib.ExitStack() as held:
        try:
            held.enter_context(lock.held(layout.lock))
            layout.ready.unlink(missing_ok=True)
            project = prepare.choose_project(layout, port)
            postgrest = find_postgrest()
            gateway_socket = held.enter_context(ports.listen(project.port))
            cluster = prepare.prepare_cluster(layout, project, is_throwaway=is_throwaway)
            # Not before: ports that cannot be used should not be remembered.
            project.save(layout.project)

            def on_ready() -> None:
                json.dump({}, reply)
                reply.close()

            uvloop.run(
                serve(
                    layout,
                    project,
                    cluster,
                    postgrest=postgrest,
                    gateway_socket=gateway_socket,
                    on_ready=on_ready,
                ),
            )
        except lock.HeldByOtherError:
            json.dump({"is_running": True}, reply)
        except EmbeddedError as error:
            log.exception("could not start")
            json.dump({"error": str(error)}, reply)


def main() -> None:
    """Leave the caller's process group behind, then run; the arguments are ``stack.up``'s."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--port", type=int)
    parser.add_argument("--throwaway", action="store_true")
    parser.add_argument("--report", type=int, required=True)
    arguments = parser.parse_args()
    if os.fork():
        os._exit(0)  # so that the caller has nobody to wait for
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s"
    )
    run(
        arguments.data_dir,
        arguments.port,
        is_throwaway=arguments.throwaway,
        report=arguments.report,
    )


if __name__ == "__main__":
    main()
