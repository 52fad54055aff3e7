"""The tickets group of the API: its endpoints, what they ask for and what they answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web

from .files import Folder, Uploads
from .forms import read_form
from .listing import Listing, arranged, retold
from .lookup import find
from .paginator import Page
from .refusals import unknown_route
from .store import StoredMessage, StoredTicket, TicketStore
from .times import micros
from .validation import (
    array,
    at_least,
    file,
    integer,
    max_length,
    min_length,
    nullable,
    one_of,
    required,
    string,
    uploaded,
    validate,
)

__all__ = ["TicketEndpoints"]

_REPLY_RULES = {
    "message": [required, string, min_length(5)],
    "attachments": [nullable, array],
    "attachments.*": [file, uploaded],
}
_CREATE_RULES = {
    "department_id": [required, integer, at_least(1)],
    "subject": [required, string, min_length(3), max_length(255)],
    "service_id": [nullable, integer],
    "service_type": [nullable, one_of("hosting", "server")],
    **_REPLY_RULES,
}

_SERVICE_TYPES = {"hosting": "shared-hosting"}  # answered by another name than asked


class TicketEndpoints:
    """What a client can do with tickets.

    Args:
        store: The tickets.
        folder: The files that come with them.
        listing: Says how tickets are listed and told at the time.
    """

    def __init__(self, store: TicketStore, folder: Folder, listing: Callable[[], Listing]) -> None:
        self._store = store
        self._folder = folder
        self._listing = listing

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """The routes, each path after ``prefix``."""
        return [
            web.get(f"{prefix}/support/tickets", self.list),
            web.post(f"{prefix}/support/tickets", self.create),
            web.get(f"{prefix}/support/tickets/{{id}}", self.get),
            web.post(f"{prefix}/support/tickets/{{id}}/messages", self.reply),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """A page of tickets."""
        listing = self._listing_for(request)
        tickets = arranged(self._store.all(), listing)
        page = Page(request, len(tickets))
        shown = tickets[page.start : page.stop]
        return web.json_response(
            page.frame([retold(_ticket(ticket), listing, in_list=True) for ticket in shown])
        )

    async def get(self, request: web.Request) -> web.Response:
        """One ticket."""
        listing = self._listing_for(request)
        ticket = _ticket(self._find(request))
        return web.json_response(retold(ticket, listing, in_list=False))

    async def create(self, request: web.Request) -> web.Response:
        """A new ticket, answered with 200 and not 201."""
        async with Uploads(self._folder) as uploads:
            fields = validate(await read_form(request, uploads), _CREATE_RULES)
            attachments = fields["attachments"] or []
            ticket = self._store.open(
                subject=fields["subject"],
                department_id=int(fields["department_id"]),
                service_type=fields["service_type"],
                service_id=None if fields["service_id"] is None else int(fields["service_id"]),
                message=fields["message"],
                uploads=attachments,
            )
            uploads.keep(attachment.file for attachment in attachments)
        return web.json_response(_ticket(ticket))

    async def reply(self, request: web.Request) -> web.Response:
        """A further message, answered with the whole ticket."""
        ticket = self._find(request)
        async with Uploads(self._folder) as uploads:
            fields = validate(await read_form(request, uploads), _REPLY_RULES)
            attachments = fields["attachments"] or []
            ticket = self._store.reply(ticket.id, message=fields["message"], uploads=attachments)
            uploads.keep(attachment.file for attachment in attachments)
        return web.json_response(_ticket(ticket))

    def _listing_for(self, request: web.Request) -> Listing:
        listing = self._listing()
        if listing is Listing.MISSING:
            raise unknown_route(request)
        return listing

    def _find(self, request: web.Request) -> StoredTicket:
        return find(request, "Ticket", self._store.find)


def _ticket(ticket: StoredTicket) -> dict[str, Any]:
    kind = ticket.service_type
    number = ticket.service_id
    return {
        "id": ticket.id,
        "status": "opened",
        "subject": ticket.subject,
        "created_at": micros(ticket.created_at),
        "updated_at": micros(ticket.updated_at),
        "department": "tech-support",
        "service_label": None if kind is None or number is None else f"{kind}-{number}",
        "service_type": None if kind is None else _SERVICE_TYPES.get(kind, kind),
        "service_id": number,
        "messages": [_message(message) for message in ticket.messages],
    }


def _message(message: StoredMessage) -> dict[str, Any]:
    return {
        "id": message.id,
        "content": message.content,
        "is_customer": message.is_customer,
        "created_at": micros(message.created_at),
        "attachments": [
            {
                "id": attachment.id,
                "name": attachment.name,
                "size": attachment.size,
                "mimeType": attachment.mime_type,
            }
            for attachment in message.attachments
        ],
    }
