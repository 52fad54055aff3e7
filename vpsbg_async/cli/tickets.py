"""``vpsbg tickets``: open, read and answer support tickets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import App, Parameter, Token

from ..services.tickets import OnUnknown, Ticket
from . import output
from .imports import import_tickets, journal
from .parameters import (
    AS_USUAL,
    WHOLE_NUMBER,
    Files,
    Flag,
    Options,
    PageNumber,
    all_of_stdin,
)
from .progress import connected
from .reading import fetch, show_list
from .sheets import Column, Listing

__all__ = ["app"]

app = App(name="tickets")
app.command(import_tickets, name="import")
app.command(journal)

TICKETS = Listing(
    "tickets",
    Column("Ticket", "id", right=True),
    Column("Status", "status"),
    Column("Department", "department"),
    Column("Updated", lambda ticket: ticket.updated_at or ticket.created_at),
    Column("Subject", "subject"),
)


def _text_or_stdin(_: Any, tokens: Sequence[Token]) -> str:
    """A text as it is typed, or all of stdin for a hyphen."""
    text = tokens[0].value
    if re.match(r"--\w", text):  # a forgotten message must not make one of the next option
        raise ValueError(f"{text!r} looks like an option (standard input may begin so)")
    return all_of_stdin() if text == "-" else text


TicketID = Annotated[int, WHOLE_NUMBER, Parameter(help="Id of the ticket.")]
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
    options: Options = AS_USUAL,
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
        options: As everywhere.
    """
    async with connected(options) as vps:
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
    _present(ticket, options)


@app.command
async def reply(
    ticket_id: TicketID,
    /,
    *,
    message: Message,
    attach: Files = (),
    reconcile: Flag = False,
    reference_marker: Flag = False,
    options: Options = AS_USUAL,
) -> None:
    """Add a message to a ticket.

    It is sent again only if it is certain that it was not added. After exit code 3 it was added or
    may have been: look before you repeat it.

    Args:
        ticket_id: Which one.
        message: 5 characters or more; may hold HTML. A hyphen reads it from standard input.
        attach: A file to send with it. Can be given several times.
        reconcile: If no answer tells whether it was added, look for it in the ticket, and send it
            again if it is proved not to be there. This takes up to some minutes.
        reference_marker: Write a short reference below the message, by which it is found for
            certain.
        options: As everywhere.
    """
    async with connected(options) as vps:
        ticket = await vps.tickets.reply(
            ticket_id,
            message=message,
            attachments=attach,
            on_unknown=_on_unknown(reconcile=reconcile),
            reference_marker=reference_marker,
        )
    _present(ticket, options)


@app.command
async def show(ticket_id: TicketID, /, *, options: Options = AS_USUAL) -> None:
    """Show a ticket with its messages."""
    ticket = await fetch(lambda vps: vps.tickets.get(ticket_id), options)
    if options.as_json:
        output.print_json(output.plain(ticket))
    else:
        output.print_ticket(ticket)


@app.command(name="list")
async def list_tickets(*, page: PageNumber = None, options: Options = AS_USUAL) -> None:
    """List the tickets of the account."""
    await show_list(lambda vps: vps.tickets.list(page=page), TICKETS, options, page)


def _on_unknown(*, reconcile: bool) -> OnUnknown:
    return "reconcile" if reconcile else "raise"


def _present(ticket: Ticket, options: Options) -> None:
    if options.as_json:
        output.print_json(output.plain(ticket))
    else:
        output.print_summary(ticket)
    for found in ticket.attachment_mismatches or ():
        text = f"the message was sent, but not as it should be: {found}"
        output.tell("warning", text, as_json=options.as_json)
