"""Ctrl-C and SIGTERM as a wish to stop, for commands that have something to finish."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["caught"]


@contextmanager
def caught(listener: Callable[[signal.Signals], object]) -> Iterator[None]:
    """Have a function called for each Ctrl-C and SIGTERM, by the running loop.

    After the block they do again what they did before.
    """
    loop = asyncio.get_running_loop()

    def pass_on(number: int, _: object) -> None:
        loop.call_soon_threadsafe(listener, signal.Signals(number))

    asked = (signal.SIGINT, signal.SIGTERM)
    # Not loop.add_signal_handler, which Windows has not.
    before = [signal.signal(number, pass_on) for number in asked]
    try:
        yield
    finally:
        for number, handler in zip(asked, before, strict=True):
            signal.signal(number, handler)
