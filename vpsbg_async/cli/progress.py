"""How far a call has come, from its events."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from ..client import VPSBG
from ..core.retry import RetryPolicy
from ..errors import Outcome
from ..events import AttemptStarted, BytesSent, Event, GaveUp, Waiting
from . import output

__all__ = ["Bar", "connected"]

_WAITS = {
    "rate limit": "Waiting for the rate limit",
    "retry": "Waiting to try again",
    "settling": "Waiting until it must have settled",
    "twin": "Waiting for another call",
}


class Bar:
    """Shows on stderr what a call is at, from its first byte on, if a terminal shows it.

    Attributes:
        is_unclear: Whether the call has ended, and may have been acted on.
    """

    def __init__(self) -> None:
        self.is_unclear = False
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def __call__(self, event: Event) -> None:
        """Called with each event."""
        match event:
            case AttemptStarted(length=length):
                self._bar.reset(self._task, total=length)
            case BytesSent(sent=sent, length=length):
                text = "Waiting for the answer" if sent == length else "Uploading"
                self._show(text, completed=sent, total=length)
            case Waiting(reason=reason, seconds=seconds):
                time = "" if seconds is None else f", {seconds:.0f} s"
                self._show(_WAITS.get(reason, "Waiting") + time)
            case GaveUp(error=error):
                self.is_unclear = error.outcome is Outcome.UNKNOWN

    def _show(self, text: str, completed: float | None = None, total: float | None = None) -> None:
        self._bar.update(self._task, description=text, completed=completed, total=total)
        self._bar.start()  # does nothing from the second time on


@asynccontextmanager
async def connected(*, as_json: bool, no_retry: bool) -> AsyncIterator[VPSBG]:
    """A client that shows what it is at, and tells what an interruption may leave behind."""
    with Bar() as bar:
        try:
            async with VPSBG(retry=None if no_retry else RetryPolicy(), on_event=bar) as vps:
                yield vps
        except asyncio.CancelledError:
            if bar.is_unclear:
                text = "the message had left: look whether it arrived before you repeat it"
                output.tell("warning", text, as_json=as_json)
            raise
