"""The import itself: from a checked input to its ending."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import attrs

from ...bulk import BulkRun, BulkSummary
from ...client import VPSBG
from ...errors import JournalError, VPSBGError
from ...services.tickets import TicketDraft
from .. import output
from ..exits import FailedError
from ..inputs import Input
from ..signals import caught
from .displays import Display, shown
from .ending import Ending
from .intake import Intake
from .report import Report
from .standing import Standing

__all__ = ["Import", "Settings"]


@attrs.frozen(kw_only=True)
class Settings:
    """How an import is to be done.

    Attributes:
        journal: Where the journal is, or is to be; None for none.
        concurrency: How many tickets may be under way.
        reconcile: Whether to look for what had no answer.
        reference_marker: Whether to write a reference below each message.
        accept_new_key: Whether the journal may go on with another key.
        into_sandbox: Whether the tickets go to a sandbox that ends with the import.
        as_json: Whether to write JSON.
    """

    journal: Path | None = None
    concurrency: int = 8
    reconcile: bool = True
    reference_marker: bool = False
    accept_new_key: bool = False
    into_sandbox: bool = False
    as_json: bool = False


class Import:
    """Sends the rows of an input, until the last or until it is to end.

    Args:
        source: The input, which was checked.
        settings: How it is to be done.
        standing: Counts; it knows how many rows there are.
        display: Shows how it is going.
        report: Where each outcome goes.
    """

    def __init__(
        self,
        source: Input,
        settings: Settings,
        standing: Standing,
        display: Display,
        report: Report | None = None,
    ) -> None:
        self._source = source
        self._settings = settings
        self._standing = standing
        self._display = display
        self._report = report
        self._intake = Intake(
            standing, report, as_json=settings.as_json, tells_failures=not display.is_live
        )
        self._begun = 0  # rows
        self._is_entered = False
        self._wants_end = False
        self._is_broken_off = False
        self._error: Exception | None = None  # that has ended it

    async def run(self, vps: VPSBG) -> Ending:
        """Send all.

        Args:
            vps: The client.

        Raises:
            VPSBGError: It could not begin.
        """
        settings = self._settings
        run = vps.tickets.create_many(
            self._drafts(),
            journal=settings.journal,
            concurrency=settings.concurrency,
            on_unknown="reconcile" if settings.reconcile else "raise",
            reference_marker=settings.reference_marker,
            accept_new_key=settings.accept_new_key,
            on_event=self._standing,
        )
        task = asyncio.ensure_future(self._go(run))
        with caught(lambda number: self._ask(number, run, task)):
            async with shown(self._display):
                await asyncio.wait([task])
        if not task.cancelled():
            task.result()
        return self._ending(run.summary if self._is_entered else BulkSummary())

    async def _go(self, run: BulkRun) -> None:
        try:
            async with run:
                self._is_entered = True
                await self._take_all(run)
        except VPSBGError as error:
            if not self._is_entered:
                raise
            self._fail(error)
        finally:
            if self._is_entered:
                await self._take_all(run)  # what was done before it was broken off

    async def _take_all(self, run: BulkRun) -> None:
        try:
            async for outcome in run:
                self._intake.take(outcome)
        except (VPSBGError, FailedError) as error:
            self._fail(error)

    def _drafts(self) -> Iterator[TicketDraft]:
        for draft in self._source.drafts():
            self._begun += 1
            yield draft

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error

    def _ask(self, number: signal.Signals, run: BulkRun, task: asyncio.Task[None]) -> None:
        """Called for each Ctrl-C and SIGTERM: the first one stops, another Ctrl-C breaks off."""
        if not self._wants_end:
            self._wants_end = self._standing.is_stopping = True
            text = "stops when what is under way is done; Ctrl-C again breaks that off"
            run.stop()
        elif number is signal.SIGINT:
            self._is_broken_off = True
            text = "breaks off what is under way"
            task.cancel()
        else:
            return
        output.tell("note", text, as_json=self._settings.as_json)

    def _ending(self, summary: BulkSummary) -> Ending:
        rows = self._standing.total
        is_in_doubt = self._is_broken_off or isinstance(self._error, JournalError)
        stopped = None if self._error is None else str(self._error)
        if stopped is None and summary.total < rows:
            stopped = "it was broken off" if self._is_broken_off else "it was asked to stop"
        return Ending(
            name=self._source.name,
            rows=rows,
            summary=summary,
            broken_off=self._begun - summary.total if is_in_doubt else 0,
            stopped=stopped,
            failures=self._intake.failures,
            more=self._intake.more,
            journal=self._settings.journal,
            report=None if self._report is None else self._report.path,
            reconcile=self._settings.reconcile,
            into_sandbox=self._settings.into_sandbox,
        )
