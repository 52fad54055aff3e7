"""The client's newer settings, and clients derived from it with others."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from benchmarks.virtual import VirtualClock
from tests.core.calling import Timed
from tests.core.virtual import in_virtual_time, now
from vpsbg_async import (
    VPSBG,
    AiohttpTransport,
    ConfigurationError,
    Event,
    Limits,
    NotSentError,
    RateGate,
    ReconcilePolicy,
    Request,
    Response,
    RetryPolicy,
    ServerError,
    Timeouts,
    VPSBGError,
)
from vpsbg_async.core.gate import OnWait
from vpsbg_async.testing import Clock, FakeTransport, Reply

TICKET: dict[str, Any] = {"department_id": 2, "subject": "Down", "message": "It is down."}


class Watched:
    """A transport that knows how often it was closed."""

    def __init__(self) -> None:
        self.closings = 0

    @asynccontextmanager
    async def send(self, request: Request, /) -> AsyncIterator[Response]:
        raise NotSentError("no network today")
        yield

    async def aclose(self) -> None:
        self.closings += 1


class Half:
    """What has one of the methods of a gate, and of a transport."""

    async def enter(self, *, again: bool, on_wait: OnWait) -> object:
        return None

    async def aclose(self) -> None:
        pass


class OpenGate:
    """A gate that lets everyone in, and counts them."""

    def __init__(self) -> None:
        self.entered = 0

    async def enter(self, *, again: bool, on_wait: OnWait) -> object:
        self.entered += 1
        return None

    def leave(self, entered: object, *, status: int | None, headers: Mapping[str, str]) -> None:
        pass


async def listen_later(event: Event) -> None:
    """What cannot be a listener: nobody would await it."""


class ListensLater:
    """The same as an object."""

    async def __call__(self, event: Event) -> None:
        pass


# Values that cannot be, by argument. Those of the first table can be given to a call as well.
WRONG: dict[str, list[object]] = {
    "timeouts": [30, 30.0, {}, Timeouts, "30"],
    "deadline": [0, -1, float("nan"), float("inf"), "30", True, Timeouts()],
    "retry": [3, 0, True, False, RetryPolicy, {"max_attempts": 3}, "never"],
    "reconcile": [None, 30, True, ReconcilePolicy, RetryPolicy()],
    "headers": [
        *("X-Trace: 7", 7, [("X-Trace", "7")], {7: "7"}, {"": "7"}, {"X Trace": "7"}),
        *({"X-Trace": 7}, {"X-Trace": None}, {"X-Trace": ""}, {"X-Trace": " "}, {"Über": "7"}),
        *({"X-Trace": "a\r\nX-More: b"}, {"X-Trace": "ü"}, {"X-Trace\n": "7"}),
        *({"Authorization": "mine"}, {"accept": "*/*"}, {"CONTENT-TYPE": "text/plain"}),
        *({"Host": "a"}, {"Content-Length": "0"}, {"Transfer-Encoding": "chunked"}),
        *({"Content-Encoding": "gzip"}, {"Connection": "close"}, {"Cache-Control": "public"}),
    ],
    "on_event": ["print", 1, object(), [print], listen_later, ListensLater()],
}
WRONG_OF_A_CLIENT: dict[str, list[object]] = {
    "gate": [60, True, object(), Half(), "none", RateGate],
    "clock": [1.0, Clock, object(), asyncio],
    "limits": [20, {}, Limits],
    "transport": [Half(), object(), "https://proxy.test", AiohttpTransport],
}


def each_of(table: Mapping[str, list[object]]) -> pytest.MarkDecorator:
    cases = [(name, value) for name, values in table.items() for value in values]
    return pytest.mark.parametrize(
        ("name", "value"), cases, ids=[f"{name}-{type(value).__name__}" for name, value in cases]
    )


class TestSettings:
    @each_of({**WRONG, **WRONG_OF_A_CLIENT})
    def test_are_checked_when_they_are_made(self, name: str, value: Any) -> None:
        with pytest.raises(ConfigurationError, match=rf"\b{name} must ") as caught:
            VPSBG("key", **{name: value})
        assert str(caught.value).isprintable()

    @pytest.mark.parametrize(
        "settings",
        [
            {"deadline": None},
            {"deadline": 1},
            {"deadline": 0.5},
            {"retry": None},
            {"retry": RetryPolicy(max_attempts=1)},
            {"gate": None},
            {"gate": RateGate()},
            {"gate": OpenGate()},
            {"on_event": print},
            {"on_event": functools.partial(print, "event:")},
            {"on_event": [].append},
            {"clock": None},
            {"clock": Clock(60)},
            {"clock": VirtualClock()},
            {"reconcile": ReconcilePolicy(settle=1)},
            {"headers": None},
            {"headers": {}},
            {"headers": {"X-Trace": "7", "User-Agent": "bot/1"}},
        ],
        ids=str,
    )
    def test_that_can_be(self, settings: dict[str, Any]) -> None:
        vps = VPSBG("key", **settings)
        assert repr(vps) == repr(VPSBG("key"))

    @in_virtual_time
    async def test_without_them_a_call_is_sent_again(self) -> None:
        transport = Timed(*(Reply(500) for _ in range(RetryPolicy().max_attempts)))
        vps = VPSBG("key", transport=transport, clock=VirtualClock())
        with pytest.raises(ServerError) as caught:
            await vps.request("GET", "/balance")
        assert caught.value.attempts == RetryPolicy().max_attempts

    @in_virtual_time
    async def test_without_them_the_rate_limit_is_kept(self) -> None:
        transport = Timed(Reply(429, headers={"Retry-After": "30"}), Reply(json={}))
        vps = VPSBG("key", transport=transport, clock=VirtualClock(), retry=None)
        with pytest.raises(VPSBGError, match="429"):
            await vps.request("GET", "/balance")
        await vps.request("GET", "/balance")
        assert transport.times == [0.0, 30.0]

    @in_virtual_time
    async def test_without_a_gate_it_is_not(self) -> None:
        transport = Timed(Reply(429, headers={"Retry-After": "30"}), Reply(json={}))
        vps = VPSBG("key", transport=transport, clock=VirtualClock(), retry=None, gate=None)
        with pytest.raises(VPSBGError, match="429"):
            await vps.request("GET", "/balance")
        await vps.request("GET", "/balance")
        assert transport.times == [0.0, 0.0]

    @in_virtual_time
    async def test_of_clients_with_one_key_may_be_one_gate(self) -> None:
        gate = OpenGate()
        for _ in range(2):
            transport = FakeTransport(Reply(json={}))
            await VPSBG("key", transport=transport, gate=gate).request("GET", "/balance")
        assert gate.entered == 2

    @in_virtual_time
    async def test_a_faster_clock_shortens_every_wait(self) -> None:
        transport = Timed(Reply(429, headers={"Retry-After": "60"}), Reply(json={}))
        vps = VPSBG("key", transport=transport, clock=Clock(speed=60))
        await vps.request("GET", "/balance")
        assert transport.times == pytest.approx([0.0, 1.0])

    @in_virtual_time
    async def test_the_time_of_the_server_is_held_against_the_clock(self) -> None:
        clock = VirtualClock()
        date = formatdate(clock.time() + 3600, usegmt=True)
        transport = FakeTransport(Reply(json={}, headers={"Date": date}))
        vps = VPSBG("key", transport=transport, clock=clock)
        await vps.request("GET", "/balance")
        assert vps._session.server_clock.ahead == pytest.approx(3600, abs=1)

    def test_the_policies_are_checked_when_they_are_made(self) -> None:
        for make in (
            functools.partial(RetryPolicy, max_attempts=0),
            functools.partial(ReconcilePolicy, settle=-1),
            functools.partial(RateGate, window=0),
        ):
            with pytest.raises(ConfigurationError):
                make()


class TestWithOptions:
    @each_of(WRONG)
    def test_are_checked_when_they_are_given(self, name: str, value: Any) -> None:
        vps = VPSBG("key")
        with pytest.raises(ConfigurationError, match=rf"\b{name} must "):
            vps.with_options(**{name: value})

    @pytest.mark.parametrize("name", [*WRONG_OF_A_CLIENT, "api_key", "base_url", "allow_http"])
    def test_what_all_calls_share_cannot_be_given(self, name: str) -> None:
        options: dict[str, Any] = {name: None}
        with pytest.raises(TypeError, match=name):
            VPSBG("key").with_options(**options)

    @in_virtual_time
    async def test_hold_for_the_calls_of_the_new_client_only(self) -> None:
        transport = Timed(*(Reply(500) for _ in range(4)))
        policy = RetryPolicy(max_attempts=3)
        vps = VPSBG("key", transport=transport, clock=VirtualClock(), retry=policy)
        once = vps.with_options(retry=None)
        for client, attempts in ((once, 1), (vps, 3)):
            with pytest.raises(ServerError) as caught:
                await client.request("GET", "/balance")
            assert caught.value.attempts == attempts

    @in_virtual_time
    async def test_hold_for_its_services_too(self) -> None:
        transport = Timed(*(Reply(500) for _ in range(4)))
        policy = RetryPolicy(max_attempts=3)
        vps = VPSBG("key", transport=transport, clock=VirtualClock(), retry=policy)
        tickets = vps.tickets  # made before, for the options of this client
        once = vps.with_options(retry=None)
        assert once.tickets is not tickets
        assert once.tickets is once.tickets
        assert vps.tickets is tickets
        for service, attempts in ((once.tickets, 1), (vps.tickets, 3)):
            with pytest.raises(ServerError) as caught:
                await service.get(216)
            assert caught.value.attempts == attempts

    @in_virtual_time
    async def test_that_are_not_given_stay(self) -> None:
        timeouts, policy = Timeouts(response=7), RetryPolicy(max_attempts=2)
        reconcile = ReconcilePolicy(settle=1)
        vps = VPSBG("key", timeouts=timeouts, deadline=5, retry=policy, reconcile=reconcile)
        before = vps._session.options
        for other in (
            vps.with_options(),
            vps.with_options(deadline=9).with_options(deadline=5),
            vps.with_options(retry=None).with_options(retry=policy),
        ):
            assert other is not vps
            assert other._session.options == before
        assert vps.with_options(deadline=None)._session.options.deadline is None
        assert vps._session.options is before

    @in_virtual_time
    async def test_can_be_given_one_upon_the_other(self) -> None:
        transport = FakeTransport(Reply(json={}))
        vps = VPSBG("key", transport=transport).with_options(timeouts=Timeouts(response=7))
        await vps.with_options(deadline=30).request("GET", "/balance")
        assert transport.calls[0].request.timeouts == Timeouts(response=7)

    @in_virtual_time
    async def test_leave_the_rest_shared(self) -> None:
        transport, gate = FakeTransport(*(Reply(json={}) for _ in range(3))), OpenGate()
        vps = VPSBG("s3cret", base_url="https://api.test", transport=transport, gate=gate)
        for client in (vps, vps.with_options(retry=None), vps.with_options(deadline=9)):
            assert repr(client) == repr(vps)
            await client.request("GET", "/balance")
        assert len(transport.calls) == gate.entered == 3
        first, second, third = (call.request for call in transport.calls)
        assert first == second == third
        assert first.headers["Authorization"] == "Bearer s3cret"

    @in_virtual_time
    async def test_leave_the_rate_limit_shared(self) -> None:
        transport = Timed(Reply(429, headers={"Retry-After": "30"}), Reply(json={}))
        vps = VPSBG("key", transport=transport, clock=VirtualClock())
        with pytest.raises(VPSBGError, match="429"):
            await vps.with_options(retry=None).request("GET", "/balance")
        await vps.request("GET", "/balance")
        assert transport.times == [0.0, 30.0]

    @in_virtual_time
    async def test_leave_the_memory_of_what_was_created_shared(self) -> None:
        """Two calls that create the same wait for each other, whichever client makes them."""
        transport = Timed(Reply(json={"id": 1}), Reply(json={"id": 2}), takes=2.0)
        vps = VPSBG("key", transport=transport, clock=VirtualClock())
        await asyncio.gather(
            vps.tickets.create(**TICKET, on_unknown="reconcile"),
            vps.with_options(deadline=60).tickets.create(**TICKET, on_unknown="reconcile"),
        )
        assert transport.times == [0.0, 2.0]
        assert now() == 4.0

    async def test_leave_the_limits_shared(self, tmp_path: Path) -> None:
        (tmp_path / "log.txt").write_bytes(b"data")
        vps = VPSBG("key", transport=FakeTransport(), limits=Limits(max_files=0))
        with pytest.raises(VPSBGError, match="1 files are more than 0"):
            await vps.with_options(retry=None).tickets.create(
                **TICKET, attachments=[tmp_path / "log.txt"]
            )

    async def test_closing_the_new_client_closes_nothing(self) -> None:
        transport = Watched()
        async with VPSBG("key", transport=transport, retry=None) as vps:
            other = vps.with_options(deadline=9)
            async with other as entered:
                assert entered is other
            await other.aclose()
            await other.with_options(retry=None).aclose()
            assert transport.closings == 0
        assert transport.closings == 1

    async def test_closing_the_old_client_closes_for_all(self) -> None:
        vps = VPSBG("key", retry=None)
        other = vps.with_options(deadline=9)
        await vps.aclose()
        with pytest.raises(NotSentError, match="closed"):
            await other.request("GET", "/balance")

    @in_virtual_time
    async def test_headers_go_out_beside_the_others(self) -> None:
        transport = FakeTransport(*(Reply(json={}) for _ in range(4)))
        vps = VPSBG("s3cret", transport=transport, headers={"X-App": "bot"})
        traced = vps.with_options(headers={"X-Trace": " 7 "})
        named = traced.with_options(headers={"user-agent": "bot/1", "x-trace": "8"})
        for client in (vps, traced, named, vps.with_options(deadline=9)):
            await client.request("GET", "/balance")
        plain, second, third, last = (call.request.headers for call in transport.calls)
        assert dict(second) == {**plain, "X-Trace": "7"}
        assert third["X-Trace"] == "8"
        assert third["User-Agent"] == "bot/1"
        assert len(third) == len(second)
        assert dict(last) == dict(plain)
        for headers in (plain, second, third):
            assert headers["Authorization"] == "Bearer s3cret"
            assert headers["X-App"] == "bot"

    async def test_headers_arrive_with_every_kind_of_call(self) -> None:
        transport = FakeTransport(Reply(json={"id": 1}), Reply(json=[]), Reply(json={}))
        vps = VPSBG("key", transport=transport).with_options(headers={"X-Trace": "7"})
        await vps.tickets.create(**TICKET)
        await vps.tickets.list()
        await vps.balance.get()
        assert [call.request.headers["X-Trace"] for call in transport.calls] == ["7"] * 3

    def test_headers_are_not_told_when_they_are_wrong(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            VPSBG("key").with_options(headers={"Cookie": "s3cret\n"})
        assert "s3cret" not in str(caught.value)

    def test_hide_the_key(self) -> None:
        other = VPSBG("s3cret").with_options(deadline=9, headers={"Cookie": "s3cret"})
        for thing in (other, vars(other), other._session):
            assert "s3cret" not in repr(thing)
