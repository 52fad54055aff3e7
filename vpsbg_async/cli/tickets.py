"""``vpsbg tickets``: open, read and answer support tickets."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter, Token

from ..client import VPSBG
from ..services.tickets import Ticket
from ..transport.aiohttp import AiohttpTransport
from . import output
from .progress import CountingTransport, shown_progress

__all__ = ["app"]

app = App(name="tickets", help="Open, read and answer support tickets.")


def _whole_number(_: Any, tokens: Sequence[Token]) -> int:
    """An id as it is typed. Cyclopts itself would round 2.7, to the department next door."""
    text = tokens[0].value
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


def _text_or_stdin(_: Any, tokens: Sequence[Token]) -> str:
    """A text as it is typed, or all of stdin for a hyphen.

    It is read while the arguments are, before there is an event loop: Ctrl-C ends it.
    """
    text = tokens[0].value
    if re.match(r"--\w", text):  # a forgotten message must not make one of the next option
        raise ValueError(f"{text!r} looks like an option (standard input may begin so)")
    if text != "-":
        return text
    if sys.stdin is None:
        raise ValueError("standard input is closed")
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        raise ValueError("standard input is not UTF-8") from None


_WHOLE_NUMBER = Parameter(converter=_whole_number)

Message = Annotated[str, Parameter(converter=_text_or_stdin, allow_leading_hyphen=True)]
Files = Annotated[tuple[Path, ...], Parameter(negative=(), show_default=False)]
AsJSON = Annotated[bool, Parameter(name="--json", negative=(), show_default=False)]


@app.command
async def create(
    *,
    department: Annotated[int, _WHOLE_NUMBER],
    subject: str,
    message: Message,
    attach: Files = (),
    service_type: str | None = None,
    service_id: Annotated[int | None, _WHOLE_NUMBER] = None,
    as_json: AsJSON = False,
) -> None:
    """Open a ticket.

    Where to find the id of a department: the client area shows the ids in its form for a new
    ticket. The API call that lists them is not known.

    It is sent once. After exit code 3 the ticket exists or may exist: look before you repeat it.

    Args:
        department: Id of the department, as the client area's ticket form shows it.
        subject: 3 to 255 characters.
        message: 5 characters or more; may hold HTML. A hyphen reads it from standard input.
        attach: A file to send with it. Can be given several times.
        service_type: Kind of the service that the ticket is about: server or hosting.
        service_id: Id of that service.
        as_json: Write the ticket as JSON.
    """
    async with _uploading(as_json=as_json) as vps:
        ticket = await vps.tickets.create(
            department_id=department,
            subject=subject,
            message=message,
            attachments=attach,
            service_type=service_type,
            service_id=service_id,
        )
    _present(ticket, as_json=as_json)


@app.command
async def reply(
    ticket_id: Annotated[int, _WHOLE_NUMBER],
    /,
    *,
    message: Message,
    attach: Files = (),
    as_json: AsJSON = False,
) -> None:
    """Add a message to a ticket.

    It is sent once. After exit code 3 it was added or may have been: look before you repeat it.

    Args:
        ticket_id: Id of the ticket.
        message: 5 characters or more; may hold HTML. A hyphen reads it from standard input.
        attach: A file to send with it. Can be given several times.
        as_json: Write the whole ticket as JSON.
    """
    async with _uploading(as_json=as_json) as vps:
        ticket = await vps.tickets.reply(ticket_id, message=message, attachments=attach)
    _present(ticket, as_json=as_json)


@app.command
async def show(ticket_id: Annotated[int, _WHOLE_NUMBER], /, *, as_json: AsJSON = False) -> None:
    """Show a ticket with its messages.

    Args:
        ticket_id: Id of the ticket.
        as_json: Write the ticket as JSON.
    """
    async with VPSBG() as vps:
        ticket = await vps.tickets.get(ticket_id)
    if as_json:
        output.print_json(output.plain(ticket))
    else:
        output.print_ticket(ticket)


@app.command(name="list")
async def list_tickets(
    *, page: Annotated[int | None, _WHOLE_NUMBER] = None, as_json: AsJSON = False
) -> None:
    """List the tickets of the account.

    Args:
        page: Only this page of the list; the first is 1. All pages if it is not given.
        as_json: Write the tickets as JSON.
    """
    async with VPSBG() as vps:
        listing = vps.tickets.list(page=page)
        fetched = None if page is None else await listing
        tickets = [ticket async for ticket in listing] if fetched is None else [*fetched]
    if as_json:
        output.print_json(output.plain({"items": tickets} if fetched is None else fetched))
    else:
        output.print_tickets(tickets, fetched)


@asynccontextmanager
async def _uploading(*, as_json: bool) -> AsyncIterator[VPSBG]:
    """A client that shows how far it is, and tells what an interruption may leave behind."""
    transport = CountingTransport(AiohttpTransport())
    try:
        with shown_progress(transport):
            async with VPSBG(transport=transport) as vps:
                yield vps
    except asyncio.CancelledError:
        if transport.complete:
            text = "the message had left: look whether it arrived before you repeat it"
            output.tell("warning", text, as_json=as_json)
        raise


def _present(ticket: Ticket, *, as_json: bool) -> None:
    if as_json:
        output.print_json(output.plain(ticket))
    else:
        output.print_summary(ticket)
    for found in ticket.attachment_mismatches or ():
        text = f"the message was sent, but not as it should be: {found}"
        output.tell("warning", text, as_json=as_json)
