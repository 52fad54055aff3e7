"""What the readers of all formats give: a record for each row, or a problem."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

__all__ = ["COLUMNS", "UNKNOWN", "Problem", "Record"]

COLUMNS = (
    "reference",
    "department_id",
    "subject",
    "message",
    "message_file",
    "attachments",
    "service_type",
    "service_id",
    "reference_marker",
)
"""The names of columns in CSV, and of keys in JSON."""

UNKNOWN = f"is none of {', '.join(COLUMNS)}"
"""What is wrong with any other name."""

_TEXT_MAX = 400  # characters; a text may quote a path of any length


def _shown(text: str) -> str:
    """A text of bearable length that can be written anywhere."""
    text = text if len(text) <= _TEXT_MAX else f"{text[: _TEXT_MAX - 1]}…"
    return text.encode(errors="backslashreplace").decode()


@attrs.frozen(kw_only=True)
class Problem:
    """Something that is wrong with an input; its text names the place, as compilers do.

    Attributes:
        file: The input's name as it was given, or ``standard input``.
        line: The line, counted from 1: where the cell begins if that is known, else the row.
        text: What is wrong.
        column: The column, or the key in JSON; None if it is about more than one.
        position: The character within the line, counted from 1; None where that is not known.
    """

    file: str
    line: int
    text: str = attrs.field(converter=_shown)
    column: str | None = attrs.field(default=None, converter=attrs.converters.optional(_shown))
    position: int | None = None

    def __str__(self) -> str:
        position = "" if self.position is None else f"{self.position}:"
        column = "" if self.column is None else f"{self.column}: "
        return f"{self.file}:{self.line}:{position} {column}{self.text}"


@attrs.frozen(kw_only=True)
class Record:
    """One row of an input, its values not looked at yet.

    Attributes:
        file: The input's name.
        line: The line in which it begins.
        values: What it gives, by column, without what is empty.
        lines: The line in which a value begins, where that may be another than the row's.
        settled: Columns of which a problem was told already, so that none is made of them again.
    """

    file: str
    line: int
    values: Mapping[str, object]
    lines: Mapping[str, int] = attrs.field(factory=dict)
    settled: frozenset[str] = frozenset()

    def line_of(self, column: str) -> int:
        """The line in which a value begins."""
        return self.lines.get(column, self.line)

    def problem(self, column: str, text: str) -> Problem:
        """A problem with one of its values."""
        return Problem(file=self.file, line=self.line_of(column), column=column, text=text)
