"""Support tickets and their messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import attrs

from ..attachments import AttachmentLike, Limits
from ..attachments.prepare import Prepared, Problems, prepare
from ..core.call import Caller, Endpoint, is_encodable, is_positive, located
from ..core.model import Model, OpenEnum, json_field
from ..core.multipart import Form
from ..core.pages import Pages
from ..errors import (
    AttachmentError,
    InvalidInputError,
    OutcomeUnknownError,
    ValidationError,
)

__all__ = [
    "AttachmentMismatch",
    "ServiceType",
    "Ticket",
    "TicketAttachment",
    "TicketDraft",
    "TicketMessage",
    "TicketStatus",
    "Tickets",
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


@attrs.frozen(kw_only=True)
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


@attrs.frozen(kw_only=True)
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


@attrs.frozen(kw_only=True)
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


@attrs.frozen(kw_only=True)
class TicketDraft:
    """A ticket to be created; the arguments of `Tickets.create` in one piece.

    Attributes:
        department_id: Id of the department; the client area's ticket form shows them.
        subject: 3 to 255 characters.
        message: 5 characters or more; may hold HTML.
        attachments: Files to send.
        service_type: Kind of the service that the ticket is about.
        service_id: Id of that service.
    """

    department_id: int
    subject: str
    message: str = attrs.field(repr=False)
    attachments: Sequence[AttachmentLike] = ()
    service_type: ServiceType | str | None = None
    service_id: int | None = None


_LIST = Endpoint("GET", "/support/tickets", "convention")
_CREATE = Endpoint("POST", "/support/tickets")
_GET = Endpoint("GET", "/support/tickets/{id}", "convention")
_REPLY = Endpoint("POST", "/support/tickets/{id}/messages")

_SUBJECT_MIN, _SUBJECT_MAX = 3, 255  # characters
_MESSAGE_MIN = 5  # characters


class Tickets:
    """Support tickets and their messages: ``vps.tickets``."""

    def __init__(self, caller: Caller, limits: Limits) -> None:
        self._caller = caller
        self._limits = limits

    async def create(
        self,
        *,
        department_id: int,
        subject: str,
        message: str,
        attachments: Sequence[AttachmentLike] = (),
        service_type: ServiceType | str | None = None,
        service_id: int | None = None,
    ) -> Ticket:
        """Open a ticket with its first message and files.

        All problems with the arguments are found before anything is sent. The files are streamed;
        a request cut short cannot be taken for a whole ticket. It is sent once.

        ``POST /support/tickets``, documented at https://dev.vpsbg.eu/api-3597305.

        Args:
            department_id: Id of the department; the client area's ticket form shows them.
            subject: 3 to 255 characters.
            message: 5 characters or more; may hold HTML.
            attachments: Files: `Attachment` objects, or plain paths.
            service_type: Kind of the service that the ticket is about.
            service_id: Id of that service.

        Returns:
            The new ticket. Its ``attachment_mismatches`` tell whether the files arrived as sent.

        Raises:
            InvalidInputError: The arguments cannot be sent; ``.errors`` holds all that is wrong.
            AttachmentError: A file failed on the way; the ticket was not created.
            NotSentError: Nothing that could be acted on reached the server.
            OutcomeUnknownError: Sent, and no answer came: the ticket may exist. ``.draft`` is the
                ticket as a `TicketDraft`.
            ResponseReadError: The answer broke off: with a 2xx status the ticket exists.
            ResponseError: The ticket exists, and the answer is not what was promised.
            APIError: The server answered with an error; see its subclasses.
        """
        draft = TicketDraft(
            department_id=department_id,
            subject=subject,
            message=message,
            attachments=attachments,
            service_type=service_type,
            service_id=service_id,
        )
        problems = _problems_of(draft)
        fields = [] if problems else _fields_of(draft)
        try:
            return await self._post(_CREATE, {}, fields, attachments, problems)
        except OutcomeUnknownError as error:
            error.draft = draft
            raise

    async def reply(
        self, ticket_id: int | str, *, message: str, attachments: Sequence[AttachmentLike] = ()
    ) -> Ticket:
        """Add a message, with files, to a ticket. It is sent once.

        ``POST /support/tickets/{id}/messages``, documented at https://dev.vpsbg.eu/api-3597306.

        Args:
            ticket_id: Id of the ticket.
            message: 5 characters or more; may hold HTML.
            attachments: Files: `Attachment` objects, or plain paths.

        Returns:
            The whole ticket, as the API answers. Its ``attachment_mismatches`` tell whether the
            files arrived as sent.

        Raises:
            InvalidInputError: The arguments cannot be sent; ``.errors`` holds all that is wrong.
            AttachmentError: A file failed on the way; the message was not added.
            NotSentError: Nothing that could be acted on reached the server.
            OutcomeUnknownError: Sent, and no answer came: the message may have been added.
            ResponseReadError: The answer broke off: with a 2xx status the message was added.
            ResponseError: The message was added, and the answer is not what was promised.
            NotFoundError: There is no such ticket.
            APIError: The server answered with another error; see its subclasses.
        """
        problems: Problems = {}
        _check_text(problems, "message", message, _MESSAGE_MIN)
        fields = [("message", message)]
        return await self._post(_REPLY, {"id": ticket_id}, fields, attachments, problems)

    async def get(self, ticket_id: int | str) -> Ticket:
        """Read one ticket with its messages.

        ``GET /support/tickets/{id}``, a *convention*: the path is deduced from that of the reply
        (https://dev.vpsbg.eu), and what it answers is assumed.

        Args:
            ticket_id: Id of the ticket.

        Returns:
            The ticket.

        Raises:
            InvalidInputError: The id cannot be sent.
            TransportError: The network failed.
            ResponseError: The answer is not what was promised.
            NotFoundError: There is no such ticket, or no such path.
            APIError: The server answered with another error; see its subclasses.
        """
        return await self._caller.call(_GET, Ticket, {"id": ticket_id})

    def list(self, *, page: int | None = None) -> Pages[Ticket]:
        """The tickets of the account: await it for one page, iterate it for all.

        ``GET /support/tickets``, a *convention*: the path is that of creating
        (https://dev.vpsbg.eu), and paging, order and what an item holds are assumed.

        Args:
            page: Number of the page to get or to begin with; the first is 1.

        Returns:
            The pages; nothing is sent until they are awaited or iterated.

        Raises:
            InvalidInputError: The number is no page.
            TransportError: When fetched: the network failed.
            ResponseError: When fetched: the answer is not what was promised.
            APIError: When fetched: the server answered with an error; see its subclasses.
        """
        if page is not None and not is_positive(page):
            raise InvalidInputError({"page": ("must be the number of a page, from 1",)})
        return Pages(lambda number: self._caller.page(_LIST, Ticket, number), page)

    async def _post(
        self,
        endpoint: Endpoint,
        ids: Mapping[str, int | str],
        fields: Sequence[tuple[str, str]],
        attachments: Sequence[AttachmentLike],
        problems: Problems,
    ) -> Ticket:
        """Check, send a form with files, and compare the answer with what was sent.

        The last field is sent last, as the one without which the form cannot validate.
        """
        with located(endpoint.method, endpoint.path, attempts=0):
            files, with_files = await prepare(attachments, self._limits)
            if found := endpoint.problems_of(ids) | problems | with_files:
                raise InvalidInputError(found)
        form = Form(fields[:-1], files, fields[-1])
        try:
            ticket = await self._caller.call(endpoint, Ticket, ids, body=form)
        except AttachmentError as error:
            if error.attachment is None and form.current is not None:
                error.attachment = form.current.attachment
            raise
        except ValidationError as error:
            named = {f"attachments.{index}": file.attachment for index, file in enumerate(files)}
            error.attachments = {key: named[key] for key in error.errors if key in named}
            raise
        return attrs.evolve(ticket, attachment_mismatches=_mismatches(files, ticket))


def _problems_of(draft: TicketDraft) -> Problems:
    problems: Problems = {}
    if not is_positive(draft.department_id):
        problems["department_id"] = ("must be the id of a department, a whole number",)
    _check_text(problems, "subject", draft.subject, _SUBJECT_MIN, _SUBJECT_MAX)
    _check_text(problems, "message", draft.message, _MESSAGE_MIN)
    if draft.service_type is not None:
        _check_text(problems, "service_type", draft.service_type, 1)
    if draft.service_id is not None and not is_positive(draft.service_id):
        problems["service_id"] = ("must be the id of a service, a whole number",)
    return problems


def _fields_of(draft: TicketDraft) -> list[tuple[str, str]]:
    fields = [
        ("message", draft.message),
        ("subject", draft.subject),
        ("department_id", str(draft.department_id)),
    ]
    if draft.service_id is not None:
        fields.insert(0, ("service_id", str(draft.service_id)))
    if draft.service_type is not None:
        fields.insert(0, ("service_type", str(draft.service_type)))
    return fields


def _check_text(
    problems: Problems, name: str, value: str, least: int, most: int | None = None
) -> None:
    if not isinstance(value, str):
        problems[name] = (f"must be text, not {type(value).__name__}",)
    elif len(value) < least:
        problems[name] = (f"must have at least {least} characters, not {len(value)}",)
    elif most is not None and len(value) > most:
        problems[name] = (f"must have at most {most} characters, not {len(value)}",)
    elif not is_encodable(value):
        problems[name] = ("holds half a character (a lone surrogate)",)


def _mismatches(sent: Sequence[Prepared], ticket: Ticket) -> tuple[AttachmentMismatch, ...] | None:
    """Compare what was sent with what the ticket's newest message holds: count, order, sizes."""
    if not ticket.messages:
        return None
    received = max(ticket.messages, key=lambda message: message.id).attachments
    if received is None:
        return None
    if len(sent) != len(received):
        return tuple(_unpaired(sent, received))
    names = [file.attachment.name for file in sent]
    told = [file.name for file in received]
    reordered = names != told and Counter(names) == Counter(told)
    found = []
    for ours, theirs in zip(sent, received, strict=True):
        if reordered and ours.attachment.name != theirs.name:
            found.append(_mismatch("order", ours, theirs))
        elif theirs.size not in (None, ours.size):
            found.append(_mismatch("size", ours, theirs))
    return tuple(found)


def _unpaired(
    sent: Sequence[Prepared], received: Sequence[TicketAttachment]
) -> Iterator[AttachmentMismatch]:
    """What has no partner of the same name on the other side."""
    left = [*received]
    for ours in sent:
        partner = next((file for file in left if file.name == ours.attachment.name), None)
        if partner is None:
            yield _mismatch("missing", ours, None)
        else:
            left.remove(partner)
    for theirs in left:
        yield _mismatch("unexpected", None, theirs)


def _mismatch(
    reason: str, ours: Prepared | None, theirs: TicketAttachment | None
) -> AttachmentMismatch:
    return AttachmentMismatch(
        reason=reason,
        sent_name=None if ours is None else ours.attachment.name,
        sent_size=None if ours is None else ours.size,
        received=theirs,
    )


def _bytes(size: int | None) -> str:
    return "size not known" if size is None else f"{size:,} bytes"
