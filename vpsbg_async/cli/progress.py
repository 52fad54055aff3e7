"""How far a call has come, from its events."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from ..client import VPSBG
from ..core.retry import RetryPolicy
from ..errors import Outcome
from ..events import AttemptStarted, BytesSent, Event, GaveUp, Waiting
from . import output
from .exits import deeds
from .parameters import Options

__all__ = ["Bar", "connected"]

_WAITS = {
    "rate limit": "Waiting for the rate limit",
    "retry": "Waiting to try again",
    "settling": "Waiting until it must have settled",
    "twin": "Waiting for another call",
}


class _OfBytes(ProgressColumn):
    """A column that is empty while nothing is counted."""

    def __init__(self, column: ProgressColumn) -> None:
        super().__init__()
        self._column = column

    def render(self, task: Task) -> RenderableType:
        return Text() if task.total is None and not task.completed else self._column(task)


class Bar:
    """Shows on stderr what a call is at, from its first byte on, if a terminal shows it.

    Attributes:
        is_unclear: Whether a call that changes something has ended, and may have been acted on.
    """

    def __init__(self) -> None:
        self.is_unclear = False
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            *map(_OfBytes, (DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())),
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
        deeds.note(event)
        match event:
            case AttemptStarted(length=length):
                self._bar.reset(self._task, total=length)
            case BytesSent(sent=sent, length=length):
                text = "Waiting for the answer" if sent == length else "Uploading"
                self.show(text, completed=sent, total=length)
            case Waiting(reason=reason, seconds=seconds):
                time = "" if seconds is None else f", {seconds:.0f} s"
                self.show(_WAITS.get(reason, "Waiting") + time)
            case GaveUp(error=error) if not error.only_reads:
                self.is_unclear = error.outcome is Outcome.UNKNOWN

    def show(self, text: str, completed: float | None = None, total: float | None = None) -> None:
        """Show what is being done, and how much of it is done.

        Args:
            text: What is being done.
            completed: How many bytes are done.
            total: How many there are, None if it is not about bytes.
        """
        self._bar.tasks[0].total = total  # None, too, which an update would take for no change
        self._bar.update(self._task, description=text, completed=completed or 0)
        self._bar.start()  # does nothing from the second time on


@asynccontextmanager
async def connected(options: Options, bar: Bar | None = None) -> AsyncIterator[VPSBG]:
    """A client that shows what it is at, and tells what an interruption may leave behind.

    Args:
        options: What the command was told.
        bar: What shows it, if the command has something to show beside.
    """
    retry = None if options.no_retry else RetryPolicy()
    with bar or Bar() as shown:
        try:
            async with VPSBG(retry=retry, on_event=shown) as vps:
                yield vps
        except asyncio.CancelledError:
            if shown.is_unclear:
                text = "the request had left: look whether it was done before you repeat it"
                output.tell("warning", text, as_json=options.as_json)
            raise
