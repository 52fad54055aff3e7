"""Tickets as the work of a bulk run."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress

import attrs

from ...attachments import Attachment
from ...attachments.contents import Data
from ...attachments.prepare import recognise
from ...bulk import Doubt, Made, Past
from ...core.call import Lost, Recorder
from ...core.caller import Caller
from ...core.endpoint import Endpoint
from ...errors import (
    APIError,
    AuthenticationError,
    InvalidInputError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    ResponseError,
)
from .drafts import TicketDraft, as_marker
from .ledger import Known, Ledger
from .models import Ticket
from .sending import OnUnknown, Sender
from .wording import Wording

__all__ = ["TicketWork"]

_as_json = json.JSONEncoder(ensure_ascii=False).encode

_CHEAP = Endpoint("GET", "/balance", object)  # which every key may read, and which answers little


class TicketWork:
    """What a bulk run is handed (see `Work`).

    Args:
        caller: Makes the calls.
        sender: Sends the tickets.
        ledger: Remembers what was created.
        get: Gets one ticket.
        on_unknown: What to do if it is not known whether a ticket was created.
        mark: Whether to write a reference below each message.
    """

    def __init__(
        self,
        caller: Caller,
        sender: Sender,
        ledger: Ledger,
        get: Callable[[int | str], Awaitable[Ticket]],
        *,
        on_unknown: OnUnknown,
        mark: bool,
    ) -> None:
        self._caller = caller
        self._sender = sender
        self._ledger = ledger
        self._get = get
        self._on_unknown = on_unknown
        self._mark = mark

    @property
    def base_url(self) -> str:
        """See `Work.base_url`."""
        return self._caller.session.base_url

    def fingerprint(self, salt: bytes) -> bytes:
        """See `Work.fingerprint`."""
        key = self._caller.session.headers["Authorization"].encode()
        return hashlib.blake2b(key, key=salt, digest_size=32).digest()

    async def check_key(self) -> None:
        """See `Work.check_key`.

        ``GET /balance``, documented at https://dev.vpsbg.eu/api-3487355.
        """
        # What else it answers does not matter: tickets do not go that way.
        try:
            await self._caller.call(_CHEAP)
        except (AuthenticationError, PermissionDeniedError):
            raise
        except (APIError, ResponseError):
            return

    async def can_see(self, ticket: int) -> bool:
        """See `Work.can_see`.

        ``GET /support/tickets/{id}``, a *convention*.
        """
        with suppress(NotFoundError):
            return (await self._get(ticket)).id == ticket
        return False

    @property
    def has_witness(self) -> bool:
        """See `Work.has_witness`."""
        return any(self._ledger.known(None, marked=marked) for marked in (False, True))

    def remember(self, past: Past) -> None:
        """See `Work.remember`."""
        for made in past.witnesses:
            wording = _wording_in(made.words)
            self._ledger.claim(Known(made.ticket, None, wording, made.began, made.ended))
        for ticket, ended in past.created:
            self._ledger.recall(ticket, ended)
        for doubt in past.doubts:
            wording = _wording_in(doubt.words)
            self._ledger.find(None, wording, doubt.began)  # this client may have lost it itself
            self._ledger.lose(None, wording, doubt.ended)

    def job(self, draft: object) -> TicketJob:
        """See `Work.job`."""
        if not isinstance(draft, TicketDraft):
            raise InvalidInputError({"draft": (f"is no TicketDraft but {type(draft).__name__}",)})
        if problems := draft.problems():
            raise InvalidInputError(problems)
        marker = draft.reference_marker or as_marker(self._mark)
        return TicketJob(draft, marker, self._sender, self._ledger, self._on_unknown)


class TicketJob:
    """One ticket of a bulk run (see `Job`).

    Args:
        draft: The ticket.
        marker: The reference below its message, None for none.
        sender: Sends it.
        ledger: Remembers what was created.
        on_unknown: What to do if it is not known whether it was created.
    """

    def __init__(
        self,
        draft: TicketDraft,
        marker: str | None,
        sender: Sender,
        ledger: Ledger,
        on_unknown: OnUnknown,
    ) -> None:
        self._draft = draft
        self._wording = Wording(draft.subject, draft.message, marker)
        self._sender = sender
        self._ledger = ledger
        self._on_unknown = on_unknown

    @property
    def reference(self) -> str | None:
        """See `Job.reference`."""
        return self._draft.reference

    @property
    def words(self) -> str:
        """See `Job.words`."""
        words = self._wording
        return _as_json((words.subject, words.message, words.marker))

    def digest(self) -> bytes:
        """See `Job.digest`."""
        draft = self._draft
        files, problems = recognise(draft.attachments)
        if problems:
            raise InvalidInputError(problems)
        told = [*map(_told, files.values())]
        if draft.reference is None and None in told:
            text = "is needed with a journal: what a stream holds is not known before it is sent"
            raise InvalidInputError({"reference": (text,)})
        content = {
            "department": draft.department_id,
            "service": [draft.service_type, draft.service_id],
            "subject": draft.subject,
            "message": draft.message,
            "marker": draft.reference_marker,
            "files": told,
        }
        return hashlib.sha256(json.dumps(content).encode()).digest()

    async def run(self, recorder: Recorder, doubt: Doubt | None) -> Made:
        """See `Job.run`."""
        wording, lost = self._wording, None
        if doubt is not None:
            wording = _wording_in(doubt.words)  # as it was sent, whatever is to be sent now
            lost = _lost(doubt)
            self._ledger.find(None, wording, lost.began)  # or it would be its own twin
        draft = self._draft
        if draft.reference_marker != wording.marker:
            draft = attrs.evolve(draft, reference_marker=wording.marker)
        ticket = await self._sender.create(draft, self._on_unknown, recorder=recorder, lost=lost)
        return Made(ticket=ticket.id, mismatches=ticket.attachment_mismatches)


def _lost(doubt: Doubt) -> Lost:
    text = "an earlier run ended before an answer came"
    if doubt.was_judged:
        text = "an earlier run could not tell whether it was created"
    # Of what an earlier run has judged it is not known how: so it counts as if it took long.
    error = OutcomeUnknownError(text, overdue=doubt.was_judged)
    return Lost(error=error, began=doubt.began, ended=doubt.ended)


def _wording_in(words: str) -> Wording:
    return Wording(*json.loads(words))


def _told(attachment: Attachment) -> list[str] | None:
    """What an attachment adds to the digest, None where nobody can tell before it is sent.

    That is its name, and where it comes from: the path as it was given, or the content itself where
    that is in memory. What a file on disk holds is not read for it: it may be large, and a log that
    has grown by the next run is to be the same file then.
    """
    if isinstance(attachment.source, str):
        return [attachment.name, "path", os.path.normpath(attachment.source)]
    if isinstance(attachment.source, Data):
        return [attachment.name, "content", hashlib.sha256(attachment.source.data).hexdigest()]
    return None
