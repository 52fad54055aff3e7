"""One pass over a body: what every network transport needs to send one safely."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Self

from ..errors import AttachmentError, NotSentError, OutcomeUnknownError, VPSBGError
from . import Body, Timeouts
from .alarm import Alarm

__all__ = ["Upload"]

# A big chunk goes out in slices, so that a slow line shows progress long before the stall timer.
_SLICE = 256 * 1024  # bytes

# A source that will not end when it is cancelled (a disk that hangs) is left to a task after this.
_CLOSE_GRACE = 5.0  # seconds
_closing: set[asyncio.Task[None]] = set()


class Upload:
    """Gives out the bytes of one body, and knows what has become of them.

    To be iterated by the HTTP library, in whatever task it likes; a body is opened when its first
    chunk is asked for. Exactly ``content_length`` bytes are given out, or the upload fails before
    the last chunk. Without a length one chunk is held back, so that the last is known to be last.

    Args:
        body: What to send.
        timeouts: How long it may stand still, and how long the answer may take after it.

    Attributes:
        committed: Whether the last chunk was given out: from here on the server may act.
        failure: The error on this side that ended the upload.
        alarm: What each step of the upload, and its end, set anew; None while nobody waits for it.
    """

    def __init__(self, body: Body, timeouts: Timeouts) -> None:
        self.committed = False
        self.failure: VPSBGError | None = None
        self.alarm: Alarm | None = None
        self._body = body
        self._timeouts = timeouts
        self._context: AbstractAsyncContextManager[AsyncIterator[bytes]] | None = None
        self._chunks: AsyncIterator[bytes] | None = None
        self._held: bytes | None = None
        self._pieces: Iterator[bytes | memoryview] = iter(())
        self._taken = 0
        self._waits_for_source = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._ended = False
        self._closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes | memoryview:
        piece = next(self._pieces, None)
        if piece is None:
            self._pieces = _slices(await self._step())
            piece = next(self._pieces)
        self._allow(self._timeouts.stall)
        return piece

    def overdue(self) -> VPSBGError:
        """The error to raise when the alarm has ended it."""
        stall = f"{self._timeouts.stall or 0:g} s"
        if self._ended:
            text = f"no answer within {self._timeouts.response or 0:g} s"
            return OutcomeUnknownError(text, overdue=True)
        if self.committed:  # whatever the source may still be at
            text = f"the last bytes were not taken for {stall}"
            return OutcomeUnknownError(text, overdue=True)
        if self._waits_for_source:
            return AttachmentError(f"gave nothing for {stall}", permanent=False)
        return NotSentError(f"the server took nothing for {stall}")

    async def aclose(self) -> None:
        """Close the body. The caller has cancelled the task that iterates, if one does."""
        self._closed = True
        if self._context is None and self._idle.is_set():
            return
        task = asyncio.create_task(self._close_when_idle())
        _closing.add(task)
        task.add_done_callback(_closing.discard)
        await asyncio.wait((task,), timeout=_CLOSE_GRACE)

    async def _close_when_idle(self) -> None:
        # A generator cannot be closed while a step of it runs, nor a file while a thread reads it.
        await self._idle.wait()
        await self._leave()

    async def _step(self) -> bytes:
        """Have the body make its next chunk, leaving traces for `overdue` and `aclose`."""
        self._allow(self._timeouts.stall)
        self._waits_for_source = True
        self._idle.clear()
        try:
            chunk = await self._next_chunk()
            if chunk is None:
                await self._leave()
        except VPSBGError as error:
            self.failure = error
            raise
        except Exception as error:
            text = f"could not be read ({type(error).__name__})"
            self.failure = AttachmentError(text, permanent=False)
            raise self.failure from error
        finally:
            self._idle.set()
        self._waits_for_source = False  # not on a cancellation: it may be the timer's
        if chunk is None:
            self._ended = True
            self._allow(self._timeouts.response)
            raise StopAsyncIteration
        return chunk

    async def _next_chunk(self) -> bytes | None:
        if self._closed:
            raise NotSentError("the upload was closed")
        if self._chunks is None:
            context = self._body.open()
            self._chunks = await context.__aenter__()
            self._context = context
        if self._body.content_length is None:
            return await self._next_of_unknown(self._chunks)
        return await self._next_of_known(self._chunks, self._body.content_length)

    async def _next_of_known(self, chunks: AsyncIterator[bytes], length: int) -> bytes | None:
        if self._taken == length:
            self.committed = True
            return None
        chunk = await _pull(chunks)
        self._taken += len(chunk or b"")
        if chunk is None or self._taken > length:
            kind = "shorter" if chunk is None else "longer"
            raise AttachmentError(f"is {kind} than its length of {length} bytes")
        self.committed = self._taken == length
        return chunk

    async def _next_of_unknown(self, chunks: AsyncIterator[bytes]) -> bytes | None:
        if self.committed:
            return None
        chunk = self._held or await _pull(chunks)
        self._held = await _pull(chunks) if chunk else None
        self.committed = self._held is None
        return chunk

    async def _leave(self) -> None:
        context, self._context = self._context, None
        if context is not None:
            # By now every byte is out or the call has failed: an error here changes neither.
            with contextlib.suppress(Exception):
                await context.__aexit__(None, None, None)

    def _allow(self, seconds: float | None) -> None:
        if self.alarm is not None:
            self.alarm.set(seconds)


async def _pull(chunks: AsyncIterator[bytes]) -> bytes | None:
    """The next chunk that is not empty, None at the end."""
    async for chunk in chunks:
        if chunk:
            return chunk
    return None


def _slices(chunk: bytes) -> Iterator[bytes | memoryview]:
    if len(chunk) <= _SLICE:
        yield chunk
        return
    view = memoryview(chunk)
    for start in range(0, len(view), _SLICE):
        yield view[start : start + _SLICE]
