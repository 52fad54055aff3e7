"""The input files of ``vpsbg tickets import``: from bytes to drafts, or to what is wrong with them.

A `Source` is the open file, `Lines` its text. `tables` reads CSV and `objects` JSON, both to a
`Record` for each row, and `drafts` makes a `TicketDraft` of one. Whatever is wrong with what a user
wrote is a `Problem` with its place, never an exception.

`Input` goes through the file twice, to check all of it before the first ticket is sent, and to give
out the drafts. It holds one row at a time, so that a file may be larger than memory; of the rows
that it has seen only the references are kept.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import BinaryIO, Self

import attrs

from ...attachments import Limits
from ...services.tickets import TicketDraft
from ..exits import FailedError
from .drafts import attachment_problems, draft_of
from .lines import Lines, UnreadableError
from .objects import read_array, read_json_lines
from .records import Problem, Record
from .source import Format, Source, open_file, spool
from .tables import read_table

__all__ = ["Checked", "Format", "Input", "Problem"]

_KEPT = 1000  # problems; nobody reads more of them at a time
_TURN = 100  # rows between two chances for Ctrl-C

_READERS = {Format.CSV: read_table, Format.JSONL: read_json_lines, Format.JSON: read_array}


@attrs.frozen(kw_only=True)
class Checked:
    """What the check of an input found.

    Attributes:
        rows: How many tickets it holds. Rows that cannot be read as such do not count.
        problems: What is wrong with it, by line; the first 1,000 that were met.
        more: How many problems there are beside these.
    """

    rows: int
    problems: tuple[Problem, ...]
    more: int = 0


class Input(AbstractContextManager["Input"]):
    """A file that tickets are imported from, until it is closed.

    Paths in it are looked up from the working directory, and are left in the drafts as they were
    written: who wants another base (see `folder`) changes the directory around both passes.

    Args:
        source: The open file.

    Attributes:
        name: The file's name as it was given, or ``standard input``.
        format: What it is read as.
        folder: Where its relative paths begin if nothing else was said: the folder of the file, or
            for a stream the working directory.
    """

    def __init__(self, source: Source) -> None:
        self.name = source.name
        self.format = source.format
        self.folder = source.folder
        self._source = source

    @classmethod
    def from_path(cls, path: str | os.PathLike[str], file_format: Format | None = None) -> Self:
        """Open a file.

        Args:
            path: Where it is.
            file_format: What it is, if that is not to be told from the ending of its name.

        Raises:
            InvalidInputError: It cannot be opened, or its format cannot be told.
            FailedError: It is a pipe, and what comes out of it cannot be kept.
        """
        return cls(open_file(os.fspath(path), file_format))

    @classmethod
    def from_stream(
        cls, stream: BinaryIO, file_format: Format | None = None, *, name: str = "standard input"
    ) -> Self:
        """Read a stream to its end, into a temporary file, as it has to be gone through twice.

        Args:
            stream: What to read.
            file_format: What it is, if that is not to be told from how it begins.
            name: What to call it.

        Raises:
            FailedError: It cannot be read, or not be kept.
        """
        return cls(spool(stream, name, file_format))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._source.close()

    async def check(self, limits: Limits) -> Checked:
        """Go through all of it, and look at every file that it names.

        Args:
            limits: What one ticket may attach.

        Raises:
            FailedError: The file cannot be read, or was changed meanwhile.
        """
        found = _Findings()
        rows = 0
        for item in self._records():
            if isinstance(item, Problem):
                found.add(item)
                continue
            rows += 1
            draft, problems = draft_of(item)
            found.add(*problems, *await attachment_problems(item, draft.attachments, limits))
            found.add_reference(item, draft.reference)
            if rows % _TURN == 0:
                await asyncio.sleep(0)
        self._make_sure_it_is_unchanged()
        if not rows and not found.count:
            found.add(Problem(file=self.name, line=1, text="holds no tickets"))
        return found.told(rows)

    def drafts(self) -> Iterator[TicketDraft]:
        """The tickets, in the order of the file, one pass at a time; for an input that was checked.

        Raises:
            FailedError: The file cannot be read, or it or a message's file was changed since.
        """
        for item in self._records():
            self._make_sure_it_is_unchanged()
            draft, problems = (None, [item]) if isinstance(item, Problem) else draft_of(item)
            if draft is None or problems:
                raise FailedError(f"this was not so when the input was checked: {problems[0]}")
            yield draft
        self._make_sure_it_is_unchanged()

    def _records(self) -> Iterator[Record | Problem]:
        try:
            self._source.stream.seek(0)
            yield from _READERS[self.format](Lines(self._source.stream, self.name))
        except UnreadableError as error:
            yield error.problem
        except OSError as error:
            raise FailedError(f"{self.name} cannot be read: {error.strerror or error}") from error

    def _make_sure_it_is_unchanged(self) -> None:
        if self._source.has_changed():
            raise FailedError(f"{self.name} was changed since it was opened")


class _Findings:
    """The problems of an input, and what two rows could share."""

    def __init__(self) -> None:
        self.count = 0
        self._problems: list[Problem] = []
        self._references: dict[str, int] = {}  # where each was first

    def add(self, *problems: Problem) -> None:
        self.count += len(problems)
        self._problems += problems[: _KEPT - len(self._problems)]

    def add_reference(self, record: Record, reference: str | None) -> None:
        """Have a reference be the only one of its kind."""
        if reference is None:
            return
        if (line := self._references.get(reference)) is not None:
            self.add(record.problem("reference", f"is the same as in line {line}"))
        else:
            self._references[reference] = record.line_of("reference")

    def told(self, rows: int) -> Checked:
        problems = sorted(self._problems, key=lambda problem: problem.line)
        return Checked(rows=rows, problems=tuple(problems), more=self.count - len(problems))
