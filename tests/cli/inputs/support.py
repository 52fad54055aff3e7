"""Inputs of which a test says the bytes."""

import asyncio
import io
import json
from typing import Any

from vpsbg_async.attachments import Limits
from vpsbg_async.cli.inputs import Checked, Format, Input
from vpsbg_async.services.tickets import TicketDraft

CSV, JSONL, JSON = Format.CSV, Format.JSONL, Format.JSON

GOOD: dict[str, Any] = {"department_id": 2, "subject": "Disk failing", "message": "See the log."}
"""A row as JSON has it."""


def an_input(data: bytes | str, file_format: Format | None, name: str = "in") -> Input:
    data = data.encode() if isinstance(data, str) else data
    return Input.from_stream(io.BytesIO(data), file_format, name=name)


def check(opened: Input, limits: Limits | None = None) -> Checked:
    return asyncio.run(opened.check(limits or Limits()))


def problems(
    data: bytes | str, file_format: Format = CSV, limits: Limits | None = None
) -> list[str]:
    """What is wrong with an input, as the user reads it."""
    with an_input(data, file_format) as opened:
        checked = check(opened, limits)
    assert checked.more == 0
    return [str(problem) for problem in checked.problems]


def drafts(data: bytes | str, file_format: Format = CSV) -> list[TicketDraft]:
    """The drafts of an input that is right."""
    with an_input(data, file_format) as opened:
        checked = check(opened)
        assert checked.problems == ()
        found = list(opened.drafts())
    assert len(found) == checked.rows
    return found


def row(**values: Any) -> str:
    """A good row but for some values, as a line of JSON; None leaves one out."""
    return json.dumps({name: it for name, it in (GOOD | values).items() if it is not None})


def problems_of_row(limits: Limits | None = None, **values: Any) -> list[str]:
    """What is wrong with a good row but for some values."""
    found = problems(row(**values), JSONL, limits)
    assert all(problem.startswith("in:1: ") for problem in found)
    return [problem.removeprefix("in:1: ") for problem in found]
