"""The rate gate: when a request may leave, so that a rate limit is not run into.

A server that limits how many requests it takes in a minute tells with each answer how many are
left. A request that it turns down has cost its upload all the same, so it is better held back.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from collections import deque
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import NamedTuple, Protocol, cast

import attrs

from ..errors import ConfigurationError, NotSentError
from ..settings import is_seconds
from .answer import number_in, retry_after
from .clock import Clock, in_words
from .rate_limit import REMAINING

__all__ = ["Gate", "OnWait", "RateGate"]

_REFUSED = int(HTTPStatus.TOO_MANY_REQUESTS)
_UNTOLD = 10.0  # seconds that the gate is closed for after a 429 that does not tell
_SHORTEST = 1.0  # seconds that it is closed for at the least

OnWait = Callable[[float | None], None]
"""Called when a call has to wait, with the seconds until the gate opens, None if it is open."""


class Gate(Protocol):
    """Decides when a request may leave. One may serve many clients that use the same key."""

    async def enter(self, *, again: bool, on_wait: OnWait) -> object:
        """Wait until the call may be sent.

        Args:
            again: Whether this call was let in before, and goes before those that were not.
            on_wait: Called if it has to wait.

        Returns:
            What to leave with.

        Raises:
            NotSentError: It would have to wait for too long.
        """
        ...

    def leave(self, entered: object, *, status: int | None, headers: Mapping[str, str]) -> None:
        """Tell how it went. Called once for each `enter` that returned, however the call ended.

        Args:
            entered: What `enter` returned.
            status: HTTP status of the answer, None if none came.
            headers: Headers of the answer, empty if none came.
        """
        ...


@attrs.frozen
class _Pass:
    """A call in flight.

    Attributes:
        number: How many were let in before it.
        beside: How many were in flight when it was let in, also those that do not count any more.
        since: When that was.
    """

    number: int
    beside: int
    since: float


class _Turn(NamedTuple):
    """A call that waits; of two, the lesser goes first.

    Attributes:
        is_new: Whether it was never let in before.
        number: How many have asked to wait before it.
        given: Done when it is let in, when it is refused, and when it is cancelled.
    """

    is_new: bool
    number: int
    given: asyncio.Future[_Pass]


class RateGate:
    """Keeps within the limit that the server tells of in ``X-RateLimit-Remaining``.

    A call is let in while fewer are in flight than the lowest number that an answer of this window
    has told to remain, and one at a time when that is none. A 429 closes the gate for all until
    the time of its ``Retry-After``; then one call is let through, and its answer opens the gate,
    unless it is an error page that tells nothing. Without such headers everyone is let in at once.
    First in, first out, and those that are sent again before all others.

    Give the same gate to all clients that use one key in one event loop.

    Args:
        window: How many seconds a reading holds good. A call that is in flight for longer, such as
            a slow upload, holds nobody back.
        probe: How many seconds the first call after a 429 may hold the others back.
        patience: How many seconds it may be closed: a call that would have to wait for longer
            fails at once.
        longest: How many seconds a 429 may close it for, whatever it tells. Some servers tell the
            moment, or milliseconds.
        clock: Tells the time.

    Raises:
        ConfigurationError: A setting is no positive number of seconds.
    """

    def __init__(
        self,
        *,
        window: float = 60.0,
        probe: float = 5.0,
        patience: float = 120.0,
        longest: float = 900.0,
        clock: Clock | None = None,
    ) -> None:
        given = {"window": window, "probe": probe, "patience": patience, "longest": longest}
        for name, value in given.items():
            if not is_seconds(value):
                raise ConfigurationError(f"{name} must be a positive number of seconds")
        self._window, self._probe = window, probe
        self._patience, self._longest = patience, longest
        self._clock = clock or Clock()
        self._queue: list[_Turn] = []  # a heap
        self._turns = 0
        self._entered = self._left = 0
        self._in_flight: dict[int, _Pass] = {}
        self._probes: dict[int, _Pass] | None = None  # from a 429 until the gate is open again
        self._readings: deque[tuple[float, int]] = deque()  # both rise: the lowest comes first
        self._opens = -math.inf
        self._timer: asyncio.TimerHandle | None = None

    async def enter(self, *, again: bool, on_wait: OnWait) -> object:
        """See `Gate.enter`."""
        now = self._clock.monotonic()
        if self._opens - now > self._patience:
            raise self._closed(now)
        if not self._queue and self._has_room(now):
            return self._let_in(now)
        turn: asyncio.Future[_Pass] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._queue, _Turn(not again, self._turns, turn))
        self._turns += 1
        self._let_in_who_may()
        try:
            if not turn.done():
                on_wait(self._opens - now if now < self._opens else None)
            return await turn
        except BaseException:  # the listener's too, whatever it is
            if turn.cancel() or turn.cancelled():
                self._let_in_who_may()
            elif turn.exception() is None:  # let in, and ended at the same time
                self.leave(turn.result(), status=None, headers={})
            raise

    def leave(self, entered: object, *, status: int | None, headers: Mapping[str, str]) -> None:
        """See `Gate.leave`."""
        now = self._clock.monotonic()
        leaving = cast(_Pass, entered)
        self._left += 1
        self._in_flight.pop(leaving.number, None)
        if self._probes is not None:
            self._probes.pop(leaving.number, None)
        if status is not None:
            if status == _REFUSED:
                self._close(now, retry_after(headers))
            else:
                self._learn(now, leaving, status, number_in(headers, REMAINING))
        if self._queue:
            self._let_in_who_may()

    def _has_room(self, now: float) -> bool:
        if now < self._opens:
            return False
        if self._probes is not None:
            _forget(self._probes, now - self._probe)
            return not self._probes
        bound = self._bound(now)
        if len(self._in_flight) >= bound:
            _forget(self._in_flight, now - self._window)
        return len(self._in_flight) < bound

    def _bound(self, now: float) -> float:
        """How many may be in flight."""
        lowest = self._lowest(now)
        return math.inf if lowest is None else max(1, lowest)

    def _lowest(self, now: float) -> int | None:
        """The lowest number that was told to remain, None if nothing is known any more."""
        while self._readings and self._readings[0][0] <= now - self._window:
            self._readings.popleft()
        return self._readings[0][1] if self._readings else None

    def _let_in(self, now: float) -> _Pass:
        entering = _Pass(self._entered, self._entered - self._left, now)
        self._entered += 1
        self._in_flight[entering.number] = entering
        if self._probes is not None:
            self._probes[entering.number] = entering
        return entering

    def _let_in_who_may(self) -> None:
        now = self._clock.monotonic()
        while self._queue and (self._queue[0].given.done() or self._has_room(now)):
            turn = heapq.heappop(self._queue).given
            if not turn.done():  # it is, if its call was cancelled
                turn.set_result(self._let_in(now))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._queue:
            delay = max(self._next_change(now) - now, 0.001)
            self._timer = self._clock.call_later(delay, self._let_in_who_may)

    def _next_change(self, now: float) -> float:
        """When somebody may be let in, if nothing else happens until then."""
        if now < self._opens:
            return self._opens
        if self._probes is not None:
            return min(probe.since for probe in self._probes.values()) + self._probe
        oldest = min(call.since for call in self._in_flight.values())
        return min(oldest, self._readings[0][0]) + self._window

    def _close(self, now: float, seconds: float | None) -> None:
        told = _UNTOLD if seconds is None else seconds
        self._opens = max(self._opens, now + min(max(told, _SHORTEST), self._longest))
        if self._probes is None:
            self._probes = {}
        if self._opens - now > self._patience:
            for turn in self._queue:
                if not turn.given.done():
                    turn.given.set_exception(self._closed(now))

    def _closed(self, now: float) -> NotSentError:
        time = in_words(round(self._opens - now))
        return NotSentError(f"the rate limit opens in {time}, more than is waited for")

    def _learn(self, now: float, leaving: _Pass, status: int, remaining: int | None) -> None:
        if self._probes is not None:
            if leaving.since < self._opens:
                return  # it was in flight at the 429, and tells of the window before
            if remaining is None and status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                return  # it may be a page of a proxy, which does not count
            self._probes = None
            self._readings.clear()
        if remaining is not None:
            self._note(now, leaving, remaining)

    def _note(self, now: float, leaving: _Pass, remaining: int) -> None:
        lowest = self._lowest(now)
        # Answers may overtake each other, by as many as were sent beside this one or after it.
        others = leaving.beside + self._entered - leaving.number - 1
        if lowest is not None and remaining - lowest > others:
            self._readings.clear()  # a new window
        while self._readings and self._readings[-1][1] >= remaining:
            self._readings.pop()
        self._readings.append((now, remaining))


def _forget(calls: dict[int, _Pass], until: float) -> None:
    """Have those not count any more that were let in by that time."""
    for call in [call for call in calls.values() if call.since <= until]:
        del calls[call.number]
