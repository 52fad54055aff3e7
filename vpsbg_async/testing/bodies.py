"""Bodies that fail, hang and remember, for the conformance suite."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self

__all__ = ["BoomError", "StubbornBody", "WatchedBody", "failing", "hanging"]


class BoomError(Exception):
    """What a broken source raises."""


class WatchedBody:
    """A body whose chunks a generator function makes, and that knows whether it was closed."""

    content_type = "text/plain"
    replayable = True

    def __init__(
        self, chunks: Callable[[], AsyncIterator[bytes]], content_length: int | None
    ) -> None:
        self.content_length = content_length
        self.opened = 0
        self.closed = 0
        self._make_chunks = chunks

    @classmethod
    def of(cls, *chunks: bytes, length: int | None = -1) -> WatchedBody:
        """A body of these chunks; its length is told rightly unless another one is given."""

        async def make() -> AsyncIterator[bytes]:
            for chunk in chunks:
                yield chunk

        return cls(make, sum(map(len, chunks)) if length == -1 else length)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncIterator[bytes]]:
        """See `Body.open`."""
        self.opened += 1
        chunks = self._make_chunks()
        try:
            yield chunks
        finally:
            self.closed += 1
            await chunks.aclose()  # type: ignore[attr-defined]


async def failing(error: Exception) -> AsyncIterator[bytes]:
    """Give one chunk and raise."""
    yield b"one"
    raise error


async def hanging(hangs: asyncio.Event, chunks: int = 1) -> AsyncIterator[bytes]:
    """Give some chunks and no end; the event is set when it hangs."""
    for _ in range(chunks):
        yield b"one"
    hangs.set()
    await asyncio.Event().wait()


class StubbornBody:
    """A body whose second step goes on for a while after it was cancelled, as a thread would."""

    content_type = "text/plain"
    content_length = 6
    replayable = True

    def __init__(self) -> None:
        self.inside = asyncio.Event()
        self.closed = False
        self.closed_while_inside = False
        self._steps = 0
        self._busy = False

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncIterator[bytes]]:
        """See `Body.open`."""
        try:
            yield self
        finally:
            self.closed = True
            self.closed_while_inside = self._busy

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        self._steps += 1
        if self._steps == 1:
            return b"one"
        self._busy = True
        self.inside.set()
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(20):  # turns of the event loop, in which a hasty transport would close
                await asyncio.sleep(0)
            self._busy = False
        return b"two"
