"""``vpsbg tickets``: open, read and answer support tickets."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import App, Parameter, Token

from ..services.tickets import OnUnknown, Ticket
from . import output
from .imports import import_tickets, journal
from .parameters import WHOLE_NUMBER, AsJSON, Files, Flag
from .progress import connected

__all__ = ["app"]

app = App(name="tickets", help="Open, read and answer support tickets.")
app.command(import_tickets, name="import")
app.command(journal)


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


Message = Annotated[str, Parameter(converter=_text_or_stdin, allow_leading_hyphen=True)]


@app.command
async def create(
    *,
    department: Annotated[int, WHOLE_NUMBER],
    subject: str,
    message: Message,
    attach: Files = (),
    service_type: str | None = None,
    service_id: Annotated[int | None, WHOLE_NUMBER] = None,
    reconcile: Flag = False,
    reference_marker: Flag = False,
    no_retry: Flag = False,
    as_json: AsJSON = False,
) -> None:
    """Open a ticket.

    Where to find the id of a department: the client area shows the ids in its form for a new
    ticket. The API call that lists them is not known.

    It is sent again only if it is certain that the ticket was not created. After exit code 3 it
    exists or may exist: look before you repeat it.

    Args:
        department: Id of the department, as the client area's ticket form shows it.
        subject: 3 to 255 characters.
        message: 5 characters or more; may hold HTML. A hyphen reads it from standard input.
        attach: A file to send with it. Can be given several times.
        service_type: Kind of the service that the ticket is about: server or hosting.
        service_id: Id of that service.
        reconcile: If no answer tells whether it was created, look for it in the list of tickets,
            and send it again if it is proved not to be there. This takes up to some minutes.
        reference_marker: Write a short reference below the message, by which it is found for
            certain.
        no_retry: Send it once, whatever happens.
        as_json: Write the ticket as JSON.
    """
    async with connected(as_json=as_json, no_retry=no_retry) as vps:
        ticket = await vps.tickets.create(
            department_id=department,
            subject=subject,
            message=message,
            attachments=attach,
            service_type=service_type,
            service_id=service_id,
            on_unknown=_on_unknown(reconcile=reconcile),
            reference_marker=reference_marker,
        )
    _present(ticket, as_json=as_json)


@app.command
async def reply(
    ticket_id: Annotated[int, WHOLE_NUMBER],
    /,
    *,
    message: Message,
    attach: Files = (),
    reconcile: Flag = False,
    reference_marker: Flag = False,
    no_retry: Flag = False,
    as_json: AsJSON = False,
) -> None:
    """Add a message to a ticket.

    It is sent again only if it is certain that it was not added. After exit code 3 it was added or
    may have been: look before you repeat it.

    Args:
        ticket_id: Id of the ticket.
        message: 5 characters or more; may hold HTML. A hyphen reads it from standard input.
        attach: A file to send with it. Can be given several times.
        reconcile: If no answer tells whether it was added, look for it in the ticket, and send it
            again if it is proved not to be there. This takes up to some minutes.
        reference_marker: Write a short reference below the message, by which it is found for
            certain.
        no_retry: Send it once, whatever happens.
        as_json: Write the whole ticket as JSON.
    """
    async with connected(as_json=as_json, no_retry=no_retry) as vps:
        ticket = await vps.tickets.reply(
            ticket_id,
            message=message,
            attachments=attach,
            on_unknown=_on_unknown(reconcile=reconcile),
            reference_marker=reference_marker,
        )
    _present(ticket, as_json=as_json)


@app.command
async def show(
    ticket_id: Annotated[int, WHOLE_NUMBER],
    /,
    *,
    no_retry: Flag = False,
    as_json: AsJSON = False,
) -> None:
    """Show a ticket with its messages.

    Args:
        ticket_id: Id of the ticket.
        no_retry: Ask once, whatever happens.
        as_json: Write the ticket as JSON.
    """
    async with connected(as_json=as_json, no_retry=no_retry) as vps:
        ticket = await vps.tickets.get(ticket_id)
    if as_json:
        output.print_json(output.plain(ticket))
    else:
        output.print_ticket(ticket)


@app.command(name="list")
async def list_tickets(
    *,
    page: Annotated[int | None, WHOLE_NUMBER] = None,
    no_retry: Flag = False,
    as_json: AsJSON = False,
) -> None:
    """List the tickets of the account.

    Args:
        page: Only this page of the list; the first is 1. All pages if it is not given.
        no_retry: Ask once, whatever happens.
        as_json: Write the tickets as JSON.
    """
    async with connected(as_json=as_json, no_retry=no_retry) as vps:
        listing = vps.tickets.list(page=page)
        fetched = None if page is None else await listing
        tickets = [ticket async for ticket in listing] if fetched is None else [*fetched]
    if as_json:
        output.print_json(output.plain({"items": tickets} if fetched is None else fetched))
    else:
        output.print_tickets(tickets, fetched)


def _on_unknown(*, reconcile: bool) -> OnUnknown:
    return "reconcile" if reconcile else "raise"


def _present(ticket: Ticket, *, as_json: bool) -> None:
    if as_json:
        output.print_json(output.plain(ticket))
    else:
        output.print_summary(ticket)
    for found in ticket.attachment_mismatches or ():
        text = f"the message was sent, but not as it should be: {found}"
        output.tell("warning", text, as_json=as_json)
