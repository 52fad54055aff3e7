"""How far an attempt has come on its way to an answer, and when it is to end for want of one."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from types import TracebackType

from ..errors import NotSentError, OutcomeUnknownError, VPSBGError
from . import Timeouts
from .alarm import Alarm
from .upload import Upload

__all__ = ["Watch"]

_CLOSED = "the transport was closed"


class Watch(AbstractAsyncContextManager[None]):
    """A block that waits for the head of an answer, and ends if it stands still for too long.

    Args:
        timeouts: How long each phase may take.
        upload: What is sent, None for a request without a body.

    Raises:
        NotSentError: On leaving: it was ended, and nothing that could be acted on had left.
        OutcomeUnknownError: It was ended after that.
        AttachmentError: It was ended because the body gave nothing.
    """

    def __init__(self, timeouts: Timeouts, upload: Upload | None) -> None:
        self._timeouts = timeouts
        self._upload = upload
        self._has_left = False
        self._lack = ""  # what it is overdue for want of
        self._limit: float | None = None  # how many seconds that may be wanting
        self._alarm = Alarm()
        self._is_broken_off = False
        self._is_over = asyncio.Event()
        self._is_over.set()

    async def __aenter__(self) -> None:
        self._is_over.clear()
        await self._alarm.__aenter__()
        if self._upload is not None:
            self._upload.alarm = self._alarm

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._upload is not None:
            self._upload.alarm = None
        try:
            await self._alarm.__aexit__(kind, error, traceback)
        except TimeoutError as over:
            raise (self._broken_off() if self._is_broken_off else self._overdue()) from over
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
        if not self._is_over.is_set() and not self._alarm.expired():
            self._is_broken_off = True
            self._alarm.ring()
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
        text = f"{self._lack} within {self._limit or 0:g} s"
        return self.verdict(text, overdue=self._has_left)

    def _allow(self, seconds: float | None, lack: str) -> None:
        """Give it so long for the next phase, once however often that begins."""
        if self._lack != lack:
            self._lack, self._limit = lack, seconds
            self._alarm.set(seconds)
