"""What the command writes: tables for people, JSON for machines, complaints on stderr.

Names, subjects and messages come from elsewhere. They are shown as they are, without being taken
for markup, and without what a terminal would obey.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import attrs
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..core.model import Model

if TYPE_CHECKING:
    from ..services.tickets import Ticket, TicketAttachment, TicketMessage

__all__ = [
    "complain",
    "console",
    "help_console",
    "moment",
    "plain",
    "print_json",
    "print_summary",
    "print_ticket",
    "shown",
    "table",
    "tell",
]

# Control characters, among them the start of every escape sequence; what turns the direction of
# writing, by which exe.txt can be made to look like txt.exe; separators of lines; halves of
# characters, which no encoding has.
_UNSHOWABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_LINE_WIDTH = 200  # columns of what is no terminal: a log or a pipe need no narrow tables


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Raise, where rich would end the process with an exit code of its own."""
        raise BrokenPipeError


def console() -> Console:
    """Stdout, for what the commands have to show."""
    width = None if sys.stdout.isatty() else _LINE_WIDTH
    return _Console(markup=False, emoji=False, highlight=False, width=width)


def help_console() -> Console:
    """Stdout, for the help pages."""
    return _Console()


def shown(text: str, *, lines: bool = False) -> str:
    """Text from elsewhere in a form that does nothing to a terminal.

    Args:
        text: The text.
        lines: Whether line breaks and tabs may stay.
    """
    text = text.replace("\r\n", "\n")
    if not lines:
        text = re.sub(r"[\t\r\n]+", " ", text)
    return _UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def tell(
    kind: Literal["error", "warning", "note"], text: str, *, as_json: bool, **facts: Any
) -> None:
    """Write one line to stderr.

    Args:
        kind: What it is; a note tells of nothing bad.
        text: What to tell people.
        as_json: Whether to write a JSON object.
        facts: What to tell machines beside it.
    """
    if as_json:
        line = _json({kind: text, **facts})
    else:
        line = f"vpsbg: {'warning: ' if kind == 'warning' else ''}{shown(text)}"
    _write(line)


def complain(text: str) -> None:
    """Write one line to stderr that names the place it is about, as compilers do."""
    _write(shown(text))


def print_json(document: Any) -> None:
    """Write one JSON document to stdout."""
    sys.stdout.write(f"{_json(document, indent=2)}\n")


def plain(value: Any) -> Any:
    """What JSON can hold of models and of what they consist of.

    Fields have the names that they have in Python; those that this version does not know are left
    as they came, under ``extra``. An amount of money is text, and so is each fraction beside one:
    as a number it would be rounded by whoever reads it. What is no number in JSON is null.
    """
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if not attrs.has(type(value)):
        return None if isinstance(value, float) and not math.isfinite(value) else value
    fields = {field.name: plain(getattr(value, field.name)) for field in attrs.fields(type(value))}
    if isinstance(value, Model):
        fields["extra"] = fields.pop("extra")  # to the end
    return fields


def table(*columns: str, title: str | None = None, numbers: Iterable[str] = ()) -> Table:
    """An empty table.

    Args:
        columns: Their headings.
        title: What stands above it.
        numbers: The columns to be set to the right.
    """
    made = Table(
        box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False, show_edge=False
    )
    for name in columns:
        # Folded, never cut: half a name is no name.
        made.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    return made


def moment(time: datetime | None) -> str:
    """A point in time for people; nothing for none."""
    return "" if time is None else time.isoformat(sep=" ", timespec="minutes")


def print_summary(ticket: Ticket) -> None:
    """Show a ticket after a message was sent: its head, and the files of that message."""
    out = console()
    out.print(_heading(ticket), soft_wrap=True)
    if ticket.messages:
        newest = max(ticket.messages, key=lambda message: message.id)
        _print_attachments(out, newest.attachments)


def print_ticket(ticket: Ticket) -> None:
    """Show a ticket with its messages."""
    out = console()
    out.print(_heading(ticket), soft_wrap=True)
    for message in ticket.messages or ():
        out.print()
        out.print(_byline(message), soft_wrap=True)
        out.print(Text(shown(message.content or "", lines=True)), soft_wrap=True)
        _print_attachments(out, message.attachments)


def _heading(ticket: Ticket) -> Text:
    heading = Text.assemble(
        (f"Ticket {ticket.id}", "bold"), f"  {shown(ticket.subject or '(no subject)')}"
    )
    service = ticket.service_label or ticket.service or ticket.service_type
    facts = [ticket.status, ticket.department, service, moment(ticket.created_at)]
    if told := ", ".join(shown(fact) for fact in facts if fact):
        heading.append(f"\n{told}", "dim")
    return heading


def _byline(message: TicketMessage) -> Text:
    authors = {True: "You", False: "Support", None: "Message"}
    return Text.assemble(
        (authors[message.is_customer], "bold"), (f"  {moment(message.created_at)}", "dim")
    )


def _print_attachments(out: Console, attachments: Iterable[TicketAttachment] | None) -> None:
    if not attachments:
        return
    listing = table("Attachment", "Bytes", "Type", numbers=["Bytes"])
    for file in attachments:
        listing.add_row(
            shown(file.name or "(no name)"),
            "" if file.size is None else f"{file.size:,}",
            shown(file.mime_type or ""),
        )
    out.print(listing)


def _write(line: str) -> None:
    with suppress(OSError):  # nobody listens
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def _json(document: Any, indent: int | None = None) -> str:
    """JSON in printable ASCII, which goes through every pipe and does nothing to a terminal."""
    return json.dumps(document, indent=indent, allow_nan=False).replace("\x7f", "\\u007f")
