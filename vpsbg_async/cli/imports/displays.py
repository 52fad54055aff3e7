"""What is shown on stderr while an import runs: a live display at a terminal, else lines."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import (
    AbstractContextManager,
    ExitStack,
    asynccontextmanager,
    nullcontext,
    suppress,
)
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .. import output
from .standing import Standing

__all__ = ["Display", "Hidden", "Lines", "Screen", "display_of", "shown"]

_BAR_WIDTH = 30  # columns


class Display(Protocol):
    """Shows how an import is going.

    Attributes:
        period: Seconds between two times that it is asked to.
        is_live: Whether nothing is left of it in the end.
    """

    period: float
    is_live: bool

    def running(self) -> AbstractContextManager[object]:
        """Entered while there is something to show."""
        ...

    def refresh(self) -> None:
        """Show how it is going now."""
        ...


class Screen:
    """A bar with counts below, which goes away in the end."""

    period = 0.2
    is_live = True

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._live = Live(
            console=Console(stderr=True, markup=False, emoji=False, highlight=False),
            auto_refresh=False,  # or another thread would read what changes in this one
            transient=True,
            redirect_stdout=False,
        )

    def running(self) -> AbstractContextManager[object]:
        """See `Display.running`. What is written to stderr meanwhile appears above the bar."""
        return self._live

    def refresh(self) -> None:
        """See `Display.refresh`."""
        standing = self._standing
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            ProgressBar(total=standing.total, completed=standing.done, width=_BAR_WIDTH),
            standing.progress(),
        )
        self._live.update(Group(bar, Text(standing.details())), refresh=True)


class Hidden:
    """Shows nothing."""

    period = 60.0
    is_live = True

    def running(self) -> AbstractContextManager[object]:
        """See `Display.running`."""
        return nullcontext()

    def refresh(self) -> None:
        """See `Display.refresh`."""


class Lines:
    """A line now and then, if there is something new."""

    period = 5.0
    is_live = False

    def __init__(self, standing: Standing, *, as_json: bool) -> None:
        self._standing = standing
        self._as_json = as_json
        self._told = 0

    def running(self) -> AbstractContextManager[object]:
        """See `Display.running`."""
        return nullcontext()

    def refresh(self) -> None:
        """See `Display.refresh`."""
        standing = self._standing
        if standing.done == self._told:
            return
        self._told = standing.done
        counts = {str(status): count for status, count in standing.counts.items()}
        facts = {"rows": standing.total, **counts}
        output.tell("note", standing.text(), as_json=self._as_json, **facts)


def display_of(standing: Standing, *, as_json: bool) -> Display:
    """The display that fits what stderr is."""
    return Screen(standing) if sys.stderr.isatty() else Lines(standing, as_json=as_json)


@asynccontextmanager
async def shown(display: Display) -> AsyncIterator[None]:
    """Have a display refreshed within the block. The terminal may go away meanwhile."""
    with ExitStack() as running:
        with suppress(OSError):
            running.enter_context(display.running())
        refreshing = asyncio.create_task(_refresh(display))
        try:
            yield
        finally:
            refreshing.cancel()
            with suppress(OSError):
                running.close()


async def _refresh(display: Display) -> None:
    with suppress(OSError):
        if display.is_live:
            display.refresh()
        while True:
            await asyncio.sleep(display.period)
            display.refresh()
