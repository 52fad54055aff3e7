"""Waiting for a server: until it is as it should be, or until it takes a start or a stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import attrs

from ...core.clock import Clock, in_words
from ...errors import LockedError, Outcome, VPSBGError, WaitTimeoutError, is_safe_to_retry

__all__ = ["paced", "switch", "watch"]

T = TypeVar("T")

_EVERY = 5.0  # seconds between two looks at a server that is locked
_LOOKS = 3  # that there are at least, however short the time


def paced(every: float, seconds: float) -> float:
    """Seconds between two looks, so that there are some even in a short time."""
    return min(every, seconds / _LOOKS)


async def watch(
    clock: Clock,
    look: Callable[[], Awaitable[T | None]],
    *,
    overdue: str,
    seconds: float,
    every: float,
    after: float = 0.0,
) -> T:
    """Look at something until it is as it should be.

    A look that fails is made again, if its reason may pass.

    Args:
        clock: Tells the time.
        look: Reads the state, and gives what is to be returned, None if it is not time for it.
        overdue: What there is to say when the time is over.
        seconds: How long to go on.
        every: Seconds between two looks.
        after: Seconds before the first look.

    Raises:
        WaitTimeoutError: The time is over.
        VPSBGError: A look has failed for good.
    """
    failed: VPSBGError | None = None
    with suppress(TimeoutError):
        async with clock.timeout(seconds):
            await clock.sleep(after)
            while True:
                try:
                    found, failed = await look(), None
                except VPSBGError as fault:
                    if not is_safe_to_retry(fault):
                        raise
                    found, failed = None, fault
                if found is not None:
                    return found
                await clock.sleep(every)
    error = WaitTimeoutError(overdue)
    if failed is not None:
        error.remarks = (f"the last read has failed: {failed}",)
    raise error from failed


async def switch(
    clock: Clock,
    send: Callable[[], Awaitable[None]],
    look: Callable[[], Awaitable[bool | None]],
    *,
    seconds: float,
) -> None:
    """Send something, and after a 423 Locked go on until it has happened.

    What was answered 423 may still happen, so it is only sent again after a look has shown that it
    has not, and whatever ends the waiting tells of the doubt.

    Args:
        clock: Tells the time.
        send: Sends it.
        look: Reads whether it has happened, or has not and can be sent again; None if neither.
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
            try:
                happened = await watch(
                    clock,
                    look,
                    overdue=f"it is still locked after {in_words(seconds)}",
                    seconds=end - clock.monotonic(),
                    every=every,
                    after=every,
                )
            except VPSBGError as error:
                refused.remarks = (*refused.remarks, str(error))
                raise refused from error
            if happened:
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
