"""How far an attempt has come on its way to an answer, and when it is to end for want of one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from ..errors import NotSentError, OutcomeUnknownError, VPSBGError
from . import Timeouts
from .upload import Upload

__all__ = ["Watch"]

_CLOSED = "the transport was closed"


class Watch:
    """Ends an attempt that stands still for too long, or that is broken off.

    Args:
        timeouts: How long each phase may take.
        upload: What it sends, None for a request without a body.
    """

    def __init__(self, timeouts: Timeouts, upload: Upload | None) -> None:
        self._timeouts = timeouts
        self._upload = upload
        self._has_left = False
        self._lack = ""  # what it is overdue for want of
        self._timer = asyncio.timeout(None)  # of the phase it is in
        self._end = asyncio.timeout(None)
        self._is_over = asyncio.Event()
        self._is_over.set()

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Watch over a block that waits for the head of an answer.

        Raises:
            NotSentError: It was ended, and nothing that could be acted on had left.
            OutcomeUnknownError: It was ended after that.
            AttachmentError: It was ended because the body gave nothing.
        """
        upload = nullcontext() if self._upload is None else self._upload.watched_by(self._timer)
        self._is_over.clear()
        try:
            async with self._end, self._timer:
                with upload:
                    yield
        except TimeoutError as error:
            if self._end.expired():
                raise self._broken_off() from error
            if self._timer.expired():
                raise self._overdue() from error
            raise
        finally:
            self._is_over.set()

    def queued(self) -> None:
        """It waits for a place in a pool that is full."""
        self._allow(self._timeouts.pool, "no place in the pool of connections")

    def connecting(self) -> None:
        """A connection is being made."""
        self._allow(self._timeouts.connect, "no connection")

    def sending(self) -> None:
        """The head of the request leaves. From here on a body sees to its time itself."""
        self._has_left = True
        self._allow(None if self._upload is not None else self._timeouts.response, "no answer")

    async def break_off(self) -> None:
        """End it, and wait until it has. Its answer may have come at that very moment."""
        if not self._is_over.is_set() and not self._end.expired():
            self._end.reschedule(asyncio.get_running_loop().time())
        await self._is_over.wait()

    def verdict(self, text: str, *, overdue: bool = False) -> VPSBGError:
        """The error for an attempt that ended so, by how far it had come."""
        if self._may_be_acted_on:
            return OutcomeUnknownError(text, overdue=overdue)
        return NotSentError(text)

    @property
    def _may_be_acted_on(self) -> bool:
        return self._has_left if self._upload is None else self._upload.committed

    def _broken_off(self) -> VPSBGError:
        verdict = self.verdict(_CLOSED)
        verdict.permanent = not self._may_be_acted_on
        return verdict

    def _overdue(self) -> VPSBGError:
        if self._upload is not None and self._has_left:
            return self._upload.overdue()
        return self.verdict(self._lack, overdue=self._has_left)

    def _allow(self, seconds: float | None, lack: str) -> None:
        """Give it so long for the next phase, once however often that begins."""
        lack = f"{lack} within {seconds or 0:g} s"
        if self._timer.expired() or self._lack == lack:
            return
        self._lack = lack
        loop = asyncio.get_running_loop()
        self._timer.reschedule(None if seconds is None else loop.time() + seconds)
