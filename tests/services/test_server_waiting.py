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
    VPSBG,
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
    VPSBGError,
    WaitTimeoutError,
    error_of,
    is_safe_to_retry,
    outcome_of,
)
from vpsbg_async.core.clock import Clock
from vpsbg_async.sandbox import Sandbox
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
        assert str(error) == (
            "GET /servers/7: not seen stopped and unlocked within 12 s: it was last seen running"
        )
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
            with pytest.raises(WaitTimeoutError, match=f"not seen {words} within 2 s: it was last"):
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
            "GET /servers/7: not seen stopped within 9 s: its state was not seen "
            "(the last read has failed: GET /servers/7/status: answered 503"
        ) in str(error)

    @pytest.mark.parametrize(
        ("state", "wanted", "words"),
        [
            (STOPPED | {"locked": True}, {"running": False}, "stopped and locked"),
            (STOPPED | {"locked": None}, {"running": False}, "not known to be locked or not"),
            ({"running": None}, {"running": True}, "not known to run or not"),
            ({"locked": True}, {}, "locked"),
            ({"locked": None}, {}, "not known to be locked or not"),
        ],
    )
    def test_what_was_last_seen_is_told(
        self, state: State, wanted: dict[str, Any], words: str
    ) -> None:
        @in_virtual_time
        async def test() -> None:
            faults = dict.fromkeys(range(5, 10), LOCKED)
            machine = Machine(faults=faults, **state)
            with pytest.raises(WaitTimeoutError, match=f"it was last seen .*{words} .the last"):
                await servers(machine).wait_until(7, locked=False, timeout=9, every=1, **wanted)

        test()

    @in_virtual_time
    async def test_a_read_that_takes_too_long_is_broken_off(self) -> None:
        machine = Machine(running=False, takes=61)
        error = await failure_of(servers(machine).wait_until(7, running=False, timeout=60))
        assert isinstance(error, WaitTimeoutError)
        assert now() == 60
        assert "its state was not seen (the last read has failed: GET /servers/7/status" in str(
            error
        )

    @in_virtual_time
    async def test_a_read_that_is_broken_off_between_its_attempts_tells_why(self) -> None:
        faults = {moment: Reply(status=502) for moment in range(20)}
        machine = Machine(faults=faults)
        retry = RetryPolicy(first_delay=64, max_delay=64)
        error = await failure_of(
            servers(machine, retry=retry).wait_until(7, locked=False, timeout=9)
        )
        assert isinstance(error, WaitTimeoutError)
        assert isinstance(error.__cause__, VPSBGError)
        assert [attempt.status for attempt in error.__cause__.history] == [502]
        assert "its attempts: ServerError 502" in str(error)

    @in_virtual_time
    async def test_an_error_that_is_being_handled_is_not_taken_for_the_reads(self) -> None:
        try:
            await servers(Machine(faults={0: LOCKED})).get(7)
        except LockedError:
            error = await failure_of(servers(Machine()).wait_until(7, running=False, timeout=9))
        assert error.__cause__ is None
        assert error.remarks == ()

    @in_virtual_time
    async def test_it_is_not_looked_at_without_a_pause(self) -> None:
        machine = Machine()
        await failure_of(servers(machine).wait_until(7, running=False, timeout=1, every=1e-9))
        assert len(machine.log) <= 11

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
        changes = {12: {"locked": False}, 32: STOPPED}
        machine = Machine(posts=(LOCKED,), locked=True, at=changes)
        await servers(machine).stop(7, wait_if_locked=120)
        assert machine.posts == [0]
        assert machine.log[-2:] == [(35, "status"), (35, "get")]

    @in_virtual_time
    async def test_it_is_sent_again_when_it_must_have_settled(self) -> None:
        machine = Machine(posts=(LOCKED, FREE), locked=True, at={12: {"locked": False}})
        await servers(machine).stop(7, wait_if_locked=120)
        assert machine.posts == [0, 70]  # it was last seen locked at 10

    @pytest.mark.parametrize(
        "held_up",
        [{"locked": True}, {"running": None}, {"locked": None}, STOPPED | {"locked": True}],
        ids=str,
    )
    def test_what_may_hold_it_up_has_it_settle_anew(self, held_up: State) -> None:
        @in_virtual_time
        async def test() -> None:
            changes = {38: held_up, 42: {"running": True, "locked": False}}
            machine = Machine(posts=(LOCKED, FREE), at=changes)
            await servers(machine).stop(7, wait_if_locked=120)
            assert machine.posts == [0, 100]

        test()

    @in_virtual_time
    async def test_a_read_that_fails_has_it_settle_anew(self) -> None:
        machine = Machine(posts=(LOCKED, FREE), faults={40: Reply(status=500)})
        await servers(machine).stop(7, wait_if_locked=120)
        assert machine.posts == [0, 100]

    @pytest.mark.parametrize("seconds", [3, 30, 59])
    def test_in_less_time_it_is_never_sent_again(self, seconds: float) -> None:
        @in_virtual_time
        async def test() -> None:
            machine = Machine(posts=(LOCKED,))
            error = await failure_of(servers(machine).stop(7, wait_if_locked=seconds))
            assert isinstance(error, LockedError)
            assert error.outcome is Outcome.UNKNOWN
            assert (machine.posts, now()) == ([0], seconds)
            assert f"given up after {seconds} s: it was last seen running and unlocked" in str(
                error
            )

        test()

    @in_virtual_time
    async def test_one_that_is_off_for_a_moment_has_not_stopped(self) -> None:
        changes = {12: RUNNING | {"locked": False}, 22: STOPPED}  # a restart, then the late stop
        machine = Machine(posts=(LOCKED,), running=False, locked=True, at=changes)
        await servers(machine).stop(7, wait_if_locked=120)
        assert (machine.posts, now()) == ([0], 25)

    @in_virtual_time
    async def test_a_start_likewise(self) -> None:
        machine = Machine(
            posts=(LOCKED, FREE), running=False, locked=True, at={6: {"locked": False}}
        )
        await servers(machine).start(7, wait_if_locked=120)
        assert machine.posts == [0, 65]
        changes = {16: RUNNING | {"locked": False}}
        machine = Machine(posts=(LOCKED,), running=False, locked=True, at=changes)
        await servers(machine).start(7, wait_if_locked=60)
        assert len(machine.posts) == 1

    @in_virtual_time
    async def test_one_that_is_locked_again_and_again(self) -> None:
        machine = Machine(posts=(LOCKED,) * 9)
        error = await failure_of(servers(machine).stop(7, wait_if_locked=140))
        assert machine.posts == [0, 60, 120]
        assert now() == 140
        assert isinstance(error, LockedError)
        assert (error.method, error.path) == ("POST", "/servers/7/stop")
        assert error.outcome is Outcome.UNKNOWN
        assert [attempt.number for attempt in error.history] == [1, 2, 3]
        assert {attempt.error for attempt in error.history} == {"LockedError"}
        assert "it may still happen: read the state" in str(error)

    @in_virtual_time
    async def test_however_short_the_time_it_looks(self) -> None:
        machine = Machine(posts=(LOCKED,), at={1: STOPPED})
        await servers(machine).stop(7, wait_if_locked=3)
        assert machine.log == [(0, "stop"), (1, "status"), (1, "get")]

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
        assert machine.log[-1] == (15, "get")

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
            error = await failure_of(servers(machine).stop(7, wait_if_locked=120))
            assert not isinstance(error, LockedError)
            assert error.outcome is Outcome.UNKNOWN
            assert [attempt.number for attempt in error.history] == [1, 2]
            assert not is_safe_to_retry(error)
            assert len(machine.posts) == 2

        test()

    @in_virtual_time
    async def test_the_doubt_is_told(self) -> None:
        machine = Machine(posts=(LOCKED, NotSentError("no network")))
        error = await failure_of(servers(machine).stop(7, wait_if_locked=120))
        assert "an earlier attempt was answered 423 and may still happen" in str(error)

    @pytest.mark.parametrize("seconds", [3, 6])
    def test_a_time_limit_of_the_callers_own_leaves_the_doubt(self, seconds: float) -> None:
        """Also where it ends a read, by which alone it would not be judged."""

        @in_virtual_time
        async def test() -> None:
            machine = Machine(posts=(LOCKED,), takes=10)
            with pytest.raises(TimeoutError) as caught:
                async with asyncio.timeout(seconds):
                    await servers(machine).stop(7, wait_if_locked=120)
            assert outcome_of(caught.value) is Outcome.UNKNOWN
            assert isinstance(error_of(caught.value), LockedError)

        test()

    @in_virtual_time
    async def test_other_errors_are_not_waited_for(self) -> None:
        for reply in (Reply(status=500), Reply(status=404), OutcomeUnknownError("no answer")):
            machine = Machine(posts=(reply,))
            await failure_of(servers(machine).stop(7, wait_if_locked=120))
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


async def test_a_stop_that_was_refused_does_not_come_upon_the_next_start() -> None:
    """Restart, stop, start: what the server was told last is what holds, a minute later too."""
    clock = Clock(speed=60)
    async with (
        Sandbox(clock=clock.time) as sandbox,
        VPSBG(sandbox.api_key, base_url=sandbox.url, gate=None, clock=clock) as vps,
    ):
        with vps.capture() as calls:
            await vps.servers.restart(2478)
            await vps.servers.stop(2478, wait_if_locked=90)
            await vps.servers.wait_until(2478, running=False, locked=False, every=1)
            await vps.servers.start(2478)
            await vps.servers.wait_until(2478, running=True, locked=False, every=1)
        posts = [(call.path, call.status) for call in calls if call.method == "POST"]
        assert posts == [
            ("/servers/2478/restart", 204),
            ("/servers/2478/stop", 423),
            ("/servers/2478/start", 204),
        ]
        await clock.sleep(60)
        assert (await vps.servers.get_status(2478)).running
