"""Sending a ticket or a reply: from its arguments to the answer, held against what was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal, get_args

import attrs

from ...attachments import AttachmentLike, Limits
from ...attachments.files import File
from ...attachments.prepare import Problems, prepare
from ...core import convert
from ...core.call import Call, Lost, Recorder, located
from ...core.caller import Caller
from ...core.endpoint import Effect, Endpoint
from ...core.multipart import Form
from ...core.preview import RequestPreview, preview_of
from ...errors import (
    AttachmentError,
    InvalidInputError,
    Outcome,
    ValidationError,
    error_of,
    outcome_of,
)
from ...events import AttachmentClipped, AttachmentsDiffer, Waiting
from .drafts import TicketDraft, check_marker, check_message, marked
from .ledger import Known, Ledger, Scope, scope_of
from .mismatches import mismatches
from .models import Ticket, TicketMessage
from .reconcile import Look, Reconciler
from .wording import Wording

__all__ = ["OnUnknown", "Sender"]

OnUnknown = Literal["raise", "reconcile"]
"""What to do when it is not known whether a ticket was created: raise the error, or look for it."""

_ON_UNKNOWN = get_args(OnUnknown)

_CREATES = frozenset({Effect.CREATES})
_CREATE = Endpoint("POST", "/support/tickets", Ticket, effects=_CREATES)
_REPLY = Endpoint("POST", "/support/tickets/{id}/messages", Ticket, effects=_CREATES)


class Sender:
    """Sends forms with files.

    Args:
        caller: Makes the calls.
        ledger: Remembers what was created.
        reconciler: Looks for what may have been.
    """

    def __init__(self, caller: Caller, ledger: Ledger, reconciler: Reconciler) -> None:
        self._caller = caller
        self._ledger = ledger
        self._reconciler = reconciler

    async def create(
        self,
        draft: TicketDraft,
        on_unknown: OnUnknown,
        *,
        recorder: Recorder | None = None,
        lost: Lost | None = None,
    ) -> Ticket:
        """Create a ticket; see `Tickets.create`.

        Args:
            draft: The ticket.
            on_unknown: What to do if it is not known whether it was created.
            recorder: Writes down what leaves.
            lost: An attempt of another process to create it.
        """
        sending = self._sending(draft, on_unknown)
        look = partial(self._reconciler.find_ticket, sending.wording)
        return await self._post(sending, look, recorder, lost)

    async def preview(self, draft: TicketDraft, on_unknown: OnUnknown) -> RequestPreview:
        """What `create` would send; see `Tickets.preview`."""
        sending, session = self._sending(draft, on_unknown), self._caller.session
        with located(_CREATE.method, _CREATE.path):
            form = await sending.prepare()
        url = f"{session.base_url}{_CREATE.path}"
        return preview_of(_CREATE.method, url, session.headers, form)

    def _sending(self, draft: TicketDraft, on_unknown: OnUnknown) -> _Sending:
        problems = draft.problems()
        return _Sending(
            endpoint=_CREATE,
            ids={},
            problems=problems,
            fields=[] if problems else draft.fields(),
            attachments=draft.attachments,
            limits=self._caller.session.limits,
            scope=None,
            wording=Wording.of(draft),
            on_unknown=on_unknown,
            draft=draft,
        )

    async def reply(
        self,
        ticket_id: int | str,
        message: str,
        attachments: Sequence[AttachmentLike],
        marker: str | None,
        on_unknown: OnUnknown,
    ) -> Ticket:
        """Add a message to a ticket; see `Tickets.reply`."""
        problems: Problems = {}
        check_message(problems, message)
        check_marker(problems, marker)
        form = _Sending(
            endpoint=_REPLY,
            ids={"id": ticket_id},
            problems=problems,
            fields=[] if problems else [("message", marked(message, marker))],
            attachments=attachments,
            limits=self._caller.session.limits,
            scope=scope_of(ticket_id),
            wording=Wording("", message, marker),
            on_unknown=on_unknown,
        )
        return await self._post(form, partial(self._reconciler.find_reply, ticket_id, form.wording))

    async def _post(
        self,
        sending: _Sending,
        look: Look,
        recorder: Recorder | None = None,
        lost: Lost | None = None,
    ) -> Ticket:
        """Check, send a form with files, and compare the answer with what was sent."""
        draft = sending.draft
        call = self._caller.begin(sending.endpoint, sending.ids, draft=draft, recorder=recorder)
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
                lost=lost,
            )
        except BaseException as error:
            sending.name_files_in(error)
            if outcome_of(error) in (Outcome.UNKNOWN, Outcome.PROCESSED):
                self._ledger.lose(scope, wording, self._caller.session.clock.time())
                _tell_marker(wording, error)
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
        words = Wording("", sending.wording.message, sending.wording.marker)
        if message is not None and words.matches("", message.content or ""):
            scope = ticket.id if sending.scope is None else sending.scope
            self._ledger.claim(Known(message.id, scope, words, began, ended))


@attrs.define(kw_only=True)
class _Sending:
    """A form with files, from its arguments to what is sent.

    Attributes:
        form: What is sent, once it was prepared.
    """

    endpoint: Endpoint[Ticket]
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
        if self.on_unknown not in _ON_UNKNOWN:
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


def _tell_marker(wording: Wording, error: BaseException) -> None:
    """Have an error tell by what that may be found which it is about."""
    ours = error_of(error)
    if ours is not None and wording.marker is not None:
        ours.remarks = (*ours.remarks, f"its message bears [ref {wording.marker}]")


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
    # Frozen, but not yet given out. A copy would take a tenth of what it took to make the ticket.
    object.__setattr__(ticket, "attachment_mismatches", found)
    return ticket
