"""Wire: what comes is seen while something goes out, and neither side runs ahead of the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from vpsbg_async.testing import RawConnection, RawServer
from vpsbg_async.transport.wire import Wire

MIB = 1024 * 1024


@asynccontextmanager
async def wired(handler: Callable[[RawConnection], Awaitable[None]]) -> AsyncIterator[Wire]:
    async with RawServer(handler) as server:
        wire = await Wire.to("127.0.0.1", int(server.url.rpartition(":")[2]))
        try:
            yield wire
        finally:
            wire.abort()
            await asyncio.sleep(0)


async def echo(connection: RawConnection) -> None:
    while data := await connection.reader.read(65536):
        await connection.write(data)


async def hold(connection: RawConnection) -> None:
    connection.pause()
    await asyncio.Event().wait()


async def test_to_and_fro() -> None:
    async with wired(echo) as wire:
        assert not wire.is_stale
        for number in range(3):
            assert await wire.write(b"%d" % number)
            assert await wire.read(65536) == b"%d" % number
        assert await wire.write(b"abcdef")
        assert await wire.read(2) + await wire.read(2) + await wire.read(9) == b"abcdef"
        assert not wire.is_stale
        assert wire.info("peername")[0] == "127.0.0.1"


async def test_by_name() -> None:
    async with RawServer(echo) as server:
        wire = await Wire.to("localhost", int(server.url.rpartition(":")[2]))
        assert await wire.write(b"one")
        assert await wire.read(3) == b"one"
        wire.abort()
        await asyncio.sleep(0)


async def test_to_nobody() -> None:
    with pytest.raises(OSError, match="Connect call failed"):
        await Wire.to("127.0.0.1", 9)


async def test_no_more_is_taken_than_is_read() -> None:
    data = bytes(range(256)) * (MIB // 64)  # 4 MiB
    written = 0

    async def flood(connection: RawConnection) -> None:
        nonlocal written
        for start in range(0, len(data), 65536):
            await connection.write(data[start : start + 65536])
            written = start

    async with wired(flood) as wire:
        await asyncio.sleep(0.1)
        held = len(wire._received)
        assert 0 < held < MIB
        got = b""
        while chunk := await wire.read(100_000):
            got += chunk
        assert got == data
        assert wire.error is None


async def test_no_more_is_given_than_is_taken() -> None:
    async with wired(hold) as wire:
        writing = asyncio.ensure_future(wire.write(b"x" * (32 * MIB)))
        await asyncio.sleep(0.05)
        assert not writing.done()
        writing.cancel()
        await asyncio.wait((writing,))

    async def take_late(connection: RawConnection) -> None:
        await asyncio.sleep(0.05)
        await connection.until_gone()

    async with wired(take_late) as wire:
        assert await wire.write(b"x" * (32 * MIB))


@pytest.mark.parametrize(
    ("said", "is_answered"),
    [
        (b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 413 Too Large\r\n\r\nbody", True),
        (b"SSH-2.0\r\n\r\n", True),
        (b"HTTP/1.1 413 Too Large\r\nContent-Le", False),
        (b"HTTP/1.1 100 Continue\r\n\r\n", False),
        (b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 1", False),
    ],
)
async def test_what_is_an_answer(said: bytes, is_answered: bool) -> None:
    async def say(connection: RawConnection) -> None:
        connection.pause()
        await connection.write(said)
        await asyncio.Event().wait()

    async with wired(say) as wire:
        while not wire.has_news:
            await wire.change()
        assert wire.is_answered is is_answered
        assert wire.is_stale
        writing = asyncio.ensure_future(wire.write(b"x" * (32 * MIB)))
        await asyncio.sleep(0.05)
        assert writing.done() is is_answered
        if is_answered:
            assert await writing is False
        writing.cancel()
        await asyncio.wait((writing,))
        assert await wire.read(65536) == said


async def test_what_has_come_can_be_read_after_the_end() -> None:
    async def say(connection: RawConnection) -> None:
        await connection.write(b"goodbye")

    async with wired(say) as wire:
        await asyncio.sleep(0.05)
        assert wire.is_over
        assert wire.is_stale
        assert await wire.write(b"hello?") is False
        assert await wire.read(4) == b"good"
        assert await wire.read(4) == b"bye"
        assert await wire.read(4) == b""
        assert wire.error is None


async def test_broken_off() -> None:
    async with wired(echo) as wire:
        reading = asyncio.ensure_future(wire.read(1))
        await asyncio.sleep(0)
        wire.break_off("enough")
        assert await reading == b""
        assert str(wire.error) == "enough"
        wire.break_off("once more")
        assert str(wire.error) == "enough"


async def test_reset_by_the_other_side() -> None:
    async def reset(connection: RawConnection) -> None:
        await connection.reader.readexactly(1)
        connection.writer.transport.abort()

    async with wired(reset) as wire:
        await wire.write(b"x" * MIB)
        assert await wire.read(1) == b""
        assert wire.is_over
