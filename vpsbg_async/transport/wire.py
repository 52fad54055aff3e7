"""A connection of which it is known what has left, and what has come meanwhile."""

from __future__ import annotations

import asyncio
import select
import ssl
from ipaddress import ip_address
from typing import Any, Self, cast

__all__ = ["Wire"]

_READ_AHEAD = 256 * 1024  # bytes
_NEXT_ADDRESS = 0.25  # seconds, after which the next address of a host is tried as well


class Wire(asyncio.Protocol):
    """One connection, for one task at a time.

    For transports whose library would first write all of a request and then look for an answer:
    a server that has refused a large upload need not take it, and one that is gone says nothing
    until there is something to write.

    Attributes:
        error: What has ended it, None if it was closed in order.
        is_over: Whether nothing more will come, nor can be sent.
    """

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.is_over = False
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._is_full = False
        self._changed = asyncio.Event()

    @classmethod
    async def to(cls, host: str, port: int) -> Self:
        """Make a connection.

        Raises:
            OSError: There is none.
        """
        loop = asyncio.get_running_loop()
        # Of several addresses asyncio can forget a socket if it is cancelled at the wrong moment.
        delay = None if _is_address(host) else _NEXT_ADDRESS
        _, wire = await loop.create_connection(cls, host, port, happy_eyeballs_delay=delay)
        return wire

    async def start_tls(self, context: ssl.SSLContext, server_hostname: str | None) -> None:
        """Go on with TLS. The connection is dropped if that fails.

        Raises:
            OSError: One side does not accept the other, or the server does not speak TLS.
        """
        loop = asyncio.get_running_loop()
        try:
            self._transport = await loop.start_tls(
                self._sure, self, context, server_hostname=server_hostname
            )
        except BaseException:
            self.abort()
            raise

    @property
    def has_news(self) -> bool:
        """Whether something was received that nobody has read."""
        return bool(self._received)

    @property
    def is_stale(self) -> bool:
        """Whether an idle connection is of no use any more, or has something to say."""
        return self.is_over or self.has_news or _is_readable(self.info("socket").fileno())

    @property
    def is_answered(self) -> bool:
        """Whether there is no sense in sending more: the head of an answer is there, or an end."""
        heads = self._received.split(b"\r\n\r\n")[:-1] if self._received else ()
        return self.is_over or any(
            not head.startswith((b"HTTP/1.1 1", b"HTTP/1.0 1"))  # such as 103 Early Hints
            for head in heads
        )

    def info(self, name: str) -> Any:
        """What asyncio knows of it (see `asyncio.BaseTransport.get_extra_info`)."""
        return self._sure.get_extra_info(name)

    async def read(self, limit: int) -> bytes:
        """What has come, as soon as something has; nothing at its end."""
        while not self._received and not self.is_over:
            await self.change()
        data = bytes(self._received[:limit])
        del self._received[:limit]
        if not self._received and not self.is_over:
            self._sure.resume_reading()
        return data

    async def write(self, data: bytes) -> bool:
        """Give it something to send, and wait until it can be given more.

        Returns:
            False if that was not waited for: there is an answer already, or an end.
        """
        if self.is_over:
            return False
        self._sure.write(data)
        while self._is_full and not self.is_answered:
            await self.change()
        return not self._is_full

    def wake(self) -> None:
        """Have `change` return."""
        self._changed.set()

    async def change(self) -> None:
        """Wait until something about it is different, or `wake` is called."""
        self._changed.clear()
        await self._changed.wait()

    def abort(self) -> None:
        """Close it, and drop what is in its buffer: a server may have stopped reading for good.

        What was received can still be read.
        """
        self.is_over = True
        self.wake()
        self._sure.abort()

    def break_off(self, reason: str) -> None:
        """Close it in the midst of things."""
        self.error = self.error or ConnectionError(reason)
        self.abort()

    @property
    def _sure(self) -> asyncio.Transport:
        assert self._transport is not None, "there is a connection, or no Wire"  # noqa: S101
        return self._transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self._received += data
        self.wake()
        if len(self._received) > _READ_AHEAD:
            self._sure.pause_reading()

    def eof_received(self) -> None:
        """Called by asyncio, which then closes it: a server that hangs up has no more to say."""
        self.is_over = True
        self.wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        self.error = self.error or exc
        self.is_over = True
        self.wake()

    def pause_writing(self) -> None:
        """Called by asyncio."""
        self._is_full = True

    def resume_writing(self) -> None:
        """Called by asyncio."""
        self._is_full = False
        self.wake()


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_readable(descriptor: int) -> bool:
    """Whether there is something to read that asyncio has not come to."""
    if descriptor < 0 or not hasattr(select, "poll"):  # Windows' select takes any descriptor
        return descriptor < 0 or bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
