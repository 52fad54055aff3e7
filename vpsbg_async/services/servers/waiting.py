"""Waiting for a server: until it is as it should be, or until it takes a start or a stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import attrs

from ...core.clock import Clock, in_words
from ...errors import LockedError, Outcome, VPSBGError, WaitTimeoutError, is_safe_to_retry
from .live import ServerStatus
from .models import Server

__all__ = ["Sight", "paced", "switch", "watch"]

_LEAST = 0.1  # seconds between two looks: what is waited for takes longer by far
_EVERY = 5.0  # seconds between two looks at a server that is locked
_LOOKS = 3  # that there are at least, however short the time

# What was answered 423 has been seen to happen all the same, tens of seconds later, when the lock
# was long gone. So that a server is free is no reason to send it again: the second stop would be
# done at once, the caller would start the server, and then the first stop would come. Only what has
# not come in a minute in which nothing held it up is taken to have been dropped.
_SETTLED = 60.0  # seconds


@attrs.frozen(kw_only=True)
class Sight:
    """What one look at a server has shown, as far as it has looked; nothing if it failed.

    Attributes:
        status: What the server is doing.
        server: The server.
    """

    status: ServerStatus | None = None
    server: Server | None = None

    @property
    def running(self) -> bool | None:
        """Whether it runs, None if that is not known."""
        return None if self.status is None else self.status.running

    @property
    def locked(self) -> bool | None:
        """Whether it is locked, None if that is not known."""
        return None if self.server is None else self.server.locked

    def __str__(self) -> str:
        words = []
        if self.status is not None:
            words.append(_WORDS["running", self.running])
        if self.server is not None:
            words.append(_WORDS["locked", self.locked])
        return f"it was last seen {' and '.join(words)}" if words else "its state was not seen"


_WORDS = {
    ("running", True): "running",
    ("running", False): "stopped",
    ("running", None): "not known to run or not",
    ("locked", True): "locked",
    ("locked", False): "unlocked",
    ("locked", None): "not known to be locked or not",
}


def paced(every: float, seconds: float) -> float:
    """Seconds between two looks, so that there are some even in a short time."""
    return max(_LEAST, min(every, seconds / _LOOKS))


async def watch(
    clock: Clock,
    look: Callable[[], Awaitable[Sight]],
    *,
    until: Callable[[Sight], bool],
    overdue: str,
    seconds: float,
    every: float,
    after: float = 0.0,
) -> Sight:
    """Look at a server until it is as it should be.

    A look that fails has seen nothing, and is made again if its reason may pass.

    Args:
        clock: Tells the time.
        look: Looks at it.
        until: Whether it is time to end, by what a look has shown.
        overdue: What there is to say when the time is over, beside what was seen last.
        seconds: How long to go on.
        every: Seconds between two looks.
        after: Seconds before the first look.

    Raises:
        WaitTimeoutError: The time is over.
        VPSBGError: A look has failed for good.
    """
    last, failed = Sight(), None
    try:
        async with clock.timeout(seconds):
            await clock.sleep(after)
            while True:
                try:
                    last = seen = await look()
                    failed = None
                except VPSBGError as fault:
                    if not is_safe_to_retry(fault):
                        raise
                    seen, failed = Sight(), fault
                if until(seen):
                    return seen
                await clock.sleep(every)
    except TimeoutError as end:
        failed = _cut_off(end) or failed
    error = WaitTimeoutError(f"{overdue}: {last}")
    if failed is not None:
        error.remarks = (f"the last read has failed: {failed}",)
    raise error from failed


def _cut_off(end: TimeoutError) -> VPSBGError | None:
    """The verdict on a read that was under way when the time was over, with how it had fared."""
    cancelled = end.__cause__
    verdict = None if cancelled is None else cancelled.__cause__
    if not isinstance(verdict, VPSBGError):
        return None
    faults = [f"{item.error} {item.status or ''}".rstrip() for item in verdict.history]
    if faults:
        verdict.remarks = (*verdict.remarks, f"its attempts: {', '.join(faults)}")
    return verdict


async def switch(
    clock: Clock,
    send: Callable[[], Awaitable[None]],
    look: Callable[[], Awaitable[Sight]],
    *,
    running: bool,
    seconds: float,
) -> None:
    """Send a start or a stop, and after a 423 Locked go on until it has happened.

    What was answered 423 may still happen, so it is only sent again when it must have settled, and
    whatever ends the waiting tells of the doubt.

    Args:
        clock: Tells the time.
        send: Sends it.
        look: Looks at the server.
        running: Whether the server runs when it has happened.
        seconds: How long to go on after the first 423.

    Raises:
        LockedError: The time is over, or it cannot be read whether it has happened.
        VPSBGError: What else went wrong in sending it.
    """
    try:
        return await send()
    except LockedError as error:
        refused = error
    end, every = clock.monotonic() + seconds, paced(_EVERY, seconds)
    try:
        while True:
            until = _Settling(clock, running=running)
            try:
                seen = await watch(
                    clock,
                    look,
                    until=until,
                    overdue=f"given up after {in_words(seconds)}",
                    seconds=end - clock.monotonic(),
                    every=every,
                    after=every,
                )
            except VPSBGError as error:
                refused.remarks = (*refused.remarks, str(error))
                raise refused from error
            if seen.running is running:
                return None
            try:
                return await send()
            except VPSBGError as error:
                _continue(error, refused)
                if not isinstance(error, LockedError):
                    raise
                refused = error
    except asyncio.CancelledError as cancelled:
        raise cancelled from refused  # or it would be judged by what was under way, a read maybe


class _Settling:
    """Whether a start or a stop that was answered 423 just now has happened, or will not any more.

    Args:
        clock: Tells the time.
        running: Whether the server runs when it has happened.
    """

    def __init__(self, clock: Clock, *, running: bool) -> None:
        self._clock = clock
        self._running = running
        self._free_since = clock.monotonic()

    def __call__(self, seen: Sight) -> bool:
        """Called with what each look has shown."""
        if seen.running is self._running and seen.locked is not True:
            return True  # one that is locked may be off for a moment, as in a restart
        if seen.running is None or seen.locked is not False:
            self._free_since = self._clock.monotonic()
        return self._clock.monotonic() - self._free_since >= _SETTLED


def _continue(error: VPSBGError, refused: LockedError) -> None:
    """Have an error tell of the attempts before it, of which one may still happen."""
    before = refused.history
    error.history = (
        *before,
        *(attrs.evolve(item, number=len(before) + item.number) for item in error.history),
    )
    if error.outcome in (Outcome.NOT_SENT, Outcome.NOT_PROCESSED):
        error.outcome = Outcome.UNKNOWN
        error.remarks = (*error.remarks, "an earlier attempt was answered 423 and may still happen")
