"""What a block of code sees of the answers to its calls."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import pickle
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from benchmarks.virtual import VirtualClock
from tests.core.calling import Cut, Timed
from tests.core.virtual import in_virtual_time
from vpsbg_async import (
    VPSBG,
    CapturedCall,
    Headers,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    ResponseError,
    ResponseReadError,
    RetryPolicy,
    TicketDraft,
    VPSBGError,
)
from vpsbg_async.core import capture
from vpsbg_async.sandbox import Sandbox
from vpsbg_async.testing import FakeTransport, Reply

KEY = "s3cret-key"
DRAFT: dict[str, Any] = {"department_id": 2, "subject": "Down", "message": "It is down."}


def client(*replies: Reply | Cut | Exception, **settings: Any) -> VPSBG:
    transport = Timed(*replies)
    return VPSBG(KEY, transport=transport, clock=VirtualClock(), **{"retry": None, **settings})


def facts(calls: list[CapturedCall]) -> list[tuple[str, str, int, int | None, bytes]]:
    return [(call.method, call.path, call.attempt, call.status, call.body) for call in calls]


class TestWhatIsCaptured:
    @in_virtual_time
    async def test_an_answer(self) -> None:
        body = b'{"balance": "7.50", "new": [1]}'
        headers = {"X-Request-Id": "abc", "X-RateLimit-Remaining": "59"}
        vps = client(Reply(body=body, headers=headers))
        with vps.capture() as calls:
            await vps.balance.get()
        (call,) = calls
        assert facts(calls) == [("GET", "/balance", 1, 200, body)]
        assert call.request_id == "abc"
        assert isinstance(call.headers, Headers)
        assert call.headers["x-ratelimit-remaining"] == "59"
        assert pickle.loads(pickle.dumps(call)).body == body

    @in_virtual_time
    async def test_every_attempt(self) -> None:
        vps = client(
            Reply(500, body=b"Oops"),
            NotSentError("refused"),
            Reply(json={}),
            Reply(json=[]),
            retry=RetryPolicy(max_attempts=3),
        )
        with vps.capture() as calls:
            await vps.request("GET", "/a")
            await vps.request("GET", "/b")
        assert facts(calls) == [
            ("GET", "/a", 1, 500, b"Oops"),
            ("GET", "/a", 2, None, b""),
            ("GET", "/a", 3, 200, b"{}"),
            ("GET", "/b", 1, 200, b"[]"),
        ]
        assert calls[1].headers == {}
        assert calls[1].request_id is None

    @pytest.mark.parametrize(
        ("answer", "error", "status", "body"),
        [
            (Reply(404, body=b'{"message":"None."}'), NotFoundError, 404, b'{"message":"None."}'),
            (Reply(body=b"<html>"), ResponseError, 200, b"<html>"),
            (OutcomeUnknownError("hung up"), OutcomeUnknownError, None, b""),
            (Cut(200), ResponseReadError, 200, b'{"half": '),
        ],
        ids=["refused", "no JSON", "no answer", "broken off"],
    )
    @in_virtual_time
    async def test_a_failure(
        self, answer: Any, error: type[Exception], status: int | None, body: bytes
    ) -> None:
        vps = client(answer)
        with vps.capture() as calls, pytest.raises(error):
            await vps.tickets.get(216)
        assert facts(calls) == [("GET", "/support/tickets/216", 1, status, body)]

    @in_virtual_time
    async def test_what_is_cancelled(self) -> None:
        vps = VPSBG(KEY, transport=Timed(Reply(json={}), takes=9), clock=VirtualClock())
        with vps.capture() as calls, pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await vps.request("GET", "/a")
        assert facts(calls) == [("GET", "/a", 1, None, b"")]

    @in_virtual_time
    async def test_nothing_of_what_is_refused_at_once(self) -> None:
        vps = client()
        with vps.capture() as calls, pytest.raises(VPSBGError):
            await vps.tickets.get("")
        assert calls == []

    @in_virtual_time
    async def test_the_key_is_not_in_it(self) -> None:
        told = {"Location": f"https://elsewhere.test/?token={KEY}", "Set-Cookie": "crumbs"}
        vps = client(Reply(302, body=f"What is {KEY}?".encode(), headers=told))
        with vps.capture() as calls, pytest.raises(VPSBGError):
            await vps.request("GET", "/a")
        (call,) = calls
        assert call.body == b"What is ***?"
        assert call.headers["Location"].endswith("?token=***")
        assert "crumbs" not in repr(call)
        assert "Authorization" not in call.headers


class TestWhoseCallsAreCaptured:
    @in_virtual_time
    async def test_those_of_derived_clients_too(self) -> None:
        vps = client(*(Reply(json={}) for _ in range(3)))
        other = vps.with_options(deadline=9, headers={"X-Trace": "7"})
        with vps.capture() as calls:
            await other.request("GET", "/a")
            await vps.request("GET", "/b")
            with other.capture() as inner:
                await vps.with_options(retry=None).request("GET", "/c")
        assert [call.path for call in calls] == ["/a", "/b", "/c"]
        assert [call.path for call in inner] == ["/c"]

    @in_virtual_time
    async def test_not_those_of_other_clients(self) -> None:
        vps, other = client(), client(Reply(json={}))
        with vps.capture() as calls:
            await other.request("GET", "/a")
        assert calls == []

    @in_virtual_time
    async def test_those_of_tasks_that_are_begun_in_the_block(self) -> None:
        vps = client(*(Reply(json={}) for _ in range(3)))
        with vps.capture() as calls:
            await asyncio.gather(*(vps.request("GET", f"/{number}") for number in range(3)))
        assert sorted(call.path for call in calls) == ["/0", "/1", "/2"]

    @in_virtual_time
    async def test_not_those_of_tasks_outside(self) -> None:
        vps = client(*(Reply(json={}) for _ in range(3)))

        async def see(path: str) -> list[CapturedCall]:
            with vps.capture() as calls:
                await asyncio.sleep(1)
                await vps.request("GET", path)
                await asyncio.sleep(1)
            return calls

        one, two, _ = await asyncio.gather(see("/a"), see("/b"), vps.request("GET", "/c"))
        assert [call.path for call in one] == ["/a"]
        assert [call.path for call in two] == ["/b"]

    @in_virtual_time
    async def test_not_those_after_the_block(self) -> None:
        vps = client(*(Reply(json={}) for _ in range(3)))

        async def later() -> None:
            await asyncio.sleep(5)
            await vps.request("GET", "/later")

        with vps.capture() as calls:
            task = asyncio.create_task(later())
            await vps.request("GET", "/a")
        await task
        await vps.request("GET", "/b")
        assert [call.path for call in calls] == ["/a"]

    async def test_those_of_a_bulk_run(self) -> None:
        async with Sandbox() as sandbox, VPSBG(sandbox.api_key, base_url=sandbox.url) as vps:
            drafts = [TicketDraft(**{**DRAFT, "subject": f"No. {n}"}) for n in range(3)]
            with vps.capture() as calls:
                async with vps.tickets.create_many(drafts) as run:
                    async for _ in run:
                        pass
        assert [call.status for call in calls if call.method == "POST"] == [200] * 3
        assert all(sandbox.api_key.encode() not in call.body for call in calls)


class TestTheBlock:
    @in_virtual_time
    async def test_an_error_leaves_it_and_what_was_captured(self) -> None:
        vps = client(Reply(404), Reply(json={}))
        block = vps.capture()
        calls = block.__enter__()
        with pytest.raises(NotFoundError) as caught:
            await vps.request("GET", "/a")
        assert not block.__exit__(caught.type, caught.value, caught.tb)
        await vps.request("GET", "/b")
        assert [call.path for call in calls] == ["/a"]

    @in_virtual_time
    async def test_blocks_need_not_be_left_in_order(self) -> None:
        vps = client(*(Reply(json={}) for _ in range(2)))
        one, two = vps.capture(), vps.capture()
        first, second = one.__enter__(), two.__enter__()
        one.__exit__(None, None, None)
        await vps.request("GET", "/a")
        two.__exit__(None, None, None)
        await vps.request("GET", "/b")
        assert first == []
        assert [call.path for call in second] == ["/a"]

    async def test_it_may_be_left_in_another_context(self) -> None:
        """As the fixtures of some test runners are."""

        async def fixture() -> AsyncIterator[list[CapturedCall]]:
            with vps.capture() as calls:
                yield calls

        vps = VPSBG(KEY, transport=FakeTransport(Reply(json={})))
        generator = fixture()

        async def step(do: Callable[[], Any]) -> Any:
            return await asyncio.create_task(do(), context=contextvars.Context())

        assert await step(generator.__anext__) == []
        with contextlib.suppress(StopAsyncIteration):
            await step(generator.__anext__)

    @in_virtual_time
    async def test_without_one_nothing_is_put_down(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(**_: object) -> None:
            raise AssertionError("nobody has asked")

        monkeypatch.setattr("vpsbg_async.core.call.CapturedCall", fail)
        vps = client(*(Reply(json={}) for _ in range(2)))
        await vps.request("GET", "/a")
        with vps.capture():
            pass
        await vps.request("GET", "/b")
        assert capture._captures.get() == ()
