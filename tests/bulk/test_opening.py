"""What is made sure of before a run begins."""

# ruff: noqa: ASYNC240 - small files

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.bulk.support import (
    PATIENCE,
    URL,
    Task,
    begun,
    fingerprint,
    journals_open,
    left_alone,
    raising,
)
from vpsbg_async import (
    AuthenticationError,
    Headers,
    JournalError,
    NotSentError,
    PermissionDeniedError,
)
from vpsbg_async.bulk.journal import read_journal
from vpsbg_async.bulk.opening import open_records
from vpsbg_async.bulk.records import Records
from vpsbg_async.bulk.scratchpad import Scratchpad
from vpsbg_async.bulk.states import State, Verdict
from vpsbg_async.bulk.work import Doubt, Job, Past, Witness
from vpsbg_async.core.clock import Clock

NOW = 5000.0
ERRORS = [
    AuthenticationError(status=401, headers=Headers({}), body=b""),
    PermissionDeniedError(status=403, headers=Headers({}), body=b""),
    NotSentError("no network"),
    LookupError("a fault of ours"),
]


class Steps:
    """Work of which only the beginning is looked at (see `Work`).

    Attributes:
        taken: What was called, in order.
        also: What a call does beside that.
        held: Calls that take for ever, and whether it has come to that.
        past: What earlier runs have told.
    """

    def __init__(
        self, *, key: bytes = b"vps_key", base_url: str = URL, sees_ticket: bool = True
    ) -> None:
        self.base_url = base_url
        self.taken: list[str] = []
        self.also: dict[str, Callable[[], object]] = {}
        self.held: dict[str, asyncio.Event] = {}
        self.past: Past | None = None
        self._key = key
        self._sees_ticket = sees_ticket

    def fingerprint(self, salt: bytes) -> bytes:
        self._take("fingerprint")
        return fingerprint(salt, self._key)

    async def check_key(self) -> None:
        self._take("check_key")
        await self._wait("check_key")

    async def can_see(self, ticket: int) -> bool:
        assert ticket == 216
        self._take("can_see")
        await self._wait("can_see")
        return self._sees_ticket

    @property
    def has_witness(self) -> bool:
        return False

    def remember(self, past: Past) -> None:
        self._take("remember")
        self.past = past

    def job(self, draft: object) -> Job:
        raise NotImplementedError

    def _take(self, name: str) -> None:
        self.taken.append(name)
        if name in self.also:
            self.also[name]()

    async def _wait(self, name: str) -> None:
        if name in self.held:
            self.held[name].set()
            await asyncio.Event().wait()


class FixedClock(Clock):
    def time(self) -> float:
        return NOW


async def opened(path: Path | None, work: Steps, *, accept_new_key: bool = False) -> Records:
    async with asyncio.timeout(PATIENCE):
        return await open_records(path, work, accept_new_key=accept_new_key, clock=FixedClock())


async def close_again(path: Path, **options: bool) -> list[str]:
    """Open a journal and close it; what was called for that."""
    work = Steps()
    await (await opened(path, work, **options)).close()
    return work.taken


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.journal"


@pytest.fixture
async def old(path: Path) -> Path:
    """A journal with a ticket, and a draft in doubt."""
    journal = await begun(path)
    for name in ("created", "sent"):
        admission = await journal.admit(Task(name), 1)
        await journal.send(admission.identity, f"words of {name}", 1001.0)
        if name == "created":
            journal.settle(admission.identity, State.CREATED, 1002.0, ticket=216)
    await journal.close()
    return path


@pytest.fixture(autouse=True)
async def _nothing_is_left() -> AsyncIterator[None]:
    before = journals_open()
    yield
    assert journals_open() == before


class TestWithoutJournal:
    async def test_the_key_is_checked(self) -> None:
        work = Steps()
        records = await opened(None, work)
        assert isinstance(records, Scratchpad)
        assert work.taken == ["check_key"]
        await records.close()

    @pytest.mark.parametrize("error", ERRORS, ids=repr)
    async def test_it_is_not_accepted(self, error: Exception) -> None:
        work = Steps()
        work.also["check_key"] = raising(error)
        with pytest.raises(type(error)):
            await opened(None, work)


