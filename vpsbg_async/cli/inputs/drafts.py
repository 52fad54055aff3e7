"""From a record to the ticket that it describes."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from ...attachments import AttachmentLike, Limits
from ...attachments.prepare import prepare
from ...core.endpoint import is_encodable
from ...services.tickets import TicketDraft
from .lines import Lines, UnreadableError
from .objects import Number, kind_of
from .records import Problem, Record

__all__ = ["attachment_problems", "draft_of"]

_DIGITS_MAX = 30  # more than an id can have, and fewer than Python refuses to read
_PATH_MAX = 4096  # characters; to make a name of a path takes time by the square of its length

# Without O_NONBLOCK, opening a named pipe would hang for ever.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def draft_of(record: Record) -> tuple[TicketDraft, list[Problem]]:
    """The ticket that a record describes, and what is wrong with it but for the attachments.

    The message is read if it is in a file. If there are problems, the draft holds what could be
    read, and is not to be sent.
    """
    row = _Row(record)
    draft = TicketDraft(
        department_id=row.number("department_id", required=True) or 0,
        subject=row.text("subject", required=True) or "",
        message=row.message(),
        attachments=row.paths("attachments"),
        service_type=row.text("service_type"),
        service_id=row.number("service_id"),
        reference_marker=row.text("reference_marker"),
        reference=row.text("reference"),
    )
    row.add_problems_of(draft)
    return draft, row.problems


async def attachment_problems(
    record: Record, attachments: Sequence[AttachmentLike], limits: Limits
) -> list[Problem]:
    """What is wrong with the files of a ticket, as they are now."""
    if not attachments:
        return []
    _, found = await prepare(attachments, limits)
    problems = []
    for argument, texts in found.items():
        _, _, index = argument.partition(".")
        path = repr(attachments[int(index)]) if index else ""
        for text in texts:
            told = text if path in text else f"{text}: {path}"
            problems.append(record.problem("attachments", told))
    return problems


class _Row:
    """A record while it is read.

    Attributes:
        problems: What was found to be wrong.
    """

    def __init__(self, record: Record) -> None:
        self.problems: list[Problem] = []
        self._record = record
        self._values = record.values
        self._wrong = set(record.settled)  # columns that nothing more is to be said of

    def text(self, column: str, *, required: bool = False) -> str | None:
        """A text as it is written, None if there is none."""
        value = self._value(column, required=required)
        return None if value is None else self._as_text(column, value)

    def number(self, column: str, *, required: bool = False) -> int | None:
        """An id, None if there is none."""
        value = self._value(column, required=required)
        if value is None:
            return None
        digits = value.text if isinstance(value, Number) else value
        digits = digits.strip() if isinstance(digits, str) else ""
        if not (digits.isascii() and digits.isdecimal()):
            self._complain(column, f"must be a whole number, not {kind_of(value)}")
            return None
        return int(digits.lstrip("0")[:_DIGITS_MAX] or "0")

    def paths(self, column: str) -> tuple[str, ...]:
        """Paths as they are written: a list of them, or one."""
        value = self._value(column)
        if value is None:
            return ()
        items = value if isinstance(value, list) else [value]
        paths = [path for item in items if (path := self._as_text(column, item)) is not None]
        for path in paths:
            if len(path) > _PATH_MAX:
                text = f"must have at most {_PATH_MAX} characters, not {len(path)}"
                self._complain(column, text)
        return tuple(path for path in paths if len(path) <= _PATH_MAX)

    def message(self) -> str:
        """The message, or what its file holds."""
        text, path = self.text("message"), self.text("message_file")
        if "message" in self._values and "message_file" in self._values:
            self._complain("message_file", "cannot be given beside message")
        elif path is not None:
            try:
                return _read(path)
            except _MessageFileError as error:
                self._complain("message_file", str(error))
        elif "message" not in self._values and "message_file" not in self._values:
            self._complain("message", "is missing, and so is message_file")
        return text or ""

    def add_problems_of(self, draft: TicketDraft) -> None:
        """Add what is wrong with the whole, but for what was told of."""
        is_in_file = "message_file" in self._values
        for argument, (text,) in draft.problems().items():
            column = "message_file" if argument == "message" and is_in_file else argument
            if column not in self._wrong:
                # A file cannot ask for a marker that is made up: each run would make another.
                self._complain(column, text.removesuffix(", or True"))

    def _value(self, column: str, *, required: bool = False) -> object:
        if column in self._record.settled:
            return None
        if required and column not in self._values:
            self._complain(column, "is missing")
        return self._values.get(column)

    def _as_text(self, column: str, value: object) -> str | None:
        if not isinstance(value, str):
            self._complain(column, f"must be text, not {kind_of(value)}")
        elif not is_encodable(value):
            self._complain(column, "holds half a character (a lone surrogate)")
        else:
            return value
        return None

    def _complain(self, column: str, text: str) -> None:
        if column not in self._record.settled:
            self.problems.append(self._record.problem(column, text))
        self._wrong.add(column)


class _MessageFileError(Exception):
    """A message cannot be read from its file."""


def _read(path: str) -> str:
    """The text of a message's file.

    Raises:
        _MessageFileError: It cannot be read, or is no text.
    """
    try:
        with open(path, "rb", opener=lambda name, _: os.open(name, _FLAGS)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _MessageFileError(f"is no regular file: {path!r}")
            return "".join(Lines(file, path))
    except UnreadableError as error:
        raise _MessageFileError(str(error)) from None
    except FileNotFoundError:
        raise _MessageFileError(f"no such file: {path!r}") from None
    except IsADirectoryError:
        raise _MessageFileError(f"is a directory: {path!r}") from None
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        reason = getattr(error, "strerror", None) or error
        raise _MessageFileError(f"cannot be read ({reason}): {path!r}") from None
