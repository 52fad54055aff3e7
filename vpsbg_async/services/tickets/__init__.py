"""Support tickets and their messages.

The ``models`` are what the API tells, ``drafts`` what is sent, ``mismatches`` what became of the
files on the way. `Tickets` has the calls. What may have been created is found by `Reconciler`: a
`Search` goes through the list and compares by `Wording`, and the `Ledger` tells what is whose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Literal, get_args

import attrs

from ...attachments import AttachmentLike, Limits
from ...attachments.files import File
from ...attachments.prepare import Problems, prepare
from ...core import convert
from ...core.call import Call
from ...core.caller import Caller
from ...core.endpoint import Effect, Endpoint, is_positive
from ...core.finding import Finding
from ...core.multipart import Form
from ...core.pages import Pages
from ...errors import (
    AttachmentError,
    InvalidInputError,
    Outcome,
    ValidationError,
    VPSBGError,
    outcome_of,
)
from ...events import AttachmentClipped, AttachmentsDiffer, Waiting
from .drafts import TicketDraft, as_marker, check_marker, check_message, marked
from .ledger import Known, Ledger, Scope, scope_of
from .mismatches import mismatches
from .models import (
    AttachmentMismatch,
    ServiceType,
    Ticket,
    TicketAttachment,
    TicketMessage,
    TicketStatus,
)
from .reconcile import Look, Reconciler
from .wording import Wording

__all__ = [
    "AttachmentMismatch",
    "Ledger",
    "OnUnknown",
    "ServiceType",
    "Ticket",
    "TicketAttachment",
    "TicketDraft",
    "TicketMessage",
    "TicketStatus",
    "Tickets",
]

OnUnknown = Literal["raise", "reconcile"]
"""What to do when it is not known whether a ticket was created: raise the error, or look for it."""

_CREATES = frozenset({Effect.CREATES})
_LIST = Endpoint("GET", "/support/tickets", "convention")
_CREATE = Endpoint("POST", "/support/tickets", effects=_CREATES)
_GET = Endpoint("GET", "/support/tickets/{id}", "convention")
_REPLY = Endpoint("POST", "/support/tickets/{id}/messages", effects=_CREATES)


class Tickets:
    """Support tickets and their messages: ``vps.tickets``."""

    def __init__(self, caller: Caller, limits: Limits, ledger: Ledger) -> None:
        self._caller = caller
        self._limits = limits
        self._ledger = ledger
        self._reconciler = Reconciler(caller, ledger, self.list, self.get)

    async def create(
        self,
        *,
        department_id: int,
        subject: str,
        message: str,
        attachments: Sequence[AttachmentLike] = (),
        service_type: ServiceType | str | None = None,
        service_id: int | None = None,
        on_unknown: OnUnknown = "raise",
        reference_marker: bool | str = False,
    ) -> Ticket:
        """Open a ticket with its first message and files.

        All problems with the arguments are found before anything is sent. The files are streamed;
        a request cut short cannot be taken for a whole ticket. It is sent again only if it is
        certain that the ticket was not created.

        ``POST /support/tickets``, documented at https://dev.vpsbg.eu/api-3597305. Reconciliation
        calls `list` and `get`, which are *conventions*.

        Args:
            department_id: Id of the department; the client area's ticket form shows them.
            subject: 3 to 255 characters.
            message: 5 characters or more; may hold HTML.
            attachments: Files: `Attachment` objects, or plain paths.
            service_type: Kind of the service that the ticket is about.
            service_id: Id of that service.
            on_unknown: What to do if no answer tells whether it was created: ``raise`` the error,
                or ``reconcile``, which looks for it in the list, returns it if it is there, sends
                it again if it is proved absent, and raises the error otherwise. That takes as long
                as `ReconcilePolicy` says.
            reference_marker: A short text that is written below the message, by which
                reconciliation knows the ticket for certain; True for one made up.

        Returns:
            The new ticket. Its ``attachment_mismatches`` tell whether the files arrived as sent.

        Raises:
            InvalidInputError: The arguments cannot be sent; ``.errors`` holds all that is wrong.
            AttachmentError: A file failed on the way; the ticket was not created.
            NotSentError: Nothing that could be acted on reached the server.
            OutcomeUnknownError: Sent, and no answer came: the ticket may exist. ``.draft`` is the
                ticket as a `TicketDraft`, ``.history`` tells when it was sent.
            ResponseReadError: The answer broke off: with a 2xx status the ticket exists.
            ResponseError: The ticket exists, and the answer is not what was promised.
            APIError: The server answered with an error; see its subclasses. A `ServerError` tells
                in ``.outcome`` whether the ticket may exist.
        """
        draft = TicketDraft(
            department_id=department_id,
            subject=subject,
            message=message,
            attachments=attachments,
            service_type=service_type,
            service_id=service_id,
            reference_marker=as_marker(reference_marker),
        )
        problems = draft.problems()
        sending = _Sending(
            endpoint=_CREATE,
            ids={},
            problems=problems,
            fields=[] if problems else draft.fields(),
            attachments=attachments,
            limits=self._limits,
            scope=None,
            wording=_wording_of(draft),
            on_unknown=on_unknown,
            draft=draft,
        )
        return await self._post(sending, partial(self._reconciler.find_ticket, sending.wording))

    async def reply(
        self,
        ticket_id: int | str,
        *,
        message: str,
        attachments: Sequence[AttachmentLike] = (),
        on_unknown: OnUnknown = "raise",
        reference_marker: bool | str = False,
    ) -> Ticket:
        """Add a message, with files, to a ticket.

        It is sent again only if it is certain that the message was not added.

        ``POST /support/tickets/{id}/messages``, documented at https://dev.vpsbg.eu/api-3597306.
        Reconciliation calls `get`, which is a *convention*.

        Args:
            ticket_id: Id of the ticket.
            message: 5 characters or more; may hold HTML.
            attachments: Files: `Attachment` objects, or plain paths.
            on_unknown: What to do if no answer tells whether it was added: ``raise`` the error, or
                ``reconcile``; see `create`.
            reference_marker: A short text that is written below the message, by which
                reconciliation knows it for certain; True for one made up.

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
        marker = as_marker(reference_marker)
        problems: Problems = {}
        check_message(problems, message)
        check_marker(problems, marker)
        sending = _Sending(
            endpoint=_REPLY,
            ids={"id": ticket_id},
            problems=problems,
            fields=[] if problems else [("message", marked(message, marker))],
            attachments=attachments,
            limits=self._limits,
            scope=scope_of(ticket_id),
            wording=Wording("", message, marker),
            on_unknown=on_unknown,
        )
        look = partial(self._reconciler.find_reply, ticket_id, sending.wording)
        return await self._post(sending, look)

    async def find_created(
        self, draft: TicketDraft | VPSBGError, *, since: datetime | None = None
    ) -> Finding[Ticket]:
        """Look for the ticket of a call that has ended without an answer.

        ```python
        except VPSBGError as error:
            finding = await vps.tickets.find_created(error)
        ```

        It is in ``.found`` if exactly one ticket reads the same, was created since, and is none
        that this client knows to be another. ``.absent`` is True only if that is proved, for which
        this client must have created another ticket before. Otherwise ``.reason`` tells why it is
        not known still. A server that is still at work may create it later.

        It calls `list` and `get`, which are *conventions*.

        Args:
            draft: What was to be created, or the error of the call that was to create it.
            since: When its first attempt began, by the clock here, with a time zone. An error
                knows it.

        Returns:
            What the look has shown.

        Raises:
            InvalidInputError: There is no draft, or no time with a time zone.
            TransportError: The network failed.
            ResponseError: An answer is not what was promised.
            APIError: The server answered with an error; see its subclasses.
        """
        wanted: object = draft
        if isinstance(draft, VPSBGError):
            wanted = draft.draft
            since = since or (draft.history[0].started_at if draft.history else None)
        if not isinstance(wanted, TicketDraft):
            raise InvalidInputError({"draft": ("must be a TicketDraft, or an error with one",)})
        if not isinstance(since, datetime) or since.tzinfo is None:
            raise InvalidInputError({"since": ("must be a datetime with a time zone",)})
        if problems := wanted.problems():
            raise InvalidInputError(problems)
        ledger, wording, began = self._ledger, _wording_of(wanted), since.timestamp()
        finding = Finding[Ticket]()
        async with ledger.turn(None, wording, alone=True, on_wait=lambda: None):
            ledger.find(None, wording, began)  # or it would be its own twin
            try:
                finding = await self._reconciler.find_ticket(wording, began)
            finally:
                now = self._caller.session.clock.time()
                if finding.found is not None:
                    known = Known(finding.found.id, None, wording, began, now)
                    ledger.claim(known, sought=began)
                elif not finding.absent:
                    ledger.lose(None, wording, now)
        return finding

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

    async def _post(self, sending: _Sending, look: Look) -> Ticket:
        """Check, send a form with files, and compare the answer with what was sent."""
        call = self._caller.begin(sending.endpoint, sending.ids, draft=sending.draft)
        scope, wording = sending.scope, sending.wording
        reconcile = sending.on_unknown == "reconcile"
        turn = self._ledger.turn(
            scope,
            wording,
            alone=reconcile,
            on_wait=lambda: call.tell(Waiting, reason="twin", seconds=None),
        )
        is_wrong = bool(sending.problems or sending.endpoint.problems_of(sending.ids))
        try:
            ticket = await call.run(
                lambda answer: convert.read(answer, Ticket),
                prepare=sending.prepare,
                within=None if is_wrong else turn,
                recover=partial(self._reconciler.recover, look) if reconcile else None,
            )
        except BaseException as error:
            sending.name_files_in(error)
            if outcome_of(error) in (Outcome.UNKNOWN, Outcome.PROCESSED):
                self._ledger.lose(scope, wording, self._caller.session.clock.time())
            raise
        message = self._own_message(sending, ticket)
        self._claim(sending, call, ticket, message)
        return _compared(sending.form, call, ticket, message)

    def _own_message(self, sending: _Sending, ticket: Ticket) -> TicketMessage | None:
        """The message that was sent, among those of the ticket that answers."""
        messages = sorted(ticket.messages or (), key=lambda message: message.id)
        if sending.scope is None:
            return messages[0] if messages else None
        ours = [message for message in messages if message.is_customer is not False] or messages
        for message in reversed(ours):
            is_claimed = self._ledger.is_claimed(sending.scope, message.id)
            if not is_claimed and sending.wording.matches("", message.content or ""):
                return message
        return ours[-1] if ours else None

    def _claim(
        self, sending: _Sending, call: Call, ticket: Ticket, message: TicketMessage | None
    ) -> None:
        """Remember what was created, and that it is nobody else's."""
        began, ended = call.started, self._caller.session.clock.time()
        if sending.scope is None:
            self._ledger.claim(Known(ticket.id, None, sending.wording, began, ended))
        words = attrs.evolve(sending.wording, subject="")
        if message is not None and words.matches("", message.content or ""):
            scope = ticket.id if sending.scope is None else sending.scope
            self._ledger.claim(Known(message.id, scope, words, began, ended))


