"""Files that users send to a bot, and how a chat's server gives them out."""

from __future__ import annotations

import asyncio
import hashlib
import os
import zlib
from enum import StrEnum

import attrs
from aiohttp import web

__all__ = ["File", "Way"]

_PIECE = 64 * 1024  # bytes


class Way(StrEnum):
    """How a file is given out."""

    PLAIN = "plain"
    """With its length."""
    CHUNKED = "chunked"
    """In chunks, its length not told."""
    GZIP = "gzip"
    """Compressed on the way, with the length of what is sent."""
    UNTOLD = "untold"
    """Neither with a length nor in chunks: it ends with the connection."""
    GONE = "gone"
    """404 Not Found."""
    CUT = "cut"
    """The connection is dropped in the middle."""
    HELD = "held"
    """The second half is held back until somebody lets go of it."""


@attrs.frozen(eq=False)
class File:
    """A file of a message.

    Attributes:
        name: As its sender calls it, None for a photo.
        content: Its bytes.
        way: How it is given out.
        is_refused: Whether not even a link to it is given out.
        released: Whether its second half is let go of.
    """

    name: str | None = "log.txt"
    content: bytes = attrs.field(factory=lambda: os.urandom(100_000), repr=False)
    way: Way = Way.PLAIN
    is_refused: bool = False
    released: asyncio.Event = attrs.field(factory=asyncio.Event, repr=False)

    @property
    def sha256(self) -> str:
        """Its checksum."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def size(self) -> int | None:
        """What a chat tells of its size."""
        return None if self.way in (Way.CHUNKED, Way.UNTOLD, Way.GONE) else len(self.content)

    async def give(self, request: web.Request) -> web.StreamResponse:
        """Answer a request for it."""
        if self.way is Way.GONE:
            raise web.HTTPNotFound
        answer = _Untold() if self.way is Way.UNTOLD else web.StreamResponse()
        answer.content_type = "application/octet-stream"
        content = self.content
        if self.way is Way.GZIP:
            packing = zlib.compressobj(wbits=31)
            content = packing.compress(content) + packing.flush()
            answer.headers["Content-Encoding"] = "gzip"
        if self.way is Way.UNTOLD:
            answer.force_close()
        elif self.way is Way.CHUNKED:
            answer.enable_chunked_encoding()
        else:
            answer.content_length = len(content)
        await answer.prepare(request)
        for start in range(0, len(content), _PIECE):
            if start >= len(content) // 2:
                await self._stop_halfway(request)
            await answer.write(content[start : start + _PIECE])
        await answer.write_eof()
        return answer

    async def _stop_halfway(self, request: web.Request) -> None:
        if self.way is Way.HELD:
            await self.released.wait()
        if self.way is Way.CUT and request.transport is not None:
            await asyncio.sleep(0.05)  # for what was written to leave
            request.transport.abort()
            raise ConnectionResetError


class _Untold(web.StreamResponse):
    """Without a length, and not in chunks either, which aiohttp would make of it."""

    _length_check = False
