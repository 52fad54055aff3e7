"""FakeTransport: what every transport keeps, and what is its own."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from vpsbg_async import (
    VPSBG,
    Attachment,
    AttachmentError,
    Headers,
    NotFoundError,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    Request,
    Response,
    Timeouts,
    Transport,
    outcome_of,
)
from vpsbg_async.testing import FakeTransport, Peer, Received, Reply, TransportConformance
from vpsbg_async.testing.bodies import BoomError, WatchedBody, failing

URL = "https://api.test"


class FakePeer:
    """A fake transport that answers every request as it was told, as its own far end."""

    url = URL

    def __init__(self) -> None:
        self.transport: Transport = self
        self._reply = Reply()
        self._calls: list[Received] = []

    @property
    def received(self) -> Sequence[Received]:
        return self._calls

    def will_answer(
        self, status: int, body: bytes = b"", headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        self._reply = Reply(status, body=body, headers=dict(headers))

    @asynccontextmanager
    async def send(self, request: Request, /) -> AsyncIterator[Response]:
        fake = FakeTransport(self._reply)
        try:
            async with fake.send(request) as response:
                self._note(fake)
                yield response
        finally:
            await fake.aclose()

    def _note(self, fake: FakeTransport) -> None:
        (call,) = fake.calls
        request = call.request
        headers = [*request.headers.items()]
        if request.body is not None:
            headers.append(("Content-Type", request.body.content_type))
            if request.body.content_length is not None:
                headers.append(("Content-Length", str(request.body.content_length)))
        target = request.url.removeprefix(URL) or "/"
        self._calls.append(Received(request.method, target, Headers(headers), call.body))

    async def aclose(self) -> None:
        pass


class TestConformance(TransportConformance):
    @asynccontextmanager
    async def peer(self) -> AsyncIterator[Peer]:
        yield FakePeer()


def request(body: WatchedBody | None = None, **more: Any) -> Request:
    return Request(method="POST", url=f"{URL}/a", body=body, **more)


async def read(transport: FakeTransport, body: WatchedBody | None = None) -> bytes:
    async with transport.send(request(body)) as response:
        return await response.read()


class TestReplies:
    async def test_come_in_order(self) -> None:
        transport = FakeTransport(Reply(body=b"one"), Reply(body=b"two"))
        assert [await read(transport), await read(transport)] == [b"one", b"two"]

    async def test_an_exception_is_raised(self) -> None:
        error = NotSentError("no network today")
        transport = FakeTransport(error, Reply(body=b"ok"))
        with pytest.raises(NotSentError) as caught:
            await read(transport)
        assert caught.value is error
        assert await read(transport) == b"ok"
        assert len(transport.calls) == 2

    async def test_one_call_too_many_is_told(self) -> None:
        transport = FakeTransport(Reply())
        await read(transport)
        with pytest.raises(
            AssertionError, match=r"no reply was given for POST https://api\.test/a"
        ):
            await read(transport)

    @pytest.mark.parametrize(
        ("reply", "status", "body"),
        [
            (Reply(), 200, b""),
            (Reply(404), 404, b""),
            (Reply(body=b"<html>"), 200, b"<html>"),
            (Reply(json={"a": [1, None, "ю"]}), 200, b'{"a": [1, null, "\\u044e"]}'),
            (Reply(json=[]), 200, b"[]"),
            (Reply(json={}), 200, b"{}"),
            (Reply(json=0), 200, b"0"),
            (Reply(json=False), 200, b"false"),
            (Reply(json=""), 200, b'""'),
        ],
        ids=str,
    )
    async def test_what_they_hold(self, reply: Reply, status: int, body: bytes) -> None:
        async with FakeTransport(reply).send(request()) as response:
            assert response.status == status
            assert await response.read() == body

    async def test_headers_are_found_in_any_case(self) -> None:
        transport = FakeTransport(Reply(headers={"Retry-After": "30"}))
        async with transport.send(request()) as response:
            assert response.headers["retry-after"] == "30"


class TestCalls:
    async def test_are_kept(self) -> None:
        transport = FakeTransport(Reply(), Reply())
        body = WatchedBody.of(b"one", b"", b"two", length=None)
        await read(transport, body)
        await read(transport)
        assert [(call.request.url, call.body) for call in transport.calls] == [
            (f"{URL}/a", b"onetwo"),
            (f"{URL}/a", b""),
        ]
        assert transport.calls[0].request.body is body
        assert (body.opened, body.closed) == (1, 1)

    async def test_that_were_not_sent_whole_are_not(self) -> None:
        transport = FakeTransport(Reply(body=b"ok"))
        bodies = [
            WatchedBody(functools.partial(failing, BoomError("no more")), None),
            WatchedBody.of(b"one", length=4),
            WatchedBody.of(b"one", b"two", length=5),
        ]
        for body in bodies:
            with pytest.raises(AttachmentError):
                await read(transport, body)
            assert body.closed == 1
        assert transport.calls == []
        assert await read(transport) == b"ok", "a reply was used up"

    async def test_a_source_that_times_out_by_itself_is_no_stall(self) -> None:
        transport = FakeTransport(Reply())
        body = WatchedBody(functools.partial(failing, TimeoutError("of the source")), None)
        with pytest.raises(AttachmentError, match="could not be read") as caught:
            async with transport.send(request(body, timeouts=Timeouts(stall=60))):
                pass
        assert isinstance(caught.value.__cause__, TimeoutError)


class TestInAnApplication:
    async def test_a_ticket_and_its_failures(self) -> None:
        transport = FakeTransport(
            Reply(json={"id": 7, "messages": [{"id": 1, "attachments": [{"name": "a.txt"}]}]}),
            OutcomeUnknownError("the server closed the connection"),
            Reply(404, json={"message": "None."}),
        )
        async with VPSBG("key", transport=transport) as vps:
            ticket = await vps.tickets.create(
                department_id=2,
                subject="Down",
                message="It is down.",
                attachments=[Attachment.from_bytes(b"data", name="a.txt")],
            )
            assert ticket.id == 7
            assert ticket.attachment_mismatches == ()
            with pytest.raises(OutcomeUnknownError) as caught:
                await vps.tickets.create(department_id=2, subject="Down", message="It is down.")
            assert outcome_of(caught.value) is Outcome.UNKNOWN
            assert caught.value.draft is not None
            with pytest.raises(NotFoundError, match=r"None\."):
                await vps.tickets.get(8)
        assert b'filename="a.txt"' in transport.calls[0].body
        assert [call.request.method for call in transport.calls] == ["POST", "POST", "GET"]

    async def test_nothing_is_sent_after_it_was_closed(self) -> None:
        transport = FakeTransport(Reply())
        await transport.aclose()
        with pytest.raises(NotSentError):
            await read(transport)
