"""Support tickets and their messages.

The ``models`` are what the API tells, ``drafts`` what is sent, ``mismatches`` what became of the
files on the way. `Tickets` has the calls, the `Sender` makes those that create, and `TicketWork` is
what a bulk run is handed. What may have been created is found by `Reconciler`: a `Search` goes
through the list and compares by `Wording`, and the `Ledger` tells what is whose.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import get_args

import attrs

from ...attachments import AttachmentLike
from ...bulk import BulkRun
from ...core.caller import Caller
from ...core.endpoint import Endpoint, is_positive
from ...core.finding import Finding
from ...core.pages import Pages
from ...core.preview import RequestPreview
from ...errors import InvalidInputError, error_of
from ...events import Listener
from .drafts import TicketDraft, as_marker
from .ledger import Known, Ledger
from .many import TicketWork
from .models import (
    AttachmentMismatch,
    ServiceType,
    Ticket,
    TicketAttachment,
    TicketMessage,
    TicketStatus,
)
from .reconcile import Reconciler
from .sending import OnUnknown, Sender
from .wording import Wording

__all__ = [
    "AttachmentMismatch",
    "OnUnknown",
    "ServiceType",
    "Ticket",
    "TicketAttachment",
    "TicketDraft",
    "TicketMessage",
    "TicketStatus",
    "Tickets",
]

_LIST = Endpoint("GET", "/support/tickets", Ticket, "convention")
_GET = Endpoint("GET", "/support/tickets/{id}", Ticket, "convention")


class Tickets:
    """Support tickets and their messages: ``vps.tickets``."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._ledger = ledger = caller.session.memory.setdefault(Ledger, Ledger())
        self._reconciler = Reconciler(caller, ledger, self.list, self.get)
        self._sender = Sender(caller, ledger, self._reconciler)

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
        return await self._sender.create(draft, on_unknown)

    async def preview(
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
    ) -> RequestPreview:
        """What `create` would send for these arguments; nothing is sent.

        The arguments are checked and the files are looked at as `create` does, and no stream is
        begun. What is made up for each call is made up here too: the boundary of the form, and the
        marker for ``reference_marker=True``.

        Args:
            department_id: See `create`, as for all of them.
            subject: 3 to 255 characters.
            message: 5 characters or more; may hold HTML.
            attachments: Files: `Attachment` objects, or plain paths.
            service_type: Kind of the service that the ticket is about.
            service_id: Id of that service.
            on_unknown: Checked; it changes nothing of what is sent.
            reference_marker: A short text that is written below the message.

        Returns:
            The request: method, URL, headers, parts and length; and ``.curl``, a command for a
            shell that does the same.

        Raises:
            InvalidInputError: The arguments cannot be sent; ``.errors`` holds all that is wrong.
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
        return await self._sender.preview(draft, on_unknown)

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
        return await self._sender.reply(ticket_id, message, attachments, marker, on_unknown)

    def create_many(
        self,
        drafts: Iterable[TicketDraft] | AsyncIterable[TicketDraft],
        *,
        journal: str | os.PathLike[str] | None = None,
        concurrency: int = 8,
        on_unknown: OnUnknown = "reconcile",
        reference_marker: bool = False,
        accept_new_key: bool = False,
        on_event: Listener | None = None,
    ) -> BulkRun:
        """Open any number of tickets, so many at a time, in memory that does not grow with them.

        ```python
        async with vps.tickets.create_many(drafts, journal="run.journal") as run:
            async for outcome in run:
                print(outcome.position, outcome.status, outcome.ticket_id)
        print(run.summary)
        ```

        With a journal, a run survives its process and a loss of power: the same run again skips
        what is done, looks for what was under way, and sends the rest. What tells a draft from
        others then is its ``reference``, or else its content: of files on disk their names and
        paths as given, of bytes in memory their content. Of drafts that are equal so, as many are
        created as there are; a stream needs a reference. The journal holds no more of the tickets
        than the words of those in doubt, and of the last sixteen.

        ``POST /support/tickets``, documented at https://dev.vpsbg.eu/api-3597305. Before the first,
        ``GET /balance`` (https://dev.vpsbg.eu/api-3487355) shows whether the key is accepted.
        Reconciliation calls `list` and `get`, which are *conventions*.

        Args:
            drafts: The tickets. They are taken one by one, as there is room for them.
            journal: Where the journal is, or is to be made. One run at a time can use it.
            concurrency: How many tickets may be under way.
            on_unknown: What to do if no answer tells whether a ticket was created: ``reconcile``
                it, as `create` does, or ``raise``, which leaves it unknown at once.
            reference_marker: Whether to write a short reference below each message, by which
                reconciliation knows the ticket for certain. Recommended where tickets read alike:
                without one they are created one after the other.
            accept_new_key: Whether the journal may go on with another key. A ticket of the journal
                is read with it first, to see that it is of the same account.
            on_event: Called with each event of each call, beside whoever is called already.

        Returns:
            The run, to be entered. What goes wrong with one ticket is in its outcome.

        Raises:
            InvalidInputError: An argument cannot be used.
            ConfigurationError: ``on_event`` is no function.
            JournalError: When entered: the journal is in use, damaged, not a journal, or one of
                another address or key. When iterated: it cannot be written any more.
            AuthenticationError: When entered or iterated: the key is not accepted.
            PermissionDeniedError: Likewise.
            TransportError: When entered: the network failed.
        """
        _check_run(
            drafts,
            journal,
            concurrency,
            on_unknown,
            reference_marker=reference_marker,
            accept_new_key=accept_new_key,
        )
        session = self._caller.session
        options = session.options
        options = attrs.evolve(options, notifier=options.notifier.and_to(on_event))
        caller = Caller(attrs.evolve(session, options=options))
        tickets = Tickets(caller)
        work = TicketWork(
            caller,
            tickets._sender,
            self._ledger,
            tickets.get,
            on_unknown=on_unknown,
            mark=reference_marker,
        )
        return BulkRun(
            drafts,
            work,
            journal=None if journal is None else Path(journal),
            accept_new_key=accept_new_key,
            concurrency=concurrency,
            clock=session.clock,
            dependents=session.dependents,
        )

    async def find_created(
        self, draft: TicketDraft | BaseException, *, since: datetime | None = None
    ) -> Finding[Ticket]:
        """Look for the ticket of a call that has ended without an answer.

        ```python
        except (VPSBGError, TimeoutError) as error:
            finding = await vps.tickets.find_created(error)
        ```

        It is in ``.found`` if exactly one ticket reads the same, was created since, and is none
        that this client knows to be another. ``.absent`` is True only if that is proved, for which
        this client must have created another ticket before. Otherwise ``.reason`` tells why it is
        not known still. A server that is still at work may create it later.

        It calls `list` and `get`, which are *conventions*.

        Args:
            draft: What was to be created, or the error of the call that was to create it, or any
                exception that has one behind it.
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
        if isinstance(draft, BaseException) and (error := error_of(draft)) is not None:
            wanted = error.draft
            since = since or (error.history[0].started_at if error.history else None)
        if not isinstance(wanted, TicketDraft):
            raise InvalidInputError({"draft": ("must be a TicketDraft, or an error with one",)})
        if not isinstance(since, datetime) or since.tzinfo is None:
            raise InvalidInputError({"since": ("must be a datetime with a time zone",)})
        if problems := wanted.problems():
            raise InvalidInputError(problems)
        ledger, wording, began = self._ledger, Wording.of(wanted), since.timestamp()
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
        return await self._caller.call(_GET, id=ticket_id)

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
        return self._caller.pages(_LIST, page)


def _check_run(
    drafts: object, journal: object, concurrency: object, on_unknown: object, **flags: object
) -> None:
    """Refuse arguments of `create_many` that no run could go by."""
    problems: dict[str, tuple[str, ...]] = {}
    if not isinstance(drafts, Iterable | AsyncIterable) or isinstance(drafts, str | bytes):
        problems["drafts"] = ("must be an iterable of TicketDraft, or an async one",)
    if (
        not isinstance(journal, str | os.PathLike | None)
        or str(journal) == ""
        or "\0" in str(journal)
    ):
        problems["journal"] = ("must be a path",)
    if not is_positive(concurrency):
        problems["concurrency"] = ("must be a whole number of 1 or more",)
    if on_unknown not in get_args(OnUnknown):
        problems["on_unknown"] = ("must be 'raise' or 'reconcile'",)
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            problems[name] = ("must be True or False",)
    if problems:
        raise InvalidInputError(problems)
