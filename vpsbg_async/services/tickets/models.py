"""What the API tells of tickets."""

from __future__ import annotations

from datetime import datetime

import attrs

from ...core.model import Model, OpenEnum, json_field

__all__ = [
    "AttachmentMismatch",
    "ServiceType",
    "Ticket",
    "TicketAttachment",
    "TicketMessage",
    "TicketStatus",
]


class TicketStatus(OpenEnum):
    """State of a ticket; only one value is known."""

    OPENED = "opened"


class ServiceType(OpenEnum):
    """Kind of service that a ticket is about.

    A request names a hosting ``hosting``, an answer ``shared-hosting``.
    """

    SERVER = "server"
    HOSTING = "hosting"
    SHARED_HOSTING = "shared-hosting"


@attrs.frozen(kw_only=True, slots=False)
class TicketAttachment(Model):
    """A file of a message, as the API tells of it.

    Attributes:
        id: Its id.
        name: Its name.
        size: Its length, presumably in bytes.
        mime_type: Its MIME type.
    """

    id: int | None = None
    name: str | None = None
    size: int | None = None
    mime_type: str | None = json_field("mimeType")


@attrs.frozen(kw_only=True, slots=False)
class TicketMessage(Model):
    """A message of a ticket.

    Attributes:
        id: Its id.
        content: Its text, which may hold HTML.
        is_customer: True for the customer's messages, False for the support's.
        created_at: When it was written.
        attachments: Its files, None if the answer does not tell.
    """

    id: int
    content: str | None = None
    is_customer: bool | None = None
    created_at: datetime | None = None
    attachments: tuple[TicketAttachment, ...] | None = None


@attrs.frozen(kw_only=True)
class AttachmentMismatch:
    """A file that the answer tells of otherwise than it was sent.

    Attributes:
        reason: ``missing``, ``unexpected``, ``order`` or ``size``.
        sent_name: The name that was sent, None for a file that was not.
        sent_size: How many bytes were sent, None for a file that was not.
        received: What the answer says, None for a file that is missing.
    """

    reason: str
    sent_name: str | None = None
    sent_size: int | None = None
    received: TicketAttachment | None = None

    def __str__(self) -> str:
        file = self.received or TicketAttachment()
        sent = f"{self.sent_name!r} ({_bytes(self.sent_size)})"
        told = f"{file.name!r} ({_bytes(file.size)})"
        match self.reason:
            case "missing":
                return f"{sent} was sent and is not among the ticket's files"
            case "unexpected":
                return f"{told} is among the ticket's files and was not sent"
            case "order":
                return f"{sent} was sent in the place where the ticket has {told}"
            case _:
                return f"{sent} was sent and the ticket has {told}"


@attrs.frozen(kw_only=True, slots=False)
class Ticket(Model):
    """A support ticket. What an answer left out is None.

    Attributes:
        id: Its id.
        status: Its state.
        subject: Its subject.
        created_at: When it was opened.
        updated_at: When it last changed.
        department: Name of the department (a slug, not the id that was sent).
        service_label: The service it is about, for people.
        service_type: Kind of the service.
        service_id: Id of the service.
        service: The service, in an older form that some answers have.
        messages: Its messages.
        attachment_mismatches: On the answer to a create or a reply: what differs from what was
            sent. Empty if all is as sent, None if nothing was compared.
    """

    id: int
    status: TicketStatus | None = None
    subject: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    department: str | None = None
    service_label: str | None = None
    service_type: ServiceType | None = None
    service_id: int | None = None
    service: str | None = None
    messages: tuple[TicketMessage, ...] | None = None
    attachment_mismatches: tuple[AttachmentMismatch, ...] | None = json_field(None)


def _bytes(size: int | None) -> str:
    return "size not known" if size is None else f"{size:,} bytes"
