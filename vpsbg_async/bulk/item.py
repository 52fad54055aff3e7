"""One item of a run: from its draft to its outcome."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from ..core.clock import Clock
from ..errors import (
    AuthenticationError,
    InvalidInputError,
    JournalError,
    Outcome,
    PermissionDeniedError,
    VPSBGError,
    outcome_of,
)
from .outcomes import BulkOutcome, BulkStatus
from .records import Records
from .states import Admission, State, Verdict
from .work import Job, Made, Work

__all__ = ["Item"]

_ENDING = (AuthenticationError, PermissionDeniedError)  # the next item would fare no better
_STATES = {
    Outcome.NOT_SENT: State.REJECTED,
    Outcome.NOT_PROCESSED: State.REJECTED,
    # It is created if the answer was the API's; that of a proxy looks the same.
    Outcome.PROCESSED: State.UNKNOWN,
    Outcome.UNKNOWN: State.UNKNOWN,
}


class Item:
    """One item of a run.

    Args:
        position: Which draft of the input it is, from 1.
        draft: The draft.
        clock: Tells the time.
    """

    def __init__(self, position: int, draft: object, clock: Clock) -> None:
        self._position = position
        self._draft = draft
        reference = getattr(draft, "reference", None)
        self._reference = reference if isinstance(reference, str) else None
        self._clock = clock
        self._sheet: _Sheet | None = None

    @property
    def is_in_doubt(self) -> bool:
        """Whether an earlier run may have created it, once it was looked up."""
        return self._sheet is not None and self._sheet.doubt is not None

    async def look_up(self, work: Work, records: Records) -> BulkOutcome | None:
        """Find out what is to be done with it.

        Returns:
            Its outcome if that is nothing.

        Raises:
            JournalError: The journal cannot be written any more.
        """
        try:
            job = work.job(self._draft)
            admission = await records.admit(job, self._position)
            _check(admission)
        except InvalidInputError as error:
            return self._outcome(BulkStatus.REJECTED, error=error)
        if admission.verdict is Verdict.SKIP:
            return self._outcome(BulkStatus.SKIPPED, ticket=admission.ticket)
        self._sheet = _Sheet(records, admission, job, self._clock)
        return None

    async def create(self) -> BulkOutcome:
        """Create it, or find out whether it was created; it was looked up before.

        Raises:
            AuthenticationError: The key is not accepted any more. The item was not created.
            PermissionDeniedError: Likewise.
            JournalError: Nothing can be written down any more. The item was not sent, or the
                journal has it as in doubt.
        """
        sheet = self._sheet
        if sheet is None:
            raise RuntimeError("it was not looked up, or is not to be created")
        try:
            made = await sheet.job.run(sheet, sheet.doubt)
        except JournalError:
            raise
        except VPSBGError as error:
            return self._failed(error, sheet)
        except asyncio.CancelledError as cancelled:
            if sheet.is_sent:
                is_safe = outcome_of(cancelled) in (Outcome.NOT_SENT, Outcome.NOT_PROCESSED)
                sheet.settle(State.NEW if is_safe else State.SENT)
            raise
        sheet.settle(State.CREATED, ticket=made.ticket)
        return self._outcome(BulkStatus.CREATED, made=made)

    def _failed(self, error: VPSBGError, sheet: _Sheet) -> BulkOutcome:
        state = _STATES[error.outcome]
        if state is State.REJECTED and isinstance(error, _ENDING):
            sheet.settle(State.NEW)
            raise error
        sheet.settle(state, reason=str(error))
        return self._outcome(BulkStatus(state), error=error)

    def _outcome(
        self,
        status: BulkStatus,
        *,
        made: Made | None = None,
        ticket: int | None = None,
        error: VPSBGError | None = None,
    ) -> BulkOutcome:
        sheet = self._sheet
        return BulkOutcome(
            position=self._position,
            reference=self._reference,
            status=status,
            ticket_id=ticket if made is None else made.ticket,
            error=error,
            attachment_mismatches=None if made is None else made.mismatches,
            attempts=0 if sheet is None else sheet.attempts,
            started_at=None if sheet is None else sheet.started_at,
            seconds=0.0 if sheet is None else sheet.seconds,
        )


class _Sheet:
    """What is written down of an item (see `Recorder`).

    Attributes:
        attempts: How many times it was sent, or tried to be.
        started_at: When it was first.
        is_sent: Whether an attempt is under way.
        job: What creates it.
        doubt: What is in doubt of it, None if nothing is.
    """

    def __init__(self, records: Records, admission: Admission, job: Job, clock: Clock) -> None:
        self.attempts = 0
        self.started_at: datetime | None = None
        self._began = 0.0
        self._records = records
        self._identity = admission.identity
        self.job = job
        self.doubt = admission.doubt
        self._clock = clock
        self._is_in_doubt = admission.doubt is not None  # as the records have it
        self.is_sent = False

    async def sending(self) -> None:
        """See `Recorder.sending`."""
        if not self.attempts:
            self.started_at = datetime.fromtimestamp(self._clock.time(), UTC)
            self._began = self._clock.monotonic()
        self.attempts += 1
        if not self._is_in_doubt:
            self._is_in_doubt = self.is_sent = True
            if self._identity:
                await self._records.send(self._identity, self._words, self._clock.time())

    @property
    def _words(self) -> str:
        """What is in doubt was sent in other words maybe, and is sent again in no others."""
        return self.job.words if self.doubt is None else self.doubt.words

    def undone(self) -> None:
        """See `Recorder.undone`."""
        if self._is_in_doubt:
            self.settle(State.NEW)

    def doubted(self, failed: VPSBGError) -> None:
        """See `Recorder.doubted`.

        Whatever comes next, the run after this one is to give it all the time that it may need.
        """
        if self.is_sent:
            self.is_sent = False
            self._write(State.UNKNOWN, reason=str(failed))

    def settle(self, state: State, *, ticket: int | None = None, reason: str | None = None) -> None:
        """Write down what has come of it."""
        self._is_in_doubt = self.is_sent = False
        self._write(state, ticket=ticket, reason=reason)

    def _write(self, state: State, *, ticket: int | None = None, reason: str | None = None) -> None:
        now = self._clock.time()
        self._records.settle(self._identity, state, now, ticket=ticket, reason=reason)

    @property
    def seconds(self) -> float:
        """How long it has taken from the first attempt on."""
        return self._clock.monotonic() - self._began if self.attempts else 0.0


def _check(admission: Admission) -> None:
    """Refuse what must not be sent.

    Raises:
        InvalidInputError: Why.
    """
    match admission.verdict:
        case Verdict.REPEATED:
            text = "is that of an item before it in this run"
        case Verdict.CHANGED if admission.ticket is not None:
            text = f"is that of ticket {admission.ticket}, created with other content"
        case Verdict.CHANGED:
            text = "is that of an item with other content, which was created or may have been"
        case _:
            return
    raise InvalidInputError({"reference": (text,)})
