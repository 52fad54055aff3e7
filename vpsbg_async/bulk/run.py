"""One run: drafts in, a bounded number of them under way, outcomes out."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from ..core.clock import Clock
from ..core.session import Dependents
from ..errors import InvalidInputError, VPSBGError
from .item import Item
from .outcomes import BulkOutcome, BulkSummary, Tally
from .records import Records
from .work import Work

__all__ = ["BulkRun"]

_ASIDE = 1000  # items that are held back at the most


class BulkRun(AsyncIterator[BulkOutcome]):
    """Creates many tickets: an async context manager, and an async iterator of their outcomes.

    ```python
    async with vps.tickets.create_many(drafts, journal="run.journal") as run:
        async for outcome in run:
            print(outcome.position, outcome.status, outcome.ticket_id)
    print(run.summary)
    ```

    Outcomes come as items are done. No item's failure touches another. The iteration ends in an
    error if the key is not accepted any more, if the journal cannot be written, or if the input
    raises one; first come the outcomes of all that was under way, and with a journal another run
    goes on from there.

    Leaving the block ends the run: nothing more is begun, and what is under way is waited for. If
    it is left by a cancellation, that is broken off. Either way the journal knows what was done.
    """

    def __init__(
        self,
        drafts: Iterable[object] | AsyncIterable[object],
        work: Work,
        *,
        journal: Path | None,
        accept_new_key: bool,
        concurrency: int,
        clock: Clock,
        dependents: Dependents,
    ) -> None:
        self._drafts = _each(drafts)
        self._work = work
        self._journal = journal
        self._accept_new_key = accept_new_key
        self._concurrency = concurrency
        self._clock = clock
        self._dependents = dependents
        self._was_entered = False
        self._records: Records
        self._workers: set[asyncio.Task[None]] = set()
        self._outcomes: asyncio.Queue[BulkOutcome | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(concurrency)  # for outcomes that nobody has taken yet
        self._tally = Tally()
        self._began = 0.0
        self._seconds: float | None = None
        self._position = 0
        self._aside: deque[Item] = deque()
        self._pull = asyncio.Lock()
        self._puller: asyncio.Task[None] | None = None
        self._is_stopped = False
        self._is_exhausted = False
        self._error: Exception | None = None
        self._is_told = False  # whether the error was raised

    @property
    def summary(self) -> BulkSummary:
        """How the run has gone so far."""
        if not self._workers:
            return BulkSummary()
        seconds = self._clock.monotonic() - self._began if self._seconds is None else self._seconds
        is_at_its_end = self._is_exhausted and self._seconds is not None and self._error is None
        is_complete = is_at_its_end and self._tally.total == self._position
        return self._tally.summary(seconds=seconds, is_complete=is_complete)

    def stop(self) -> None:
        """Begin nothing more. The iteration ends when what is under way is done."""
        if not self._is_stopped:
            self._is_stopped = True
            if self._puller is not None and self._puller is not asyncio.current_task():
                self._puller.cancel()

    async def aclose(self) -> None:
        """Break off what is under way, have the journal know of it, and end the run.

        Raises:
            JournalError: The journal could not be written.
        """
        self._abort()
        await self._end()

    async def __aenter__(self) -> Self:
        if self._was_entered:
            raise RuntimeError("a run cannot be entered twice")
        self._was_entered = True
        from .opening import open_records  # noqa: PLC0415 - a database, of no use to single calls

        self._records = await open_records(
            self._journal,
            self._work,
            accept_new_key=self._accept_new_key,
            clock=self._clock,
        )
        self._began = self._clock.monotonic()
        self._workers = {asyncio.create_task(self._serve()) for _ in range(self._concurrency)}
        for worker in self._workers:
            worker.add_done_callback(self._count_out)
        self._dependents.add(self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, asyncio.CancelledError | KeyboardInterrupt | SystemExit):
            self._abort()
        await self._end()
        if error is None and self._error is not None and not self._is_told:
            raise self._error

    def __aiter__(self) -> Self:
        if not self._was_entered:
            raise RuntimeError("enter the run first: async with ….create_many(...) as run")
        return self

    async def __anext__(self) -> BulkOutcome:
        outcome = await self._outcomes.get()
        if outcome is not None:
            self._room.release()
            return outcome
        self._outcomes.put_nowait(None)  # for whoever asks again
        if self._error is not None:
            self._is_told = True
            raise self._error
        raise StopAsyncIteration

    async def _serve(self) -> None:
        """What each worker does."""
        while (item := await self._next()) is not None:
            try:
                outcome = await self._treat(item)
            except VPSBGError as error:  # that ends the run; what it was about has not happened
                self._fail(error)
                return
            if outcome is not None:
                self._tally.count(outcome)
                self._outcomes.put_nowait(outcome)
                await self._room.acquire()  # before the next; whatever comes, this one is told

    async def _treat(self, item: Item) -> BulkOutcome | None:
        """The outcome of an item, None if it is set aside."""
        if not item.is_in_doubt:
            outcome = await item.look_up(self._work, self._records)
            if outcome is not None:
                return outcome
            # Before anything is known that was created, it could not be told what is not there.
            if item.is_in_doubt and not self._work.has_witness and len(self._aside) < _ASIDE:
                self._aside.append(item)
                return None
        return await item.create()

    async def _next(self) -> Item | None:
        """The next item to be treated, None if there is none."""
        async with self._pull:
            item = None
            if not self._is_stopped and not self._is_exhausted and not self._may_go_on_aside:
                item = await self._pulled()
            if item is None and not self._is_stopped and self._may_go_on_aside:
                item = self._aside.popleft()
            return item

    @property
    def _may_go_on_aside(self) -> bool:
        return bool(self._aside) and (self._is_exhausted or self._work.has_witness)

    async def _pulled(self) -> Item | None:
        """The next of the input, None if it has ended or is not waited for any more."""
        self._puller = puller = asyncio.current_task()
        try:
            draft = await anext(self._drafts)
        except StopAsyncIteration:
            self._is_exhausted = True
            return None
        except asyncio.CancelledError:
            if puller is None or not puller.cancelling():
                self._fail(InvalidInputError({"drafts": ("were cancelled from within",)}))
                return None
            if not self._is_stopped:
                raise
            puller.uncancel()  # it was `stop` that wanted it to wait no longer
            return None
        except Exception as error:  # noqa: BLE001 - the input's own, told to whoever iterates
            self._fail(error)
            return None
        finally:
            self._puller = None
        if self._is_stopped:  # meanwhile
            return None
        self._position += 1
        return Item(self._position, draft, self._clock)

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        self.stop()

    def _count_out(self, worker: asyncio.Task[None]) -> None:
        """Called when a worker is done."""
        if not worker.cancelled() and isinstance(error := worker.exception(), Exception):
            self._fail(error)
        if all(other.done() for other in self._workers):
            self._seconds = self._clock.monotonic() - self._began
            self._outcomes.put_nowait(None)

    def _abort(self) -> None:
        self._is_stopped = True
        for worker in self._workers:
            worker.cancel()

    async def _end(self) -> None:
        """Wait for the workers, and put everything away."""
        self.stop()
        for _ in self._workers:
            self._room.release()  # nobody takes outcomes any more
        try:
            await self._join()
        finally:
            self._dependents.discard(self)
            try:
                await self._drafts.aclose()
            finally:
                if self._workers:
                    await asyncio.shield(self._records.close())

    async def _join(self) -> None:
        cancelled = None
        while pending := [worker for worker in self._workers if not worker.done()]:
            try:
                await asyncio.wait(pending)
            except asyncio.CancelledError as error:
                cancelled = error
                self._abort()
        if cancelled is not None:
            raise cancelled


async def _each(
    drafts: Iterable[object] | AsyncIterable[object],
) -> AsyncGenerator[object, None]:
    """The drafts one by one, whatever they come in; a generator of the caller's is closed too."""
    if not isinstance(drafts, AsyncIterable):
        for draft in drafts:
            yield draft
        return
    iterator = aiter(drafts)
    try:
        async for draft in iterator:
            yield draft
    finally:
        close = getattr(iterator, "aclose", None)
        if close is not None:
            await close()
