"""A run: how many are under way, what comes out, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bulk.jobs import Draft, FakeWork, failure, statuses
from vpsbg_async import (
    AuthenticationError,
    BulkOutcome,
    BulkRun,
    BulkStatus,
    BulkSummary,
    Headers,
    InvalidInputError,
    JournalError,
    NotSentError,
    OutcomeUnknownError,
    PermissionDeniedError,
    ResponseError,
    VPSBGError,
)
from vpsbg_async.bulk.journal import read_journal
from vpsbg_async.bulk.states import State

TURNS = 20  # of the loop; more than anything here takes


def drafts(count: int, **more: Any) -> list[Draft]:
    return [Draft(f"r{number}", **more) for number in range(1, count + 1)]


async def settle() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def take_all(run: BulkRun, found: list[BulkOutcome]) -> None:
    async with run:
        async for outcome in run:
            found.append(outcome)  # noqa: PERF401 - those before an error are wanted too


async def all_of(run: BulkRun) -> list[BulkOutcome]:
    found: list[BulkOutcome] = []
    await take_all(run, found)
    return found


def refused(kind: type[VPSBGError]) -> VPSBGError:
    return failure(kind, status=401, headers=Headers(), body=b"")


class Feed:
    """Drafts one by one, as somebody asks for them.

    Attributes:
        given: How many were.
        closed: Whether the generator has come to its end, in whatever way.
    """

    def __init__(self, items: list[Draft], *, then: BaseException | None = None) -> None:
        self.given = 0
        self.closed = False
        self.go_on = asyncio.Event()
        self._items = items
        self._then = then

    async def stream(self, *, slow_after: int | None = None) -> AsyncIterator[Draft]:
        try:
            for item in self._items:
                if self.given == slow_after:
                    await self.go_on.wait()
                self.given += 1
                yield item
            if self._then is not None:
                raise self._then
        finally:
            self.closed = True


@pytest.fixture
async def no_task_is_left() -> AsyncIterator[None]:
    yield
    assert not [task for task in asyncio.all_tasks() if "BulkRun" in repr(task)]


pytestmark = pytest.mark.usefixtures("no_task_is_left")


class TestOutcomes:
    async def test_of_all_kinds(self) -> None:
        work = FakeWork()
        found = await all_of(
            work.run(
                [
                    Draft("made"),
                    Draft("refused", error=failure(InvalidInputError, {"subject": ("no",)})),
                    Draft("unsent", error=failure(NotSentError, "nothing listens")),
                    Draft("lost", error=failure(OutcomeUnknownError, "no answer")),
                    Draft("unread", error=failure(ResponseError, "?", status=200, body=b"<")),
                    "no draft",
                    Draft("made"),
                    Draft(None),
                ]
            )
        )
        by_position = {outcome.position: outcome for outcome in found}
        assert {position: item.status.value for position, item in by_position.items()} == {
            1: "created",
            2: "rejected",
            3: "rejected",
            4: "unknown",
            5: "unknown",
            6: "rejected",
            7: "rejected",
            8: "created",
        }
        assert by_position[1].error is None
        assert by_position[1].attachment_mismatches == ()
        assert isinstance(by_position[5].error, ResponseError)
        assert by_position[5].ticket_id is None
        assert "before it in this run" in str(by_position[7].error)
        assert (by_position[4].attempts, by_position[6].attempts) == (1, 0)
        assert by_position[6].started_at is None
        assert by_position[8].reference is None

    async def test_come_as_items_are_done(self) -> None:
        work = FakeWork()
        async with work.run([Draft("slow", waits=True), Draft("quick")]) as run:
            assert (await anext(run)).reference == "quick"
            work.go_on.set()
            assert (await anext(run)).reference == "slow"
            with pytest.raises(StopAsyncIteration):
                await anext(run)

    @pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 100])
    async def test_of_any_number(self, count: int) -> None:
        run = FakeWork().run(drafts(count))
        assert len(await all_of(run)) == count
        assert (run.summary.created, run.summary.total) == (count, count)
        assert run.summary.is_complete
        assert run.summary.seconds > 0

    async def test_whatever_the_drafts_come_in(self) -> None:
        class Iterated:
            def __aiter__(self) -> AsyncIterator[Draft]:
                return Feed(drafts(5)).stream()

        for source in (drafts(5), tuple(drafts(5)), iter(drafts(5)), Iterated()):
            assert len(await all_of(FakeWork().run(source))) == 5

    async def test_the_summary_counts_what_has_come_so_far(self) -> None:
        work = FakeWork()
        run = work.run([Draft("a"), Draft("b", waits=True)])
        assert run.summary == BulkSummary()
        async with run:
            await anext(run)
            assert (run.summary.created, run.summary.is_complete) == (1, False)
            work.go_on.set()
            assert len([outcome async for outcome in run]) == 1
        assert (run.summary.created, run.summary.is_complete) == (2, True)


class TestWindow:
    @pytest.mark.parametrize("concurrency", [1, 3, 8])
    async def test_so_many_are_under_way(self, concurrency: int) -> None:
        work, feed = FakeWork(), Feed(drafts(50, waits=True))
        async with work.run(feed.stream(), concurrency=concurrency) as run:
            await settle()
            assert (work.under_way, feed.given) == (concurrency, concurrency)
            work.go_on.set()
            assert len([outcome async for outcome in run]) == 50
        assert work.most == concurrency

    async def test_who_takes_no_outcomes_holds_it_up(self) -> None:
        work, feed = FakeWork(), Feed(drafts(1000))
        async with work.run(feed.stream(), concurrency=4) as run:
            await settle()
            await asyncio.sleep(0.05)
            assert feed.given <= 12
            assert len([outcome async for outcome in run]) == 1000

    async def test_who_is_slow_to_give_drafts_holds_up_none_of_them(self) -> None:
        feed = Feed(drafts(4))
        async with FakeWork().run(feed.stream(slow_after=2)) as run:
            assert {(await anext(run)).position, (await anext(run)).position} == {1, 2}
            feed.go_on.set()
            assert len([outcome async for outcome in run]) == 2

    async def test_a_generator_is_closed(self) -> None:
        feed = Feed(drafts(100))
        async with FakeWork().run(feed.stream()) as run:
            await anext(run)
        assert feed.closed


class TestEnd:
    async def test_leaving_early_waits_for_what_is_under_way(self, tmp_path: Path) -> None:
        work = FakeWork()
        path = tmp_path / "run.journal"
        async with work.run([Draft("a"), *drafts(50, waits=True)], journal=path) as run:
            await anext(run)
            asyncio.get_running_loop().call_later(0.05, work.go_on.set)
        assert 4 <= len(work.begun) <= 13
        assert run.summary.created == len(work.begun)
        assert not run.summary.is_complete
        assert read_journal(path).counts[State.CREATED] == len(work.begun)

    async def test_leaving_with_an_error_does_too(self) -> None:
        work = FakeWork()
        run = work.run([Draft("a"), *drafts(50, waits=True)])

        async def use() -> None:
            async with run:
                await anext(run)
                asyncio.get_running_loop().call_later(0.05, work.go_on.set)
                _ = 1 / 0

        with pytest.raises(ZeroDivisionError):
            await use()
        assert run.summary.created == len(work.begun)

    async def test_nobody_has_to_take_the_outcomes(self) -> None:
        work = FakeWork()
        async with work.run(drafts(100)) as run:
            pass
        assert run.summary.created == len(work.begun) <= 12

    async def test_a_cancellation_breaks_off(self, tmp_path: Path) -> None:
        work = FakeWork()
        path = tmp_path / "run.journal"

        async def use() -> None:
            async with work.run(drafts(50, waits=True), journal=path) as run:
                async for _ in run:
                    pass

        task = asyncio.create_task(use())
        for _ in range(4):
            await work.leaving.get()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert work.under_way == 0
        counts = read_journal(path).counts  # each was broken off before it was acted on
        assert (counts[State.NEW], counts[State.SENT], counts[State.CREATED]) == (4, 0, 0)

    async def test_a_cancellation_while_it_waits_breaks_off_too(self) -> None:
        work = FakeWork()
        left = asyncio.Event()

        async def use() -> None:
            async with work.run(drafts(50, waits=True)):
                await settle()
                left.set()

        task = asyncio.create_task(use())
        await left.wait()
        await settle()
        assert work.under_way == 4
        task.cancel()
        await settle()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert work.under_way == 0

    async def test_stop_begins_nothing_more(self) -> None:
        work, feed = FakeWork(), Feed(drafts(50, waits=True))
        async with work.run(feed.stream()) as run:
            await settle()
            run.stop()
            run.stop()
            work.go_on.set()
            assert len([outcome async for outcome in run]) == 4
        assert (len(work.begun), run.summary.is_complete) == (4, False)

    async def test_stop_does_not_wait_for_the_next_draft(self) -> None:
        feed = Feed(drafts(2))
        async with FakeWork().run(feed.stream(slow_after=1)) as run:
            assert (await anext(run)).position == 1
            await settle()
            run.stop()
            assert [outcome async for outcome in run] == []
        assert feed.closed

    async def test_stop_by_the_input_itself(self) -> None:
        work = FakeWork()

        def stopping() -> Iterator[Draft]:
            for number, draft in enumerate(drafts(9)):
                if number == 3:
                    run.stop()
                yield draft

        run = work.run(stopping(), concurrency=1)
        assert len(await all_of(run)) == len(work.begun) == 3

    async def test_no_outcome_gets_lost_by_closing(self) -> None:
        run = await FakeWork().run(drafts(50)).__aenter__()
        await anext(run)
        await asyncio.sleep(0.05)
        await run.aclose()
        rest = [outcome async for outcome in run]
        assert 1 + len(rest) == run.summary.created
        assert not run.summary.is_complete

    async def test_one_that_was_not_entered_can_be_closed(self) -> None:
        await FakeWork().run(drafts(1)).aclose()

    async def test_closing_breaks_off(self) -> None:
        work = FakeWork()
        dependents: set[Any] = set()
        run = await work.run(drafts(50, waits=True), dependents=dependents).__aenter__()
        await settle()
        assert dependents == {run}
        await run.aclose()
        assert work.under_way == 0
        assert not dependents
        assert [outcome async for outcome in run] == []

    async def test_it_is_entered_once(self) -> None:
        run = FakeWork().run(drafts(1))
        with pytest.raises(RuntimeError, match="enter the run first"):
            aiter(run)
        async with run:
            with pytest.raises(RuntimeError, match="twice"):
                await run.__aenter__()

    async def test_one_that_is_never_entered_needs_no_care(self) -> None:
        feed = Feed(drafts(1))
        FakeWork().run(feed.stream())
        assert feed.given == 0


class TestErrors:
    async def test_of_the_input_come_after_what_was_under_way(self) -> None:
        feed = Feed(drafts(3), then=ZeroDivisionError("of the producer"))
        run = FakeWork().run(feed.stream())
        found: list[BulkOutcome] = []
        with pytest.raises(ZeroDivisionError, match="of the producer"):
            await take_all(run, found)
        assert len(found) == 3
        assert (run.summary.created, run.summary.is_complete) == (3, False)

    async def test_of_a_plain_generator_too(self) -> None:
        def broken() -> Iterator[Draft]:
            yield Draft("a")
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await all_of(FakeWork().run(broken()))

    async def test_that_nobody_has_seen_come_at_the_end(self) -> None:
        feed = Feed(drafts(1), then=ZeroDivisionError())

        async def use() -> None:
            async with FakeWork().run(feed.stream()) as run:
                await anext(run)
                await settle()

        with pytest.raises(ZeroDivisionError):
            await use()

    async def test_that_is_a_cancellation_of_its_own(self) -> None:
        feed = Feed(drafts(3), then=asyncio.CancelledError())
        run = FakeWork().run(feed.stream())
        with pytest.raises(InvalidInputError, match="cancelled from within"):
            await all_of(run)
        assert not run.summary.is_complete

    async def test_of_its_end_leave_no_journal_open(self, tmp_path: Path) -> None:
        async def rude() -> AsyncIterator[Draft]:
            try:
                yield Draft("a")
                yield Draft("b")
            finally:
                raise ZeroDivisionError

        path = tmp_path / "run.journal"

        async def use() -> None:
            async with FakeWork().run(rude(), journal=path, concurrency=1) as run:
                await anext(run)

        with pytest.raises(ZeroDivisionError):
            await use()
        assert len(await all_of(FakeWork().run(drafts(1), journal=path))) == 1

    async def test_of_our_own_are_not_swallowed(self) -> None:
        with pytest.raises(ZeroDivisionError):
            await all_of(FakeWork().run([Draft("a", error=ZeroDivisionError())]))

    @pytest.mark.parametrize("kind", [AuthenticationError, PermissionDeniedError])
    async def test_a_key_that_is_not_accepted_stops_the_run(
        self, kind: type[VPSBGError], tmp_path: Path
    ) -> None:
        path = tmp_path / "run.journal"
        items = [Draft("a"), Draft("b", error=refused(kind)), *drafts(100)]
        run = FakeWork().run(items, journal=path, concurrency=1)
        found: list[BulkOutcome] = []
        with pytest.raises(kind):
            await take_all(run, found)
        assert statuses(found) == {"a": "created"}
        assert not run.summary.is_complete
        again = FakeWork()
        assert len(await all_of(again.run([Draft("a"), Draft("b"), *drafts(3)], journal=path))) == 5
        assert {draft.name for draft in again.sent} == {"b", "r1", "r2", "r3"}

    async def test_a_key_that_is_not_accepted_at_the_begin(self, tmp_path: Path) -> None:
        path = tmp_path / "run.journal"
        work = FakeWork(key_error=refused(AuthenticationError))
        with pytest.raises(AuthenticationError):
            await all_of(work.run(drafts(3), journal=path))
        assert (work.checks, work.begun) == (1, [])
        assert len(await all_of(FakeWork().run(drafts(3), journal=path))) == 3

    async def test_a_journal_that_cannot_be_written_stops_the_run(self, tmp_path: Path) -> None:
        path = tmp_path / "run.journal"
        work = FakeWork()
        run = work.run(drafts(100), journal=path, concurrency=1)

        async def use() -> None:
            async with run:
                await anext(run)
                await run._records._writer.ask(lambda book: book.close())  # type: ignore[attr-defined]
                async for _ in run:
                    pass

        with pytest.raises(JournalError):
            await use()
        assert len(work.sent) <= 3


class TestJournal:
    async def test_a_rerun_does_what_is_left(self, tmp_path: Path) -> None:
        path = tmp_path / "run.journal"
        lost = failure(OutcomeUnknownError, "no answer")
        no = failure(InvalidInputError, {"subject": ("no",)})
        first = [Draft("a"), Draft("b", error=lost), Draft("c", error=no)]
        before = await all_of(FakeWork().run(first, journal=path))
        assert statuses(before) == {"a": "created", "b": "unknown", "c": "rejected"}
        work = FakeWork()
        found = await all_of(work.run([Draft(name) for name in "abcd"], journal=path))
        assert statuses(found) == {
            "a": "skipped",
            "b": "created",
            "c": "created",
            "d": "created",
        }
        skipped = next(outcome for outcome in found if outcome.status is BulkStatus.SKIPPED)
        assert skipped.ticket_id in {outcome.ticket_id for outcome in before} - {None}
        assert {draft.name for draft in work.begun} == set("bcd")
        assert list(work.doubts) == ["b"]
        assert (work.doubts["b"].words, work.doubts["b"].was_judged) == ("words of b", True)

    async def test_what_is_in_doubt_and_not_found_stays_so(self, tmp_path: Path) -> None:
        path = tmp_path / "run.journal"
        lost = failure(OutcomeUnknownError, "no answer")
        await all_of(FakeWork().run([Draft("a", error=lost)], journal=path))
        first = FakeWork()
        await all_of(first.run([Draft("a", error=lost, is_sent=False)], journal=path))
        second = FakeWork()
        await all_of(second.run([Draft("a", error=lost, is_sent=False)], journal=path))
        assert second.doubts == first.doubts

    async def test_what_the_process_has_left_is_in_doubt(self, tmp_path: Path) -> None:
        path = tmp_path / "run.journal"
        work = FakeWork()
        run = await work.run([Draft("a", waits=True)], journal=path).__aenter__()
        await work.leaving.get()
        copy = tmp_path / "copy.journal"
        for name in ("run.journal", "run.journal-wal"):  # as it is on disk now
            (tmp_path / name.replace("run", "copy")).write_bytes((tmp_path / name).read_bytes())
        await run.aclose()
        assert read_journal(copy).counts[State.SENT] == 1
        again = FakeWork()
        await all_of(again.run([Draft("a")], journal=copy))
        assert not again.doubts["a"].was_judged
        assert again.past is not None
        assert [doubt.words for doubt in again.past.doubts] == ["words of a"]

    async def test_what_is_in_doubt_waits_until_something_is_known(self, tmp_path: Path) -> None:
        """Before that nobody could tell that it is not there."""
        path = tmp_path / "run.journal"
        lost = failure(OutcomeUnknownError, "no answer")
        await all_of(FakeWork().run([Draft("a", error=lost), Draft("b", error=lost)], journal=path))
        work = FakeWork()
        await all_of(work.run([Draft(name) for name in "abc"], journal=path, concurrency=1))
        assert [draft.name for draft in work.begun] == ["c", "a", "b"]
        work = FakeWork()
        await all_of(work.run([Draft(name) for name in "abcd"], journal=path, concurrency=1))
        assert [draft.name for draft in work.begun] == ["d"]

    async def test_but_not_for_ever(self, tmp_path: Path) -> None:
        path = tmp_path / "run.journal"
        lost = failure(OutcomeUnknownError, "no answer")
        await all_of(FakeWork().run([Draft("a", error=lost), Draft("b", error=lost)], journal=path))
        work = FakeWork()
        found = await all_of(work.run([Draft("a"), Draft("b")], journal=path))
        assert statuses(found) == {"a": "created", "b": "created"}

    async def test_what_waits_is_left_if_the_run_is_stopped(self, tmp_path: Path) -> None:
        path = tmp_path / "run.journal"
        lost = failure(OutcomeUnknownError, "no answer")
        await all_of(FakeWork().run([Draft("a", error=lost)], journal=path))
        work, feed = FakeWork(), Feed([Draft("a"), Draft("b", waits=True), Draft("c")])
        async with work.run(feed.stream(slow_after=2), journal=path) as run:
            await work.leaving.get()
            run.stop()
            work.go_on.set()
            assert statuses([outcome async for outcome in run]) == {"b": "created"}
        assert read_journal(path).counts[State.UNKNOWN] == 1

    async def test_it_goes_with_its_companion(self, tmp_path: Path) -> None:
        """Moved without it after a crash, all that it knows would be forgotten."""
        path, moved = tmp_path / "run.journal", tmp_path / "moved.journal"
        run = await FakeWork().run([Draft("a", waits=True)], journal=path).__aenter__()
        await run._work.leaving.get()  # type: ignore[attr-defined]
        moved.write_bytes(path.read_bytes())
        with pytest.raises(JournalError, match=r"lacks moved\.journal-wal"):
            await all_of(FakeWork().run([Draft("a")], journal=moved))
        await run.aclose()

    async def test_what_was_judged_stays_so_if_it_is_broken_off(self, tmp_path: Path) -> None:
        """The run after it must give a server that is still at it all the time that it may need."""
        path = tmp_path / "run.journal"
        work = FakeWork()
        draft = Draft("a", waits=True, doubted=failure(OutcomeUnknownError, "no answer"))
        run = await work.run([draft], journal=path).__aenter__()
        await work.leaving.get()
        await settle()
        await run.aclose()
        assert read_journal(path).counts[State.UNKNOWN] == 1

    async def test_two_runs_cannot_share_one(self, tmp_path: Path) -> None:
        path = tmp_path / "run.journal"
        async with FakeWork().run(drafts(1), journal=path):
            with pytest.raises(JournalError, match="in use"):
                await all_of(FakeWork().run(drafts(1), journal=path))
