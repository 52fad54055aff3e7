"""What an import would send."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import attrs

from ...attachments import Limits
from ...attachments.prepare import prepare
from .. import output
from ..exits import FailedError
from ..inputs import Input

__all__ = ["preview"]


@attrs.frozen(kw_only=True)
class _Row:
    """A row that would be sent.

    Attributes:
        position: Which row it is, from 1.
        reference: Its reference, None if it has none.
        department_id: Id of the department.
        subject: The subject.
        files: How many files it has.
        bytes: How large they are in all.
    """

    position: int
    reference: str | None
    department_id: int
    subject: str
    files: int
    bytes: int


async def preview(source: Input, *, as_json: bool) -> None:
    """Write to stdout what would be sent.

    Args:
        source: The input, which was checked.
        as_json: Whether to write JSON.

    Raises:
        FailedError: It, or a file that it names, was changed since.
    """
    rows = [row async for row in _rows(source)]
    sums = {
        "tickets": len(rows),
        "files": sum(row.files for row in rows),
        "bytes": sum(row.bytes for row in rows),
    }
    if as_json:
        output.print_json({**sums, "rows": output.plain(rows)})
        return
    listing = output.table(
        *("Row", "Reference", "Department", "Subject", "Files", "Bytes"),
        numbers=["Row", "Department", "Files", "Bytes"],
    )
    for row in rows:
        listing.add_row(*_cells(row))
    out = output.console()
    out.print(listing)
    out.print()
    told = "{tickets:,} tickets with {files:,} files of {bytes:,} bytes would be sent."
    out.print(told.format(**sums))


async def _rows(source: Input) -> AsyncIterator[_Row]:
    for position, draft in enumerate(source.drafts(), start=1):
        files, problems = await prepare(draft.attachments, Limits())
        for texts in problems.values():
            raise FailedError(f"this was not so when the input was checked: {texts[0]}")
        yield _Row(
            position=position,
            reference=draft.reference,
            department_id=draft.department_id,
            subject=draft.subject,
            files=len(files),
            bytes=sum(file.size or 0 for file in files),
        )


def _cells(row: _Row) -> Iterator[str]:
    yield f"{row.position}"
    yield output.shown(row.reference or "")
    yield f"{row.department_id}"
    yield output.shown(row.subject)
    yield f"{row.files}"
    yield f"{row.bytes:,}"
