"""Tests in an event loop that skips every wait, so that they need not wait for anything."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

from benchmarks.virtual import VirtualClock, run

__all__ = ["WatchedClock", "in_virtual_time", "now", "settle"]

P = ParamSpec("P")

_TURNS = 5  # of the loop; more than anything takes that one step sets off at once


def in_virtual_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test in virtual time."""

    @functools.wraps(test)
    def run_it(*args: P.args, **kwargs: P.kwargs) -> None:
        run(test(*args, **kwargs))

    return run_it


def now() -> float:
    """Seconds since the test began."""
    return asyncio.get_running_loop().time()


async def settle() -> None:
    """Have everything happen that needs no time."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)


class WatchedClock(VirtualClock):
    """A clock that knows its timers.

    Attributes:
        lag: By how many seconds the timers are late.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lag = 0.0
        self._timers: list[asyncio.TimerHandle] = []

    def monotonic(self) -> float:
        return super().monotonic() + self.lag

    def call_later(self, seconds: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        self._timers.append(super().call_later(seconds, callback))
        return self._timers[-1]

    @property
    def pending(self) -> list[asyncio.TimerHandle]:
        """Timers that are still to go off."""
        return [timer for timer in self._timers if not timer.cancelled() and timer.when() > now()]
