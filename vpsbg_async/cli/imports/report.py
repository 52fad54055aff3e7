"""What became of each row, in a file for other programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from ...bulk import BulkOutcome
from ...errors import InvalidInputError

__all__ = ["Report"]

_COLUMNS = (
    "position",
    "reference",
    "status",
    "ticket_id",
    "error",
    "attachment_mismatches",
    "attempts",
    "started_at",
    "seconds",
)
_CSV, _JSON_LINES = ".csv", ".jsonl"


class Report(AbstractContextManager["Report"]):
    """A table of outcomes, CSV or JSON Lines by its name, of which each row is there at once.

    What the file held is kept until there is a first row to replace it.

    Args:
        path: Where it is to be.

    Raises:
        InvalidInputError: It can be none, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._is_csv = path.suffix.lower() == _CSV
        if path.suffix.lower() not in (_CSV, _JSON_LINES):
            raise _refused(f"must end in {_CSV} or {_JSON_LINES}: {str(path)!r}")
        try:
            # A text may hold what no encoding has, such as half a character of a server's.
            self._file = path.open("a", encoding="utf-8", errors="backslashreplace", newline="")
        except (OSError, ValueError) as error:  # ValueError: a path with a null character
            reason = getattr(error, "strerror", None) or error
            raise _refused(f"cannot be written ({reason}): {str(path)!r}") from error
        self._writer = csv.writer(self._file)
        self._is_begun = False

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with suppress(OSError):  # of which `add` has told already
            self._file.close()

    def refuse_to_be(self, *others: Path | None) -> None:
        """Make sure that it overwrites no file of the import.

        Raises:
            InvalidInputError: It would.
        """
        for other in others:
            if other is not None and other.exists() and other.samefile(self.path):
                raise _refused(f"would overwrite a file that the import needs: {str(self.path)!r}")

    def add(self, outcome: BulkOutcome) -> None:
        """Write down an outcome.

        Raises:
            OSError: It cannot be.
        """
        if not self._is_begun:
            self._begin()
        found = outcome.attachment_mismatches
        values = (
            outcome.position,
            outcome.reference,
            str(outcome.status),
            outcome.ticket_id,
            None if outcome.error is None else str(outcome.error),
            None if found is None else [str(mismatch) for mismatch in found],
            outcome.attempts,
            None if outcome.started_at is None else outcome.started_at.isoformat(),
            round(outcome.seconds, 3),
        )
        self._write(values)
        self._file.flush()

    def _begin(self) -> None:
        self._is_begun = True
        if self.path.is_file():  # a pipe, or a device, holds nothing that could be replaced
            self._file.truncate(0)
        if self._is_csv:
            self._writer.writerow(_COLUMNS)

    def _write(self, values: Iterable[Any]) -> None:
        if self._is_csv:
            cells = ("; ".join(cell) if isinstance(cell, list) else cell for cell in values)
            self._writer.writerow(cells)
        else:
            row = dict(zip(_COLUMNS, values, strict=True))
            self._file.write(f"{json.dumps(row, ensure_ascii=False)}\n")


def _refused(text: str) -> InvalidInputError:
    return InvalidInputError({"report": (text,)})
