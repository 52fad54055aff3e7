"""An input as lines of text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Self

from .records import Problem

__all__ = ["Lines", "UnreadableError"]

_MIB = 1024 * 1024
_ROW_MAX = 16 * _MIB  # bytes; what is larger is no row that somebody meant to write
_BOM = b"\xef\xbb\xbf"
_BLANK = " \t\r\n"


class UnreadableError(Exception):
    """An input cannot be read any further.

    Attributes:
        problem: Why.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class Lines(Iterator[str]):
    r"""The lines of a file, each with its end; they end at ``\n``, as editors count them.

    Args:
        stream: The file, to be read from where it stands.
        name: Its name in problems.

    Attributes:
        name: Its name in problems.
        number: The number of the line that was given out last, from 1.
        ended: Whether somebody asked for a line after the last.
    """

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self.name = name
        self.number = 0
        self.ended = False
        self._stream = stream
        self._left: int | None = _ROW_MAX

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        """The next line.

        Raises:
            UnreadableError: It is no text, or what the row has become is too long.
        """
        data = self._stream.readline(-1 if self._left is None else self._left + 1)
        if not data:
            self.ended = True
            raise StopIteration
        self.number += 1
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                text = f"is longer than {_ROW_MAX // _MIB} MiB"
                raise UnreadableError(self.problem(text))
        return self._decoded(data)

    def next_row(self) -> str | None:
        """The line in which the next row begins, None at the end; blank lines are passed over."""
        while True:
            self._left = _ROW_MAX
            line = next(self, None)
            if line is None or line.strip(_BLANK):
                return line

    def rest(self) -> str:
        """All that is left, however long it is."""
        self._left = None
        return "".join(self)

    def problem(
        self,
        text: str,
        *,
        line: int | None = None,
        column: str | None = None,
        position: int | None = None,
    ) -> Problem:
        """A problem with the line that was given out last, or with another."""
        line = self.number if line is None else line
        return Problem(file=self.name, line=line, text=text, column=column, position=position)

    def _decoded(self, data: bytes) -> str:
        if self.number == 1:
            data = data.removeprefix(_BOM)
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            position = len(data[: error.start].decode()) + 1
            told = f"is not UTF-8 (byte 0x{data[error.start]:02x})"
            raise UnreadableError(self.problem(told, position=position)) from None
        if "\0" in text:
            position = text.index("\0") + 1
            raise UnreadableError(self.problem("is no text: a null byte", position=position))
        return text