@attrs.define(kw_only=True)
class _Sending:
    """A form with files, from its arguments to what is sent.

    Attributes:
        form: What is sent, once it was prepared.
    """

    endpoint: Endpoint
    ids: Mapping[str, int | str]
    problems: Problems
    fields: Sequence[tuple[str, str]]
    attachments: Sequence[AttachmentLike]
    limits: Limits
    scope: Scope
    wording: Wording
    on_unknown: OnUnknown
    draft: TicketDraft | None = None
    form: Form | None = None

    async def prepare(self) -> Form:
        """Check all there is to check, and look at the files."""
        files, with_files = await prepare(self.attachments, self.limits)
        problems = self.endpoint.problems_of(self.ids) | self.problems | with_files
        if self.on_unknown not in get_args(OnUnknown):
            problems["on_unknown"] = ("must be 'raise' or 'reconcile'",)
        if problems:
            raise InvalidInputError(problems)
        self.form = Form(self.fields[:-1], files, self.fields[-1])
        return self.form

    def name_files_in(self, error: BaseException) -> None:
        """Have an error tell which of the caller's files it is about."""
        if self.form is None:
            return
        if isinstance(error, AttachmentError):
            if error.attachment is None and self.form.current is not None:
                error.attachment = self.form.current.attachment
        elif isinstance(error, ValidationError):
            named = {
                f"attachments.{index}": file.attachment
                for index, file in enumerate(self.form.files)
            }
            error.attachments = {key: named[key] for key in error.errors if key in named}


def _compared(
    form: Form | None, call: Call, ticket: Ticket, message: TicketMessage | None
) -> Ticket:
    """The ticket, held against what was sent; whoever listens is told of what differs."""
    files = () if form is None else form.files
    for file in files:
        if isinstance(file.content, File) and file.content.added:
            name, added = file.attachment.name, file.content.added
            call.tell(AttachmentClipped, name=name, added=added)
    found = mismatches(files, message)
    if found:
        call.tell(AttachmentsDiffer, mismatches=found)
    return attrs.evolve(ticket, attachment_mismatches=found)


def _wording_of(draft: TicketDraft) -> Wording:
    return Wording(draft.subject, draft.message, draft.reference_marker)
