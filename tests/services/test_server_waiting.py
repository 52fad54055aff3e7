"""Waiting for servers, in virtual time: for a state, and until one takes a start or a stop."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from benchmarks.virtual import VirtualClock
from tests.core.calling import caller
from tests.core.virtual import in_virtual_time, now
from tests.services.contract import check_refused
from tests.services.tickets.support import failure_of
from vpsbg_async import (
    AuthenticationError,
    LockedError,
    NotFoundError,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    Request,
    Response,
    ResponseError,
    RetryPolicy,
    ServerError,
    WaitTimeoutError,
    error_of,
    is_safe_to_retry,
    outcome_of,
)
from vpsbg_async.services.servers import Server, Servers, ServerStatus
from vpsbg_async.testing import FakeTransport, Reply

PATIENT = RetryPolicy(wait_if_locked=True)
STOPPED, RUNNING = {"running": False}, {"running": True}
LOCKED, FREE = Reply(status=423), Reply(status=204)
State = Mapping[str, Any]


class Machine:
    """A transport that ends in server 7, which changes as time goes by.

    Args:
        at: What changes, by the second.
        posts: The answers to a start or stop.
        faults: What is answered to a read in its place, by the second.
        takes: How many seconds a read takes.
        state: What it is at first.

    Attributes:
        log: What was asked of it, and when.
    """

    def __init__(
        self,
        *,
        at: Mapping[int, State] | None = None,
        posts: tuple[Reply | Exception, ...] = (),
        faults: Mapping[int, Reply | Exception] | None = None,
        takes: float = 0,
        **state: Any,
    ) -> None:
        self.log: list[tuple[float, str]] = []
        self._posts = list(posts)
        self._changes = {0: {"running": True, "locked": False} | state, **(at or {})}
        self._faults = faults or {}
        self._takes = takes

    @asynccontextmanager
    async def send(self, request: Request, /) -> AsyncIterator[Response]:
        what = request.url.removeprefix("https://api.test/v1/servers/7").removeprefix("/")
        self.log.append((now(), what or "get"))
        await asyncio.sleep(self._takes if request.method == "GET" else 0)
        async with FakeTransport(self._reply(request.method, what)).send(request) as response:
            yield response

    def _reply(self, method: str, what: str) -> Reply | Exception:
        if method == "POST":
            return self._posts.pop(0)
        if now() in self._faults:
            return self._faults[int(now())]
        state: dict[str, Any] = {}
        for moment, change in sorted(self._changes.items()):
            state |= change if moment <= now() else {}
        names = ("running",) if what == "status" else ("id", "locked")
        told = {"id": 7} | {name: state[name] for name in ("running", "locked") if name in state}
        return Reply(json={name: told[name] for name in names if name in told})

    async def aclose(self) -> None:
        pass

    @property
    def posts(self) -> list[float]:
        """When it was asked to change."""
        return [moment for moment, what in self.log if what in ("start", "stop", "restart")]


def servers(machine: Machine, **options: Any) -> Servers:
    return Servers(caller(machine, clock=VirtualClock(), **options))


class TestWaitUntil:
    @in_virtual_time
    async def test_what_is_so_already(self) -> None:
        machine = Machine(running=False)
        status = await servers(machine).wait_until(7, running=False)
        assert status == ServerStatus(running=False)
        assert machine.log == [(0, "status")]

    @in_virtual_time
    async def test_until_it_runs(self) -> None:
        machine = Machine(running=False, at={11: RUNNING})
        status = await servers(machine).wait_until("7", running=True)
        assert status == ServerStatus(running=True)
        assert machine.log == [(0, "status"), (5, "status"), (10, "status"), (15, "status")]

    @in_virtual_time
    async def test_until_it_is_unlocked(self) -> None:
        machine = Machine(locked=True, at={5: {"locked": False}})
        server = await servers(machine).wait_until(7, locked=False, every=2)
        assert server == Server(id=7, locked=False)
        assert machine.log == [(0, "get"), (2, "get"), (4, "get"), (6, "get")]

    @in_virtual_time
    async def test_until_both_are_so_at_once(self) -> None:
        changes = {4: {"locked": False}, 8: STOPPED | {"locked": True}, 14: {"locked": False}}
        machine = Machine(locked=True, at=changes)
        server = await servers(machine).wait_until(7, running=False, locked=False)
        assert server == Server(id=7, locked=False)
        assert machine.log == [
            *((0, "status"), (5, "status")),
            *((10, "status"), (10, "get")),
            *((15, "status"), (15, "get")),
        ]

    @in_virtual_time
    async def test_what_does_not_come_in_time(self) -> None:
        machine = Machine(locked=True)
        error = await failure_of(
            servers(machine).wait_until(7, running=False, locked=False, timeout=12)
        )
        assert now() == 12
        assert isinstance(error, WaitTimeoutError)
        assert str(error) == "GET /servers/7: it is not stopped and unlocked after 12 s"
        assert (error.__cause__, error.permanent) == (None, False)
        assert is_safe_to_retry(error)
        assert str(pickle.loads(pickle.dumps(error))) == str(error)
        assert machine.log == [(0, "status"), (4, "status"), (8, "status")]

    @pytest.mark.parametrize(
        ("wanted", "words"),
        [
            ({"running": True}, "running"),
            ({"locked": True}, "locked"),
            ({"running": True, "locked": False}, "running and unlocked"),
        ],
    )
    def test_it_is_told_in_words(self, wanted: dict[str, Any], words: str) -> None:
        @in_virtual_time
        async def test() -> None:
            machine = Machine(running=False)
            with pytest.raises(WaitTimeoutError, match=f"it is not {words} after 2 s"):
                await servers(machine).wait_until(7, timeout=2, **wanted)

        test()

    @in_virtual_time
    async def test_a_state_that_is_not_told_is_none(self) -> None:
        machine = Machine(running=None, locked=None)
        with pytest.raises(WaitTimeoutError):
            await servers(machine).wait_until(7, running=False)
        with pytest.raises(WaitTimeoutError):
            await servers(machine).wait_until(7, locked=False)

    @pytest.mark.parametrize("retry", [None, PATIENT], ids=["once", "patient"])
    def test_faults_of_single_reads(self, retry: RetryPolicy | None) -> None:
        @in_virtual_time
        async def test() -> None:
            faults: dict[int, Reply | Exception] = {
                0: OutcomeUnknownError("no answer"),
                5: Reply(status=423),
                10: Reply(status=500, body=b"<html>"),
                15: NotSentError("no network"),
                20: Reply(status=429),
                25: Reply(status=502),
                30: Reply(body=b"<html>Back soon</html>"),
            }
            machine = Machine(faults=faults, at={30: STOPPED})
            status = await servers(machine, retry=retry).wait_until(7, running=False)
            assert status.running is False
            if retry is None:
                assert [moment for moment, _ in machine.log] == [0, 5, 10, 15, 20, 25, 30, 35]

        test()

    @in_virtual_time
    async def test_faults_to_the_end(self) -> None:
        faults = {moment: Reply(status=503) for moment in range(10)}
        error = await failure_of(
            servers(Machine(faults=faults)).wait_until(7, running=False, timeout=9, every=1)
        )
        assert isinstance(error, WaitTimeoutError)
        assert isinstance(error.__cause__, ServerError)
        assert (
            "GET /servers/7: it is not stopped after 9 s (the last read has failed: GET /"
            in str(error)
        )

    @in_virtual_time
    async def test_a_read_that_takes_too_long_is_broken_off(self) -> None:
        machine = Machine(running=False, takes=61)
        with pytest.raises(WaitTimeoutError):
            await servers(machine).wait_until(7, running=False, timeout=60)
        assert now() == 60

    @pytest.mark.parametrize(
        ("reply", "kind"),
        [
            (Reply(status=401), AuthenticationError),
            (Reply(status=404), NotFoundError),
            (Reply(json={"running": "perhaps"}), ResponseError),
            (NotSentError("the client is closed", permanent=True), NotSentError),
        ],
        ids=str,
    )
    def test_what_does_not_pass(self, reply: Reply | Exception, kind: type[Exception]) -> None:
        @in_virtual_time
        async def test() -> None:
            machine = Machine(faults={5: reply})
            error = await failure_of(servers(machine).wait_until(7, running=False))
            assert isinstance(error, kind)
            assert now() == 5

        test()

    @in_virtual_time
    async def test_a_time_limit_of_the_callers_own(self) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(7):
                await servers(Machine()).wait_until(7, running=False)
        assert now() == 7

    async def test_arguments_that_cannot_be(self) -> None:
        wrong: Any = "no"
        calls: dict[tuple[str, ...], Callable[[Any], Any]] = {
            ("running",): lambda servers: servers.wait_until(7),
            ("locked", "timeout", "every"): lambda servers: servers.wait_until(
                7, locked=wrong, timeout=0, every=wrong
            ),
            ("timeout",): lambda servers: servers.wait_until(7, locked=True, timeout=float("inf")),
            ("id",): lambda servers: servers.wait_until("", locked=True),
        }
        for names, call in calls.items():
            await check_refused(Servers, call, *names)


class TestSwitch:
    """A stop, and a start, that waits where the server is locked."""

    @in_virtual_time
    async def test_one_that_is_taken_at_once(self) -> None:
        machine = Machine(posts=(FREE,))
        await servers(machine).stop(7, wait_if_locked=60)
        assert machine.log == [(0, "stop")]

    @in_virtual_time
    async def test_a_locked_stop_that_happens_all_the_same(self) -> None:
        machine = Machine(posts=(LOCKED,), locked=True, at={32: STOPPED})
        await servers(machine).stop(7, wait_if_locked=120)
        assert machine.posts == [0]
        assert machine.log[-1] == (35, "status")

    @in_virtual_time
    async def test_it_is_sent_again_only_when_unlocked_and_still_running(self) -> None:
        machine = Machine(posts=(LOCKED, FREE), locked=True, at={12: {"locked": False}})
        await servers(machine).stop(7, wait_if_locked=60)
        assert machine.log == [
            (0, "stop"),
            *((5, "status"), (5, "get")),
            *((10, "status"), (10, "get")),
            *((15, "status"), (15, "get")),
            (15, "stop"),
        ]

    @in_virtual_time
    async def test_a_start_likewise(self) -> None:
        machine = Machine(
            posts=(LOCKED, FREE), running=False, locked=True, at={6: {"locked": False}}
        )
        await servers(machine).start(7, wait_if_locked=60)
        assert machine.posts == [0, 10]
        machine = Machine(posts=(LOCKED,), running=False, locked=True, at={16: RUNNING})
        await servers(machine).start(7, wait_if_locked=60)
        assert len(machine.posts) == 1

    @in_virtual_time
    async def test_one_that_is_locked_again_and_again(self) -> None:
        machine = Machine(posts=(LOCKED,) * 9)
        error = await failure_of(servers(machine).stop(7, wait_if_locked=18))
        assert machine.posts == [0, 5, 10, 15]
        assert now() == 18
        assert isinstance(error, LockedError)
        assert (error.method, error.path) == ("POST", "/servers/7/stop")
        assert error.outcome is Outcome.UNKNOWN
        assert [attempt.number for attempt in error.history] == [1, 2, 3, 4]
        assert {attempt.error for attempt in error.history} == {"LockedError"}
        assert "it may still happen: read the state" in str(error)
        assert "it is still locked after 18 s" in str(error)

    @in_virtual_time
    async def test_however_short_the_time_it_looks(self) -> None:
        machine = Machine(posts=(LOCKED,), locked=True, at={1: STOPPED})
        await servers(machine).stop(7, wait_if_locked=3)
        assert machine.log == [(0, "stop"), (1, "status")]

    @in_virtual_time
    async def test_a_state_that_is_not_told_proves_nothing(self) -> None:
        machine = Machine(posts=(LOCKED,), running=None)
        assert isinstance(
            await failure_of(servers(machine).stop(7, wait_if_locked=30)), LockedError
        )
        assert machine.posts == [0]
        machine = Machine(posts=(LOCKED,), locked=None)
        assert isinstance(
            await failure_of(servers(machine).stop(7, wait_if_locked=30)), LockedError
        )
        assert len(machine.posts) == 1

    @in_virtual_time
    async def test_faults_of_reads_are_lived_with(self) -> None:
        faults: dict[int, Reply | Exception] = {5: LOCKED, 10: OutcomeUnknownError("slow")}
        machine = Machine(posts=(LOCKED,), faults=faults, at={8: STOPPED})
        await servers(machine).stop(7, wait_if_locked=60)
        assert machine.log[-1] == (15, "status")

    @in_virtual_time
    async def test_a_state_that_cannot_be_read_leaves_the_doubt(self) -> None:
        machine = Machine(posts=(LOCKED,), faults={5: Reply(status=401)})
        error = await failure_of(servers(machine).stop(7, wait_if_locked=60))
        assert isinstance(error, LockedError)
        assert isinstance(error.__cause__, AuthenticationError)
        assert "GET /servers/7/status: answered 401" in str(error)
        assert (machine.posts, now()) == ([0], 5)

    @pytest.mark.parametrize(
        "reply", [NotSentError("no network"), Reply(status=422), Reply(status=500)], ids=str
    )
    def test_whatever_ends_it_the_first_may_still_happen(self, reply: Reply | Exception) -> None:
        @in_virtual_time
        async def test() -> None:
            machine = Machine(posts=(LOCKED, reply))
            error = await failure_of(servers(machine).stop(7, wait_if_locked=60))
            assert not isinstance(error, LockedError)
            assert error.outcome is Outcome.UNKNOWN
            assert [attempt.number for attempt in error.history] == [1, 2]
            assert not is_safe_to_retry(error)
            assert len(machine.posts) == 2

        test()

    @in_virtual_time
    async def test_the_doubt_is_told(self) -> None:
        machine = Machine(posts=(LOCKED, NotSentError("no network")))
        error = await failure_of(servers(machine).stop(7, wait_if_locked=60))
        assert "an earlier attempt was answered 423 and may still happen" in str(error)

    @pytest.mark.parametrize("seconds", [3, 6])
    def test_a_time_limit_of_the_callers_own_leaves_the_doubt(self, seconds: float) -> None:
        """Also where it ends a read, by which alone it would not be judged."""

        @in_virtual_time
        async def test() -> None:
            machine = Machine(posts=(LOCKED,), takes=10)
            with pytest.raises(TimeoutError) as caught:
                async with asyncio.timeout(seconds):
                    await servers(machine).stop(7, wait_if_locked=60)
            assert outcome_of(caught.value) is Outcome.UNKNOWN
            assert isinstance(error_of(caught.value), LockedError)

        test()

    @in_virtual_time
    async def test_other_errors_are_not_waited_for(self) -> None:
        for reply in (Reply(status=500), Reply(status=404), OutcomeUnknownError("no answer")):
            machine = Machine(posts=(reply,))
            await failure_of(servers(machine).stop(7, wait_if_locked=60))
            assert len(machine.log) == 1
        assert now() == 0

    @in_virtual_time
    async def test_without_being_asked_it_does_not_wait(self) -> None:
        machine = Machine(posts=(LOCKED,))
        error = await failure_of(servers(machine, retry=PATIENT).stop(7))
        assert isinstance(error, LockedError)
        assert machine.log == [(0, "stop")]

    @pytest.mark.parametrize("seconds", [0, -1, True, "5", float("nan"), float("inf")])
    async def test_times_that_cannot_be(self, seconds: Any) -> None:
        stop: Callable[[Any], Any] = lambda servers: servers.stop("", wait_if_locked=seconds)  # noqa: E731
        refused = await check_refused(Servers, stop, "id", "wait_if_locked")
        assert refused["wait_if_locked"] == ("must be a positive number of seconds",)


class TestRestart:
    @in_virtual_time
    async def test_after_a_423_never_again(self) -> None:
        machine = Machine(posts=(LOCKED,))
        error = await failure_of(servers(machine, retry=PATIENT).restart(7))
        assert isinstance(error, LockedError)
        assert machine.log == [(0, "restart")]

    @in_virtual_time
    async def test_as_its_documentation_tells(self) -> None:
        machine = Machine(posts=(FREE,), locked=True, at={20: {"locked": False}})
        made = servers(machine)
        await made.wait_until(7, locked=False)
        await made.restart(7)
        assert machine.posts == [20]
