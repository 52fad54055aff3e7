"""CSV: a header that names the columns, and a row for each ticket.

Cells are divided by commas, semicolons (as Excel does where the comma is for decimals) or tabs;
which, the header tells. An empty cell is none, and a row of empty cells is a blank line.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain

from .lines import Lines, UnreadableError
from .objects import NotJSONError, decode
from .records import COLUMNS, UNKNOWN, Problem, Record

__all__ = ["read_table"]

_DELIMITERS = ",;\t"
_REQUIRED = ("department_id", "subject")
_EITHER = ("message", "message_file")
_PATH_ENDS = re.compile(r"[;\r\n]")


def read_table(lines: Lines) -> Iterator[Record | Problem]:
    """The rows of a table. A row that is no CSV is a problem, and the next line is read on.

    Raises:
        UnreadableError: It cannot be read any further.
    """
    line = lines.next_row()
    if line is None:
        return
    begin = lines.number
    delimiter = max(_DELIMITERS, key=partial(_known_in, line))
    names = _cells(line, lines, delimiter)
    if isinstance(names, Problem):
        yield names
        return
    header = _Header([name.strip() for name in names], begin)
    yield from header.problems(lines)
    if not header.known:
        return
    while (line := lines.next_row()) is not None:
        begin = lines.number
        cells = _cells(line, lines, delimiter)
        if isinstance(cells, Problem):
            yield cells
        elif any(cell.strip() for cell in cells):
            yield from _row(header, cells, lines, begin)


class _Header:
    """The columns of a table.

    Args:
        names: Their names.
        line: The line of the header.

    Attributes:
        names: Their names.
        known: Those of them that are known.
        settled: Those that are missing or named twice, which is a problem of the header alone.
    """

    def __init__(self, names: Sequence[str], line: int) -> None:
        self.names = names
        self.known = {*COLUMNS} & {*names}
        self._line = line
        self._missing = {*_REQUIRED} - self.known
        if not self.known & {*_EITHER}:
            self._missing |= {*_EITHER}
        twice = {name for name in self.known if names.count(name) > 1}
        self.settled = frozenset(twice | self._missing)

    def problems(self, lines: Lines) -> Iterator[Problem]:
        """What is wrong with it."""
        complain = partial(lines.problem, line=self._line)
        if not self.known:
            yield complain(f"must be a header, of columns such as {', '.join(COLUMNS)}")
            return
        seen = set()
        for place, name in enumerate(self.names, start=1):
            if not name:
                yield complain(f"column {place} has no name")
            elif name in seen:
                yield complain("is the name of two columns", column=name)
            elif name not in COLUMNS:
                yield complain(UNKNOWN, column=name)
            seen.add(name)
        for name in sorted(self._missing - {"message_file"}):
            also = ", and so is message_file" if name == "message" else ""
            yield complain(f"is missing{also}", column=name)


def _known_in(line: str, delimiter: str) -> int:
    """How many known columns a header has if its cells are divided so."""
    try:
        return len({*COLUMNS} & {*map(str.strip, next(_reader([line], delimiter)))})
    except csv.Error:
        return 0


def _reader(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter=delimiter, strict=True)


def _cells(line: str, lines: Lines, delimiter: str) -> list[str] | Problem:
    """The cells of the row that begins with a line; further lines are taken as cells go on."""
    begin = lines.number
    try:
        return next(_reader(chain([line], lines), delimiter))
    except csv.Error as error:
        if lines.ended:
            return lines.problem("a quote is opened in this row, and never closed", line=begin)
        if "limit" in str(error):  # likely a quote that is not closed, so that all rows are one
            most = f"{csv.field_size_limit():,}"
            text = f"has a cell of more than {most} characters; rows from here on were not checked"
            raise UnreadableError(lines.problem(text, line=begin)) from None
        text = f"is no CSV: {error}"
        if "new-line" in str(error):
            text = "has a carriage return without a line feed, outside quotes"
        if lines.number != begin:
            text = f"{text} (in the row that begins in line {begin})"
        return lines.problem(text)


def _row(
    header: _Header, cells: Sequence[str], lines: Lines, begin: int
) -> Iterator[Record | Problem]:
    if len(cells) != len(header.names):
        text = f"must have {len(header.names)} cells as the header has, not {len(cells)}"
        yield lines.problem(text, line=begin)
        return
    values: dict[str, object] = {}
    places: dict[str, int] = {}
    settled = header.settled
    place = begin
    for name, cell in zip(header.names, cells, strict=True):
        if name in COLUMNS:
            places[name] = place
            if cell:
                values[name] = cell
        place += cell.count("\n")
    if "attachments" in values:
        try:
            values["attachments"] = _paths(str(values["attachments"]))
        except NotJSONError as error:
            text = f"begins with a bracket and is no JSON array: {error}"
            yield lines.problem(text, line=places["attachments"], column="attachments")
            del values["attachments"]
            settled |= {"attachments"}
    yield Record(file=lines.name, line=begin, values=values, lines=places, settled=settled)


def _paths(cell: str) -> object:
    """The paths in a cell, by semicolon or line break; a JSON array can name any path."""
    cell = cell.strip()
    if cell.startswith("["):
        return decode(cell)
    return [path for part in _PATH_ENDS.split(cell) if (path := part.strip())]
