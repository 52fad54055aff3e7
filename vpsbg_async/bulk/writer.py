"""A book with a thread of its own, so that no disk holds up the event loop."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from typing import Any, TypeVar

import attrs

from .book import Book

__all__ = ["Writer"]

T = TypeVar("T")

_IDLE = 0.5  # seconds, after which what nobody waits for is made to last too


@attrs.frozen
class _Order:
    """Something to be done with the book.

    Attributes:
        work: Does it.
        to_last: Whether it is done only when no loss of power can undo it.
        answer: Who waits for it, None if nobody does.
    """

    work: Callable[[Book], Any]
    to_last: bool = False
    answer: asyncio.Future[Any] | None = None


class Writer:
    """Does what it is told in order; what has to last is made to with a commit for all that wait.

    Args:
        open_book: Opens the book, in the thread.
    """

    def __init__(self, open_book: Callable[[], Book]) -> None:
        self._open_book = open_book
        self._orders: queue.SimpleQueue[list[_Order]] = queue.SimpleQueue()
        self._given: list[_Order] = []  # in this step of the event loop, to be done together
        self._taken: list[_Order] = []
        self._failure: Exception | None = None
        self._is_closed = False
        self._loop = asyncio.get_running_loop()
        # It must not keep the process: whoever is in a hurry loses what a crash would lose.
        self._thread = threading.Thread(target=self._serve, name="vpsbg-journal", daemon=True)
        self._thread.start()

    async def ask(self, work: Callable[[Book], T], *, to_last: bool = False) -> T:
        """Have something done, and wait for it.

        Args:
            work: Does it.
            to_last: Whether to wait until no loss of power can undo it.
        """
        answer: asyncio.Future[T] = self._loop.create_future()
        self._order(_Order(work, to_last, answer))
        return await answer

    def tell(self, work: Callable[[Book], object]) -> None:
        """Have something done; it lasts no later than what is asked for after it."""
        self._order(_Order(work))

    async def close(self) -> None:
        """Have all of it last, and close the book. Whatever has failed is raised."""
        self._is_closed = True
        self._given.append(_LAST)
        self._hand_over()
        await asyncio.to_thread(self._thread.join)
        if self._failure is not None:
            raise self._failure

    def _order(self, order: _Order) -> None:
        if self._is_closed:  # nobody would ever do it
            raise RuntimeError("the journal is closed")
        if not self._given:
            self._loop.call_soon(self._hand_over)
        self._given.append(order)

    def _hand_over(self) -> None:
        if self._given:  # or they went with the last
            given, self._given = self._given, []
            self._orders.put(given)

    def _serve(self) -> None:
        try:
            with closing(self._open_book()) as book:
                while self._do(book):
                    pass
        except Exception as failure:  # noqa: BLE001 - told to whoever asks
            self._failure = failure
            self._refuse()

    def _do(self, book: Book) -> bool:
        """Do all that is to be done by now; False if that was the last of it."""
        if not self._take(_IDLE if book.is_pending else None):
            book.commit()
            return True
        book.begin()
        results = [order.work(book) for order in self._taken]
        is_last = self._taken[-1] is _LAST
        if is_last or any(order.to_last for order in self._taken):
            book.commit()
        self._answer(_tell_results, results)
        return not is_last

    def _take(self, timeout: float | None) -> bool:
        """Take what is there, or the next that comes; False if none has come in time."""
        self._taken = []
        with suppress(queue.Empty):
            self._taken += self._orders.get(timeout=timeout)
            while self._taken[-1] is not _LAST:
                self._taken += self._orders.get_nowait()
        return bool(self._taken)

    def _refuse(self) -> None:
        """Answer all that is asked with the failure."""
        while True:
            is_last = bool(self._taken) and self._taken[-1] is _LAST
            self._answer(_tell_failure, self._failure)
            if is_last:
                return
            self._take(None)

    def _answer(self, tell: Callable[..., None], what: object) -> None:
        answers = [order.answer for order in self._taken]
        if any(answers):
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(tell, answers, what)


_LAST = _Order(lambda _: None)


def _tell_results(answers: Sequence[asyncio.Future[Any] | None], results: Sequence[object]) -> None:
    for answer, result in zip(answers, results, strict=True):
        if answer is not None and not answer.done():  # it is, if who asked was cancelled
            answer.set_result(result)


def _tell_failure(answers: Sequence[asyncio.Future[Any] | None], failure: Exception) -> None:
    for answer in answers:
        if answer is not None and not answer.done():
            answer.set_exception(failure)
