"""The thread that writes a book: what lasts, in which order, and that nobody waits for ever."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.bulk.support import PATIENCE, child, journals_open, killed, new_book
from vpsbg_async.bulk.book import Book
from vpsbg_async.bulk.writer import _LAST, Writer

SOON = 3.0  # seconds


class Watched(Book):
    """A book of which it is told when it is made to last."""

    on_commit: Callable[[], object]

    def commit(self) -> None:
        super().commit()
        self.on_commit()


class Desk:
    """A book and its writer, and how they are told from outside.

    Attributes:
        done: What was done, in order.
        commits: How often the book was made to last.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._go_on = threading.Event()
        self.done: list[object] = []
        self.commits = 0
        self.committed = asyncio.Event()
        self.writer = Writer(self._open)

    def put(self, name: object) -> Callable[[Book], object]:
        """Something to do, which can be found in the file when it lasts."""

        def work(book: Book) -> object:
            book.note(f"{name}", 1)
            self.done.append(name)
            return name

        return work

    async def hold(self) -> None:
        """Have the thread do nothing until it is let go."""
        held = asyncio.Event()

        def work(book: Book) -> None:
            self._loop.call_soon_threadsafe(held.set)
            assert self._go_on.wait(PATIENCE)

        self.writer.tell(work)
        await held.wait()

    def let_go(self) -> None:
        self._go_on.set()

    async def do(self, work: Callable[[Book], object], *, to_last: bool = False) -> object:
        async with asyncio.timeout(PATIENCE):
            return await self.writer.ask(work, to_last=to_last)

    def ask(self, name: object, *, to_last: bool = True) -> asyncio.Task[object]:
        return asyncio.create_task(self.do(self.put(name), to_last=to_last))

    def tell(self, work: Callable[[Book], object]) -> None:
        self.writer.tell(work)

    async def close(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self.writer.close()

    def lasting(self) -> set[str]:
        """What a process would find that came after this one was killed just now."""
        copy = self._path.with_name("copy")
        for suffix in ("", "-wal"):
            with suppress(FileNotFoundError):
                shutil.copy(f"{self._path}{suffix}", f"{copy}{suffix}")
        with closing(sqlite3.connect(copy)) as connection:
            rows = connection.execute("SELECT name FROM facts").fetchall()
        return {name for (name,) in rows} - {"base_url", "salt"}

    def _open(self) -> Book:
        new_book(self._path).close()
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        book = Watched(connection)
        book.on_commit = self._commit
        return book

    def _commit(self) -> None:
        self.commits += 1
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self.committed.set)


@pytest.fixture(autouse=True)
async def _nothing_is_left() -> AsyncIterator[None]:
    complaints: list[dict[str, Any]] = []
    before = journals_open()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    yield
    assert journals_open() == before
    assert not complaints


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path / "book")
    yield desk
    desk.let_go()
    with suppress(Exception):
        await desk.close()


class TestLasting:
    async def test_what_is_to_last_does_when_it_is_answered(self, desk: Desk) -> None:
        for name in "abc":
            assert await desk.ask(name) == name
            assert name in desk.lasting()

    async def test_with_all_that_came_before(self, desk: Desk) -> None:
        await desk.ask("asked", to_last=False)
        desk.tell(desk.put("told"))
        assert desk.lasting() == set()
        await desk.ask("lasting")
        assert desk.lasting() == {"asked", "told", "lasting"}

    async def test_what_is_told_does_soon_where_nothing_follows(self, desk: Desk) -> None:
        desk.tell(desk.put("told"))
        async with asyncio.timeout(SOON):
            await desk.committed.wait()
        assert desk.lasting() == {"told"}

    async def test_what_is_asked_without_that_does_too(self, desk: Desk) -> None:
        await desk.ask("asked", to_last=False)
        assert desk.commits == 0
        async with asyncio.timeout(SOON):
            await desk.committed.wait()
        assert desk.lasting() == {"asked"}

    async def test_what_is_told_does_at_the_end(self, desk: Desk) -> None:
        await desk.ask("first")
        desk.tell(desk.put("told"))
        await desk.close()
        assert desk.lasting() == {"first", "told"}

    async def test_nothing_is_written_where_nothing_was_told(self, desk: Desk) -> None:
        await desk.ask("first")
        await desk.close()
        assert desk.commits == 2  # of the first, and of nothing when it is closed

    def test_whatever_happens_to_the_process(self, tmp_path: Path) -> None:
        lines = killed(
            tmp_path / "book",
            """
            from vpsbg_async.bulk.writer import _LAST, Writer

            async def main():
                writer = Writer(lambda: new_book(path))
                for number in range(1000):
                    writer.tell(lambda book: book.note("told", number))
                    await writer.ask(lambda book: book.note("asked", number), to_last=True)
                    tell(number)

            asyncio.run(main())
            """,
            after=20,
        )
        assert lines == [str(number) for number in range(20)]
        with closing(new_book(tmp_path / "book")) as book:
            assert min(book.fact("asked"), book.fact("told")) >= 19

    def test_whoever_does_not_close_it_is_not_held(self, tmp_path: Path) -> None:
        code = """
            from vpsbg_async.bulk.writer import _LAST, Writer

            async def main():
                await Writer(lambda: new_book(path)).ask(lambda book: None, to_last=True)

            asyncio.run(main())
        """
        with child(tmp_path / "book", code) as process:
            assert process.wait(PATIENCE) == 0


