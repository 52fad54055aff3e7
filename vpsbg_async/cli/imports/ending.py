"""How an import has ended: its exit code, and what there is to tell of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from ...bulk import BulkSummary
from .. import output
from ..exits import ImportExit
from .intake import Failure
from .standing import spelled

__all__ = ["Ending", "show"]


@attrs.frozen(kw_only=True)
class Ending:
    """How an import has ended.

    Attributes:
        name: The input's name.
        rows: How many rows it has.
        summary: What became of them.
        broken_off: How many of them were broken off under way.
        stopped: Why it ended before the last row, None if it did not.
        failures: The rows that were not created, or of which it is not known.
        more: How many of these there are beside.
        journal: Where the journal is, None if there is none.
        report: Where the report is, None if there is none.
        reconcile: Whether what had no answer was looked for.
        into_sandbox: Whether the tickets went to a sandbox that is gone by now.
    """

    name: str
    rows: int
    summary: BulkSummary
    broken_off: int
    stopped: str | None
    failures: Sequence[Failure]
    more: int
    journal: Path | None
    report: Path | None
    reconcile: bool
    into_sandbox: bool

    @property
    def code(self) -> ImportExit:
        """The exit code."""
        if self.stopped is not None:
            return ImportExit.STOPPED
        if self.summary.unknown:
            return ImportExit.UNKNOWN
        return ImportExit.REJECTED if self.summary.rejected else ImportExit.CREATED

    @property
    def not_sent(self) -> int:
        """How many rows this run has not sent; an earlier one may have."""
        return self.rows - self.summary.total - self.broken_off

    def document(self) -> dict[str, Any]:
        """What machines are told."""
        summary = self.summary
        return {
            "file": self.name,
            "rows": self.rows,
            "created": summary.created,
            "skipped": summary.skipped,
            "rejected": summary.rejected,
            "unknown": summary.unknown,
            "broken_off": self.broken_off,
            "not_sent": self.not_sent,
            "attachments_differ": summary.mismatched,
            "seconds": round(summary.seconds, 3),
            "stopped": self.stopped,
            "journal": None if self.journal is None else str(self.journal),
            "report": None if self.report is None else str(self.report),
            "sandbox": self.into_sandbox,
            "failures": output.plain(self.failures),
            "failures_left_out": self.more,
        }

    def advice(self) -> list[str]:
        """How to go on."""
        is_done = self.code is ImportExit.CREATED
        if self.into_sandbox:
            return ["They went to a sandbox, which is gone by now."]
        if self.journal is None:
            return [] if is_done else self._advice_without_journal()
        if is_done and self.summary.skipped:
            told = f"What was skipped an earlier run has created, as {self.journal} tells."
            return [f"{told} To create it anew, use --no-journal, or another --journal."]
        return [] if is_done else self._advice_with_journal()

    def _advice_with_journal(self) -> list[str]:
        told = "To go on, run the same command again: what was created is skipped"
        if self.summary.rejected or self.not_sent:
            told += ", what was rejected or not sent is sent"
        if self.summary.unknown or self.broken_off:
            told += ", what is unknown or was broken off is looked for"
            told += "" if self.reconcile else " if you leave out --no-reconcile"
            told += ", and sent again only if it is proved not to exist"
        told += "."
        if self.summary.rejected:
            told += " Correct what was rejected before, and no other rows."
        return [told, f"The journal is {self.journal}."]

    def _advice_without_journal(self) -> list[str]:
        told = []
        if self.summary.unknown or self.broken_off:
            told.append("What is unknown or was broken off may exist: look in the client area.")
        if self.summary.created:
            text = "There is no journal, so the same command would create again what was created:"
            told.append(f"{text} take those rows out before you run it again.")
        return told


def show(ending: Ending) -> None:
    """Write to stdout how an import has ended."""
    summary = ending.summary
    out = output.console()
    out.print(f"{output.shown(ending.name)}: {ending.rows:,} rows, {spelled(summary.seconds)}")
    out.print()
    listing = output.table("", "Rows", numbers=["Rows"])
    for name, count in (
        ("created", summary.created),
        ("skipped", summary.skipped),
        ("rejected", summary.rejected),
        ("unknown", summary.unknown),
        ("broken off", ending.broken_off),
        ("not sent", ending.not_sent),
    ):
        if count or name == "created":
            listing.add_row(name, f"{count:,}")
    out.print(listing)
    lines = [output.shown(str(failure)) for failure in ending.failures]
    if ending.more:
        lines.append(f"and {ending.more:,} more, which a --report tells of")
    for part in (lines, [output.shown(line) for line in ending.advice()]):
        if part:
            out.print()
        for line in part:
            out.print(line, soft_wrap=True)
