"""The transport itself: TLS and its timing. What travels over it is in ``test_exchange``."""

import asyncio
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest
from aiohttp import web
from fakes import work_item

from worker import transport as module
from worker.egress import EgressPolicy
from worker.errors import TargetError
from worker.exchange import perform
from worker.models import Item
from worker.transport import Clock, TargetTransport


@pytest.fixture
async def https(tmp_path: Path):  # noqa: ANN201
    """Serve with a certificate that nobody signed."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = (
        f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {cert} -days 1"
        " -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    )
    await asyncio.to_thread(subprocess.run, command.split(), check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)

    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hi")

    app = web.Application()
    app.router.add_get("/", hello)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield f"https://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


async def test_a_certificate_nobody_signed_is_refused_unless_told_otherwise(https: str) -> None:
    """The handshake is timed apart from the connection."""
    transport = TargetTransport(EgressPolicy(["127.0.0.0/8"]))
    strict = Item.model_validate(work_item(1, https)).request
    loose = Item.model_validate(work_item(1, https, verify_tls=False)).request

    with pytest.raises(TargetError, match="self-signed certificate") as failure:
        await perform(strict, transport)
    answer = await perform(loose, transport)
    await transport.aclose()

    assert failure.value.category == "tls"
    assert answer.body == b"hi"
    assert 0 < answer.timing.connect < answer.timing.total
    assert 0 < answer.timing.tls < answer.timing.total


def test_a_clock_books_time_on_the_phase_that_ended() -> None:
    """Each moment counts once."""
    clock = Clock()
    clock.begin()
    clock.end("dns")
    clock.end("connect")

    assert [*clock.spent] == ["dns", "connect"]
    assert sum(clock.spent.values()) <= clock.elapsed()


async def test_clients_for_supabase_know_their_project() -> None:
    """One for the event loop, one for the lease keeper's thread."""
    client, blocking = module.platform_clients("http://127.0.0.1:1", httpx.Auth())

    async with client:
        assert client.base_url == httpx.URL("http://127.0.0.1:1")
    with blocking:
        # a lease of 30 s has to outlast a renewal that gets no answer
        assert blocking.timeout == httpx.Timeout(8)