class TestGroups:
    async def test_one_commit_is_for_all_that_wait(self, desk: Desk) -> None:
        await desk.hold()
        asked = [desk.ask(number) for number in range(50)]
        await asyncio.sleep(0)
        desk.let_go()
        assert await asyncio.gather(*asked) == [*range(50)]
        assert desk.commits == 1

    async def test_a_thousand_ask_at_once(self, desk: Desk) -> None:
        asked = [desk.ask(number) for number in range(1000)]
        assert await asyncio.gather(*asked) == [*range(1000)]
        assert desk.done == [*range(1000)]
        assert desk.commits < 500

    async def test_all_is_done_in_order(self, desk: Desk) -> None:
        asked = []
        for number in range(0, 300, 3):
            desk.tell(desk.put(number))
            asked.append(desk.ask(number + 1, to_last=number % 2 == 0))
            await asyncio.sleep(0)
            desk.tell(desk.put(number + 2))
        await asyncio.gather(*asked)
        await desk.close()
        assert desk.done == [*range(300)]

    async def test_none_is_needed_for_what_need_not_last(self, desk: Desk) -> None:
        for number in range(20):
            await desk.ask(number, to_last=False)
        assert desk.commits == 0


def full(book: Book) -> None:
    """Write more than there is room for."""
    (pages,) = book._execute("PRAGMA page_count").fetchone()
    book._execute(f"PRAGMA max_page_count = {pages}")
    book.note("large", "x" * 100_000)


def closed(book: Book) -> None:
    book.close()
    book.note("nothing", 1)


def wrong(book: Book) -> None:
    raise LookupError("wrong")


class TestFailure:
    @pytest.mark.parametrize(
        ("work", "kind"),
        [
            (full, sqlite3.OperationalError),
            (closed, sqlite3.ProgrammingError),
            (wrong, LookupError),
        ],
    )
    async def test_is_told_to_whoever_asks_and_to_the_end(
        self, desk: Desk, work: Callable[[Book], object], kind: type[Exception]
    ) -> None:
        await desk.ask("before")
        with pytest.raises(kind) as failure:
            await desk.do(work)
        for _ in range(3):
            with pytest.raises(kind) as again:
                await desk.ask("after")
            assert again.value is failure.value
        with pytest.raises(kind) as at_the_end:
            await desk.close()
        assert at_the_end.value is failure.value
        assert desk.done == ["before"]
        assert desk.lasting() == {"before"}

    async def test_of_what_was_told_too(self, desk: Desk) -> None:
        desk.tell(wrong)
        with pytest.raises(LookupError):
            await desk.ask("after")
        desk.tell(desk.put("told"))
        with pytest.raises(LookupError):
            await desk.close()

    async def test_of_what_was_told_last(self, desk: Desk) -> None:
        desk.tell(wrong)
        with pytest.raises(LookupError):
            await desk.close()

    async def test_is_that_of_all_who_wait_with_it(self, desk: Desk) -> None:
        await desk.hold()
        asked = [desk.ask(number) for number in range(5)]
        await asyncio.sleep(0)
        asked.append(asyncio.create_task(desk.do(wrong)))
        asked += [desk.ask(number) for number in range(5, 10)]
        for _ in range(3):
            await asyncio.sleep(0)
        desk.let_go()
        results = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(result) for result in results] == [LookupError] * 11
        assert desk.lasting() == set()

    async def test_takes_back_what_was_answered_and_was_not_to_last(self, desk: Desk) -> None:
        await desk.ask("lasting")
        await desk.ask("fleeting", to_last=False)
        with pytest.raises(LookupError):
            await desk.do(wrong)
        with pytest.raises(LookupError):
            await desk.close()
        assert desk.lasting() == {"lasting"}

    async def test_to_open_it(self) -> None:
        def refuse() -> Book:
            raise PermissionError("no")

        writer = Writer(refuse)
        for _ in range(2):
            with pytest.raises(PermissionError):
                await writer.ask(lambda book: None)
        with pytest.raises(PermissionError):
            await writer.close()

    async def test_to_open_what_nobody_asks_of(self) -> None:
        writer = Writer(lambda: new_book(Path("/nowhere/book")))
        with pytest.raises(sqlite3.OperationalError):
            await writer.close()

    async def test_to_have_it_last_when_nobody_waits(self, desk: Desk) -> None:
        failed = threading.Event()

        def fail() -> None:
            failed.set()
            raise LookupError("wrong")

        def pull_the_rug(book: Book) -> None:
            assert isinstance(book, Watched)
            book.on_commit = fail

        desk.tell(pull_the_rug)
        await asyncio.to_thread(failed.wait, PATIENCE)
        with pytest.raises(LookupError):
            await desk.ask("after", to_last=False)
        with pytest.raises(LookupError):
            await desk.close()


