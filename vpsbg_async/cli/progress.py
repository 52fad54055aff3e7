"""How far an upload has come."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, contextmanager

import attrs
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from ..transport import Body, Request, Response, Transport

__all__ = ["CountingTransport", "Watch", "shown_progress"]

Watch = Callable[[int, int | None], None]
"""Is called with the bytes that have gone out, and with all there are if that is known."""


class CountingTransport:
    """Wraps a transport, and counts what it takes of the bodies that it is given.

    Args:
        transport: Does the work.

    Attributes:
        complete: Whether the body of the last request has gone out to its end. From then on the
            server may act on it.
        watch: Is told of every step, if anybody wants to know.
    """

    def __init__(self, transport: Transport) -> None:
        self.complete = False
        self.watch: Watch | None = None
        self._transport = transport

    def send(self, request: Request, /) -> AbstractAsyncContextManager[Response]:
        """See `Transport.send`."""
        if request.body is not None:
            request = attrs.evolve(request, body=_CountedBody(request.body, self._count))
        return self._transport.send(request)

    async def aclose(self) -> None:
        """See `Transport.aclose`."""
        await self._transport.aclose()

    def _count(self, sent: int, total: int | None, *, ended: bool) -> None:
        self.complete = ended or sent == total  # of a known length the end is not asked for
        if self.watch is not None:
            self.watch(sent, total)


class _CountedBody:
    """A body that calls ``count`` with each chunk (see `Body`)."""

    def __init__(self, body: Body, count: Callable[..., None]) -> None:
        self.content_type = body.content_type
        self.content_length = body.content_length
        self.replayable = body.replayable
        self._body = body
        self._count = count

    def open(self) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """See `Body.open`."""
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[AsyncIterator[bytes]]:
        async with self._body.open() as chunks, aclosing(self._counted(chunks)) as counted:
            yield counted

    async def _counted(self, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        sent = 0
        self._count(sent, self.content_length, ended=False)
        async for chunk in chunks:
            sent += len(chunk)
            self._count(sent, self.content_length, ended=False)
            yield chunk
        self._count(sent, self.content_length, ended=True)


@contextmanager
def shown_progress(upload: CountingTransport) -> Iterator[None]:
    """A bar on stderr, from the first byte to the end of the block, if a terminal shows it."""
    if not sys.stderr.isatty():
        yield
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task("", total=None)

    def watch(sent: int, total: int | None) -> None:
        text = "Waiting for the answer" if sent == total else "Uploading"
        bar.update(task, completed=sent, total=total, description=text)
        bar.start()  # does nothing from the second time on

    upload.watch = watch
    try:
        yield
    finally:
        bar.stop()
