"""How an import is going, from its outcomes and events."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable

from ...bulk import BulkOutcome, BulkStatus
from ...events import AttemptStarted, Event, GaveUp, Reconciled, Waiting

__all__ = ["Standing", "spelled"]

_WINDOW = 60.0  # seconds that the rate is taken over
_MINUTE, _HOUR = 60, 3600
_WAITS = {  # what is worth to be told of; the other waits are short
    "rate limit": "waits for the rate limit",
    "settling": "waits until what had no answer must have settled",
}


class Standing:
    """How an import is going.

    Args:
        total: How many rows there are.
        clock: Gives seconds since no matter when.

    Attributes:
        total: How many rows there are.
        is_stopping: Whether nothing more is begun.
    """

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.total = total
        self.is_stopping = False
        self._clock = clock
        self._began = clock()
        self._counts: Counter[BulkStatus] = Counter()
        self._times: deque[float] = deque()  # of what was sent within the window
        self._waits: dict[int, tuple[str, float | None]] = {}  # by call: for what, and until when

    def __call__(self, event: Event) -> None:
        """Called with each event of each call."""
        match event:
            case Waiting(call=call, reason=reason, seconds=seconds):
                until = None if seconds is None else self._clock() + seconds
                self._waits[call] = reason, until
            case AttemptStarted(call=call) | Reconciled(call=call) | GaveUp(call=call):
                self._waits.pop(call, None)

    def count(self, outcome: BulkOutcome) -> None:
        """Take an outcome in."""
        self._counts[outcome.status] += 1
        if outcome.status is not BulkStatus.SKIPPED:
            self._times.append(self._clock())

    @property
    def counts(self) -> dict[BulkStatus, int]:
        """How many rows have come to each outcome."""
        return {status: self._counts[status] for status in BulkStatus}

    @property
    def done(self) -> int:
        """How many rows have their outcome."""
        return self._counts.total()

    @property
    def rate(self) -> float | None:
        """Rows a minute of late, without those skipped; None while that cannot be told."""
        now = self._clock()
        while self._times and self._times[0] < now - _WINDOW:
            self._times.popleft()
        seconds = min(_WINDOW, now - self._began)
        if not self._times or seconds < 1:
            return None
        return len(self._times) / seconds * _MINUTE

    @property
    def seconds_left(self) -> float | None:
        """How long it takes at this rate, None while that cannot be told, and in the end."""
        rate, left = self.rate, self.total - self.done
        return left / rate * _MINUTE if rate and left else None

    def text(self) -> str:
        """All of it in a line."""
        return f"{self.progress()}; {self.details()}"

    def progress(self) -> str:
        """How far it has come."""
        told = f"{self.done:,} of {self.total:,} rows"
        if self.is_stopping:
            return f"{told}, finishing what is under way"
        left = self.seconds_left
        return told if left is None else f"{told}, {spelled(left)} left"

    def details(self) -> str:
        """What became of them, at which rate, and what is waited for."""
        parts = [", ".join(f"{count:,} {status}" for status, count in self.counts.items())]
        if (rate := self.rate) is not None:
            parts.append(f"{rate:,.0f} a minute")
        return "; ".join(parts + self._told_waits())

    def _told_waits(self) -> list[str]:
        """What calls wait for, and how long the last of them has to."""
        told = []
        for reason, text in _WAITS.items():
            ends = [until for why, until in self._waits.values() if why == reason]
            known = [until - self._clock() for until in ends if until is not None]
            time = f", {spelled(max(known))}" if known and max(known) > 0 else ""
            if ends:
                told.append(f"{text}{time}")
        return told


def spelled(seconds: float) -> str:
    """A time for people."""
    whole = round(seconds)
    if not whole:
        return "under 1 s"
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min" + (f" {whole % _MINUTE} s" if whole % _MINUTE else "")
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
