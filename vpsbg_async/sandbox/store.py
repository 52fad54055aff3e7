"""The tickets that the sandbox keeps, in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from attrs import evolve, frozen

from .forms import Upload

__all__ = ["StoredAttachment", "StoredMessage", "StoredTicket", "TicketStore"]


@frozen
class StoredAttachment:
    """A file of a message.

    Attributes:
        sha256: The checksum of its content, in hexadecimal.
        path: Where it lies as long as the sandbox runs.
    """

    id: int
    name: str
    size: int
    sha256: str
    mime_type: str
    path: Path


@frozen
class StoredMessage:
    """A message of a ticket."""

    id: int
    content: str
    is_customer: bool
    created_at: datetime
    attachments: tuple[StoredAttachment, ...]


@frozen
class StoredTicket:
    """A ticket as it stood when it was asked for.

    Attributes:
        service_type: As it was sent, ``hosting`` or ``server``.
    """

    id: int
    subject: str
    department_id: int
    service_type: str | None
    service_id: int | None
    created_at: datetime
    updated_at: datetime
    messages: tuple[StoredMessage, ...]


class TicketStore:
    """All tickets, and the numbers for new ones.

    Args:
        clock: Unix seconds, for the times of tickets and messages.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._tickets: dict[int, StoredTicket] = {}
        # From the examples of the documentation: no id of one kind passes for one of another.
        self._ticket_ids = count(216)
        self._message_ids = count(50)
        self._attachment_ids = count(5)

    def all(self) -> tuple[StoredTicket, ...]:
        """The tickets, oldest first."""
        return tuple(self._tickets.values())

    def find(self, ticket_id: int) -> StoredTicket | None:
        """The ticket of that number."""
        return self._tickets.get(ticket_id)

    def open(
        self,
        *,
        subject: str,
        department_id: int,
        service_type: str | None,
        service_id: int | None,
        message: str,
        uploads: Iterable[Upload],
    ) -> StoredTicket:
        """Keep a new ticket with its first message."""
        first = self._message(message, uploads)
        return self._keep(
            StoredTicket(
                id=next(self._ticket_ids),
                subject=subject,
                department_id=department_id,
                service_type=service_type,
                service_id=service_id,
                created_at=first.created_at,
                updated_at=first.created_at,
                messages=(first,),
            )
        )

    def reply(self, ticket_id: int, *, message: str, uploads: Iterable[Upload]) -> StoredTicket:
        """Keep a further message of a ticket."""
        ticket = self._tickets[ticket_id]
        reply = self._message(message, uploads)
        return self._keep(
            evolve(ticket, updated_at=reply.created_at, messages=(*ticket.messages, reply))
        )

    def _keep(self, ticket: StoredTicket) -> StoredTicket:
        self._tickets[ticket.id] = ticket
        return ticket

    def _message(self, content: str, uploads: Iterable[Upload]) -> StoredMessage:
        return StoredMessage(
            id=next(self._message_ids),
            content=content,
            is_customer=True,
            created_at=datetime.fromtimestamp(self._clock(), UTC),
            attachments=tuple(
                StoredAttachment(
                    id=next(self._attachment_ids),
                    name=upload.name,
                    size=upload.file.size,
                    sha256=upload.file.sha256,
                    mime_type=upload.mime_type or "application/octet-stream",
                    path=upload.file.path,
                )
                for upload in uploads
                if upload.file is not None
            ),
        )
