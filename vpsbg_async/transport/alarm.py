"""A timeout that can be moved at next to no cost."""

from __future__ import annotations

import asyncio
import math
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

__all__ = ["Alarm"]


class Alarm(AbstractAsyncContextManager["Alarm"]):
    """As `asyncio.timeout`, for a block whose limit moves with every step, mostly to later.

    Such a move is a change of a number: the event loop's timer stays where it is, and looks when it
    is due whether the time has come. (Of what a small upload takes, an eighth went into timers.)
    """

    def __init__(self) -> None:
        self._timeout = asyncio.timeout(None)
        self._due = math.inf
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        await self._timeout.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None  # or each would hold the other
        await self._timeout.__aexit__(kind, error, traceback)

    def set(self, seconds: float | None) -> None:
        """Have it end the block in so many seconds from now; never, for None."""
        self._due = math.inf if seconds is None else self._loop.time() + seconds
        if self._timer is None or self._due < self._timer.when():
            self._wind()

    def ring(self) -> None:
        """Have it end the block at once."""
        if not self.expired():
            self._timeout.reschedule(self._loop.time())

    def when(self) -> float | None:
        """When it ends the block, by the event loop's clock; None for never."""
        return None if self._due == math.inf else self._due

    def expired(self) -> bool:
        """Whether it has ended the block, or is about to."""
        return self._timeout.expired()

    def _wind(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._due < math.inf:
            self._timer = self._loop.call_at(self._due, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._loop.time() < self._due:
            self._wind()
        else:
            self.ring()
