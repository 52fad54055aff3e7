"""Time, as calls live it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from ..errors import ConfigurationError
from ..settings import is_seconds
from .answer import http_date

__all__ = ["Clock", "ServerClock", "in_words"]

_HALF_OF_A_SECOND = 0.5  # that HTTP's dates leave out on average
_HOUR, _DAY, _YEAR = 3600, 86_400, 31_557_600  # seconds
_FEW = 3  # of a unit are still told in the lesser one


class Clock:
    """Tells the time and waits. In a simulation it runs faster than time itself.

    Args:
        speed: How many seconds pass in one.

    Raises:
        ConfigurationError: The speed is no positive number.
    """

    def __init__(self, speed: float = 1.0) -> None:
        if not is_seconds(speed):
            raise ConfigurationError("speed must be a positive number of seconds")
        self.speed = speed
        self._origin = time.time()

    def time(self) -> float:
        """Unix seconds."""
        return self._origin + (time.time() - self._origin) * self.speed

    def monotonic(self) -> float:
        """Seconds since no matter when, never going back; for use in an event loop."""
        return asyncio.get_running_loop().time() * self.speed

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds / self.speed)

    def timeout(self, seconds: float | None) -> asyncio.Timeout:
        """As `asyncio.timeout`."""
        return asyncio.timeout(None if seconds is None else seconds / self.speed)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """As the event loop's ``call_later``."""
        return asyncio.get_running_loop().call_later(seconds / self.speed, callback)


class ServerClock:
    """What time the server has, as far as its answers tell.

    Args:
        clock: Tells the time here.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: tuple[str, float] | None = None

    def note(self, date: str | None) -> None:
        """Take down the ``Date`` of an answer that has just come."""
        if date is not None:
            self._seen = date, self._clock.time()

    @property
    def ahead(self) -> float | None:
        """By how many seconds it is ahead of the clock here, None if that is not known."""
        if self._seen is None:
            return None
        told, here = self._seen
        there = http_date(told)
        return None if there is None else there.timestamp() + _HALF_OF_A_SECOND - here


def in_words(seconds: float) -> str:
    """A length of time for people, such as ``90 s`` or ``30 days``."""
    if seconds > 1000 * _YEAR:
        return "over 1000 years"
    for size, unit in ((_YEAR, "years"), (_DAY, "days"), (_HOUR, "hours")):
        if seconds >= _FEW * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:g} s"