class TestKey:
    async def test_of_a_new_journal(self, path: Path) -> None:
        assert await close_again(path) == ["check_key", "fingerprint", "remember"]

    async def test_that_is_known(self, old: Path) -> None:
        assert await close_again(old) == ["fingerprint", "check_key", "fingerprint", "remember"]

    async def test_that_has_changed_is_not_used(self, old: Path) -> None:
        work = Steps(key=b"other")
        with left_alone(old.parent), pytest.raises(JournalError, match="accept_new_key=True"):
            await opened(old, work)
        assert work.taken == ["fingerprint"]
        await close_again(old)

    async def test_unless_it_is_said_to(self, old: Path) -> None:
        work = Steps(key=b"other")
        records = await opened(old, work, accept_new_key=True)
        assert work.taken == ["fingerprint", "check_key", "can_see", "fingerprint", "remember"]
        await records.close()
        with pytest.raises(JournalError, match="accept_new_key=True"):
            await close_again(old)
        assert "can_see" in await close_again(old, accept_new_key=True)

    async def test_of_another_account(self, old: Path) -> None:
        work = Steps(key=b"other", sees_ticket=False)
        with left_alone(old.parent), pytest.raises(JournalError, match="no ticket 216"):
            await opened(old, work, accept_new_key=True)
        assert work.taken == ["fingerprint", "check_key", "can_see"]
        await close_again(old)

    async def test_of_whatever_account_where_there_is_no_ticket(self, path: Path) -> None:
        await close_again(path)
        work = Steps(key=b"other", sees_ticket=False)
        await (await opened(path, work, accept_new_key=True)).close()
        assert "can_see" not in work.taken

    async def test_that_is_known_may_be_said_to_be_new(self, old: Path) -> None:
        assert "can_see" not in await close_again(old, accept_new_key=True)


class TestPast:
    async def test_is_remembered(self, old: Path) -> None:
        work = Steps()
        records = await opened(old, work)
        doubt = Doubt(began=1001.0, ended=NOW, words="words of sent", was_judged=False)
        assert work.past == Past(
            created=[(216, 1002.0)],
            witnesses=[Witness(216, 1001.0, 1002.0, "words of created")],
            doubts=[doubt],
        )
        assert (await records.admit(Task("sent"), 1)).doubt == doubt
        assert (await records.admit(Task("created"), 2)).verdict is Verdict.SKIP
        await records.close()


class TestRefused:
    async def test_nothing_is_checked_with_a_file_that_is_no_journal(self, path: Path) -> None:
        path.write_text("anything")
        work = Steps()
        with left_alone(path.parent), pytest.raises(JournalError, match="is no journal"):
            await opened(path, work)
        assert work.taken == []

    async def test_nor_with_one_of_another_address(self, old: Path) -> None:
        work = Steps(base_url="https://other.test/v1")
        with left_alone(old.parent), pytest.raises(JournalError, match=r"other\.test"):
            await opened(old, work)
        assert work.taken == []

    async def test_nor_with_one_in_use(self, old: Path) -> None:
        records = await opened(old, Steps())
        work = Steps()
        with pytest.raises(JournalError, match="in use"):
            await opened(old, work)
        assert work.taken == []
        await records.close()

    @pytest.mark.parametrize("error", ERRORS, ids=repr)
    @pytest.mark.parametrize("step", ["check_key", "can_see"])
    async def test_a_check_that_fails_changes_nothing(
        self, old: Path, step: str, error: Exception
    ) -> None:
        work = Steps(key=b"other")
        work.also[step] = raising(error)
        with left_alone(old.parent), pytest.raises(type(error)) as caught:
            await opened(old, work, accept_new_key=True)
        assert caught.value is error
        assert work.taken[-1] == step
        await close_again(old)

    @pytest.mark.parametrize("step", ["fingerprint", "remember"])
    async def test_whatever_fails_the_journal_is_closed(self, old: Path, step: str) -> None:
        work = Steps()
        work.also[step] = raising(LookupError("a fault of ours"))
        with pytest.raises(LookupError):
            await opened(old, work)
        await close_again(old)

    async def test_a_first_run_that_fails_leaves_a_journal_of_none(self, path: Path) -> None:
        work = Steps()
        work.also["check_key"] = raising(NotSentError("no network"))
        with pytest.raises(NotSentError):
            await opened(path, work)
        assert read_journal(path).runs == 0
        await (await opened(path, Steps(key=b"other"))).close()


class TestCancelled:
    @pytest.mark.parametrize("step", ["check_key", "can_see"])
    async def test_during_a_check(self, old: Path, step: str) -> None:
        work = Steps(key=b"other")
        held = work.held[step] = asyncio.Event()
        with left_alone(old.parent):
            opening = asyncio.create_task(opened(old, work, accept_new_key=True))
            await held.wait()
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
        await close_again(old)

    @pytest.mark.parametrize("times", [1, 2, 3])
    async def test_while_the_journal_is_read(self, old: Path, times: int) -> None:
        loop = asyncio.get_running_loop()
        held, let_go = asyncio.Event(), threading.Event()

        def hold() -> None:
            loop.call_soon_threadsafe(held.set)
            assert let_go.wait(PATIENCE)

        work = Steps()
        work.also["fingerprint"] = hold
        opening = asyncio.create_task(opened(old, work))
        await held.wait()
        for _ in range(times):
            opening.cancel()
            await asyncio.wait([opening], timeout=0.01)
        let_go.set()
        with pytest.raises(asyncio.CancelledError):
            await opening
        for thread in threading.enumerate():
            if thread.name == "vpsbg-journal":
                await asyncio.to_thread(thread.join, PATIENCE)
        assert work.taken == ["fingerprint"]
        await close_again(old)

    async def test_before_anything(self, path: Path) -> None:
        opening = asyncio.create_task(opened(path, Steps()))
        await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await close_again(path)