class TestClose:
    async def test_nobody_is_answered_afterwards(self, desk: Desk) -> None:
        await desk.close()
        with pytest.raises(RuntimeError, match="closed"):
            await desk.ask("late")
        with pytest.raises(RuntimeError, match="closed"):
            desk.tell(desk.put("late"))
        assert desk.done == []

    async def test_nor_while_it_closes(self, desk: Desk) -> None:
        await desk.hold()
        early = desk.ask("early")
        await asyncio.sleep(0)
        closing_it = asyncio.create_task(desk.close())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="closed"):
            await desk.ask("late")
        desk.let_go()
        await closing_it
        assert await early == "early"
        assert desk.done == ["early"]

    async def test_twice(self, desk: Desk) -> None:
        desk.tell(desk.put("told"))
        await desk.close()
        await desk.close()
        assert desk.lasting() == {"told"}

    async def test_twice_after_a_failure(self, desk: Desk) -> None:
        desk.tell(wrong)
        for _ in range(2):
            with pytest.raises(LookupError):
                await desk.close()

    async def test_goes_on_where_who_waits_for_it_is_cancelled(self, desk: Desk) -> None:
        await desk.hold()
        desk.tell(desk.put("told"))
        closing_it = asyncio.create_task(desk.close())
        await asyncio.sleep(0)
        closing_it.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing_it
        desk.let_go()
        await desk.close()
        assert desk.lasting() == {"told"}


class TestCancelled:
    async def test_what_was_asked_is_done_for_all_that(self, desk: Desk) -> None:
        await desk.hold()
        asked = [desk.ask(number) for number in range(4)]
        await asyncio.sleep(0)
        for task in asked[::2]:
            task.cancel()
        await asyncio.sleep(0)
        desk.let_go()
        results = await asyncio.gather(*asked, return_exceptions=True)
        assert [result for result in results if isinstance(result, int)] == [1, 3]
        assert [task.cancelled() for task in asked] == [True, False] * 2
        assert desk.lasting() == set("0123")

    async def test_its_failure_is_told_to_the_others(self, desk: Desk) -> None:
        await desk.hold()
        cancelled = asyncio.create_task(desk.do(wrong))
        other = desk.ask("other")
        await asyncio.sleep(0)
        cancelled.cancel()
        desk.let_go()
        with pytest.raises(LookupError):
            await other
        assert cancelled.cancelled()

    async def test_while_it_is_answered(self, desk: Desk) -> None:
        """The answer is on its way to who does not want it any more."""
        for number in range(50):
            task = desk.ask(number)
            await desk.committed.wait()  # which comes one turn of the loop before the answer
            desk.committed.clear()
            task.cancel()
            await asyncio.wait([task])
        assert desk.done == [*range(50)]


def test_the_loop_may_end_while_the_thread_answers(tmp_path: Path) -> None:
    """Nobody is there to be answered; what was asked lasts anyway."""

    async def main() -> Desk:
        desk = Desk(tmp_path / "book")
        await desk.hold()
        desk.ask("asked")
        for _ in range(3):
            await asyncio.sleep(0)
        return desk

    desk = asyncio.run(main())
    desk.let_go()
    desk.writer._orders.put([_LAST])
    desk.writer._thread.join(PATIENCE)
    assert not journals_open()
    assert desk.writer._failure is None
    assert desk.lasting() == {"asked"}
