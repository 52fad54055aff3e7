"""For a moment nobody can connect."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack
from pathlib import Path

import aiohttp
import pytest

from vpsbg_async.sandbox import Fault, Faults, Sandbox

from .conftest import FOREVER, Api, files_in, until
from .forms import LARGE
from .wire import Wire, address, connected, head

pytestmark = pytest.mark.usefixtures("quiet")


async def until_it_answers(api: Api) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                answer = await api.get("/support/tickets")
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.001)
            else:
                assert answer.status == 200
                return


async def test_nobody_can_connect(sandbox: Sandbox, wire: Wire) -> None:
    sandbox.faults.refusal = FOREVER
    sandbox.faults.add(Fault.REFUSE)
    wire.create()
    assert await wire.rest() == b""
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            async with connected(sandbox):
                pass
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await Api(sandbox, session).get("/support/tickets")
    assert sandbox.tickets == ()


async def test_it_listens_again_on_the_same_port(api: Api, sandbox: Sandbox) -> None:
    url = sandbox.url
    sandbox.faults.refusal = 0.01
    for _ in range(3):
        sandbox.faults.add(Fault.REFUSE)
        with pytest.raises(aiohttp.ClientConnectionError):
            await api.create()
        await until_it_answers(api)
        assert sandbox.url == url
    assert sandbox.tickets == ()


async def test_idle_connections_are_dropped_and_busy_ones_are_not(
    sandbox: Sandbox, directory: Path, wire: Wire
) -> None:
    sandbox.faults.refusal = FOREVER
    async with connected(sandbox) as idle, connected(sandbox) as busy:
        idle.get()
        assert (await idle.answer()).status == 200
        busy.writer.write(head(sandbox, f"Content-Length: {len(LARGE)}") + LARGE[:-9])
        await until(lambda: files_in(directory))
        sandbox.faults.add(Fault.REFUSE)
        wire.get()
        assert await wire.rest() == b""
        assert await idle.rest() == b""
        busy.writer.write(LARGE[-9:])
        assert (await busy.answer()).status == 200
    assert len(sandbox.tickets) == 1


async def test_several_at_once(api: Api, sandbox: Sandbox) -> None:
    sandbox.faults.refusal = 0.01
    async with connected(sandbox) as one, connected(sandbox) as other:
        sandbox.faults.add(Fault.REFUSE, Fault.REFUSE)
        one.create()
        other.create()
        assert await one.rest() == await other.rest() == b""
    await until_it_answers(api)
    assert sandbox.tickets == ()


async def test_leaving_meanwhile() -> None:
    faults = Faults.scripted(Fault.REFUSE, Fault.REFUSE, refusal=FOREVER)
    async with (
        Sandbox(faults=faults) as sandbox,
        connected(sandbox) as one,
        connected(sandbox) as other,
    ):
        one.get()
        other.get()
        assert await one.rest() == await other.rest() == b""
        async with asyncio.timeout(5):
            await sandbox.__aexit__(None, None, None)
    async with sandbox, connected(sandbox) as wire:  # where it was before
        wire.get()
        assert (await wire.answer()).status == 200


@pytest.mark.parametrize("turns", range(6))
async def test_whoever_is_just_being_accepted(api: Api, wire: Wire, turns: int) -> None:
    """Clients come in every turn of the loop, so that one comes as the socket is closed."""
    api.sandbox.faults.refusal = 0.0
    api.sandbox.faults.add(Fault.REFUSE)
    wire.get()
    for _ in range(turns):
        await asyncio.sleep(0)
    end = asyncio.create_task(wire.rest())
    with ExitStack() as clients:
        while not end.done():
            client = clients.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(address(api.sandbox))
            await asyncio.sleep(0)
    await until_it_answers(api)


@pytest.mark.parametrize("turns", range(8))
async def test_a_request_on_its_way_over_an_idle_connection(
    api: Api, wire: Wire, turns: int
) -> None:
    """It comes before, and is answered, or after, and is not processed."""
    async with connected(api.sandbox) as idle:
        for one in (idle, wire):
            one.get()
            await one.answer()
        api.sandbox.faults.refusal = 0.0
        api.sandbox.faults.methods = frozenset({"GET"})
        api.sandbox.faults.add(Fault.REFUSE)
        wire.get()
        for _ in range(turns):
            await asyncio.sleep(0)
        idle.create()
        assert await wire.rest() == b""
        await until_it_answers(api)
        idle.writer.write_eof()
        assert bool(await idle.rest()) == bool(api.sandbox.tickets)
