"""One call: its path, its errors and what they tell of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from enum import Enum
from typing import Any

import pytest

from tests.core.calling import caller
from vpsbg_async import (
    VPSBG,
    APIError,
    AttachmentError,
    Event,
    Headers,
    InvalidInputError,
    NotFoundError,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    Request,
    Response,
    ResponseError,
    ResponseReadError,
    ServerError,
    Ticket,
    VPSBGError,
    outcome_of,
)
from vpsbg_async.core.call import located
from vpsbg_async.core.endpoint import Effect, Endpoint
from vpsbg_async.events import AttemptStarted
from vpsbg_async.testing import FakeTransport, Reply

GET = Endpoint("GET", "/support/tickets/{id}", Ticket, "convention")
POST = Endpoint("POST", "/support/tickets", Ticket, effects=frozenset({Effect.CREATES}))
ADDON = Endpoint("POST", "/servers/{server_id}/addons/{server_addon_id}", Ticket)


class Key(str, Enum):  # noqa: UP042 - whose str() is its name
    OLD = "a key"


class Number(int, Enum):
    SEVEN = 7


class TestPath:
    @pytest.mark.parametrize(
        ("id_", "part"),
        [
            (216, "216"),
            (0, "0"),
            (2**63 - 1, str(2**63 - 1)),
            ("216", "216"),
            ("a/b", "a%2Fb"),
            ("../admin", "..%2Fadmin"),
            ("a b", "a%20b"),
            ("a?b=1#c", "a%3Fb%3D1%23c"),
            ("%2e%2e", "%252e%252e"),
            ("ключ", "%D0%BA%D0%BB%D1%8E%D1%87"),
            ("{id}", "%7Bid%7D"),
            ("...", "..."),
            (Key.OLD, "a%20key"),
            (Number.SEVEN, "7"),
        ],
    )
    async def test_ids_are_encoded(self, id_: int | str, part: str) -> None:
        transport = FakeTransport(Reply(json={"id": 1}))
        await caller(transport).call(GET, id=id_)
        assert transport.calls[0].request.url == f"https://api.test/v1/support/tickets/{part}"

    @pytest.mark.parametrize(
        "id_",
        [
            "",
            " ",
            "\u00a0\t",
            ".",
            "..",
            "\ud800",
            "\0",
            "2\x1b16",
            "216\n",
            "\r\nX-Evil: 1",
            None,
            True,
            False,
            2**63,
            10**5000,
            1.5,
            b"1",
            [1],
            {},
            object(),
        ],
        ids=lambda id_: type(id_).__name__,
    )
    async def test_what_is_no_id_is_refused(self, id_: Any) -> None:
        transport = FakeTransport()
        with pytest.raises(InvalidInputError) as caught:
            await caller(transport).call(GET, id=id_)
        error = caught.value
        assert set(error.errors) == {"id"}
        assert (error.method, error.path, error.attempts) == ("GET", "/support/tickets/{id}", 0)
        assert error.outcome is Outcome.NOT_SENT
        assert not transport.calls

    def test_all_wrong_ids_are_told(self) -> None:
        with pytest.raises(InvalidInputError) as caught:
            ADDON.path_for({"server_id": "..", "server_addon_id": ""})
        assert set(caught.value.errors) == {"server_id", "server_addon_id"}
        assert ADDON.path_for({"server_id": 1, "server_addon_id": "b"}) == "/servers/1/addons/b"


class Breaks:
    """A transport whose answers break off."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.closed = False

    @asynccontextmanager
    async def send(self, request: Request, /) -> AsyncIterator[Response]:
        headers = Headers({"X-Request-Id": "r1", "Retry-After": "30"})

        async def chunks() -> AsyncIterator[bytes]:
            yield b'{"message": "half'
            raise ResponseReadError("the answer broke off", status=self.status, headers=headers)

        try:
            yield Response(self.status, headers, chunks())
        finally:
            self.closed = True

    async def aclose(self) -> None:
        pass


class TestErrors:
    @pytest.mark.parametrize(
        ("reply", "kind"),
        [
            (NotSentError("no network today"), NotSentError),
            (OutcomeUnknownError("dropped"), OutcomeUnknownError),
            (AttachmentError("is gone"), AttachmentError),
            (Reply(status=404), NotFoundError),
            (Reply(status=500), ServerError),
            (Reply(status=302), APIError),
            (Reply(body=b"<html>"), ResponseError),
            (Reply(json=[]), ResponseError),
            (Reply(json={"id": "a"}), ResponseError),
            (Reply(), ResponseError),
        ],
        ids=str,
    )
    async def test_tell_the_call(self, reply: Reply | Exception, kind: type[VPSBGError]) -> None:
        with pytest.raises(kind) as caught:
            await caller(FakeTransport(reply)).call(GET, id="a/b")
        error = caught.value
        assert type(error) is kind
        assert (error.method, error.path, error.attempts) == ("GET", "/support/tickets/a%2Fb", 1)
        assert str(error).startswith("GET /support/tickets/a%2Fb: ")

    async def test_of_raw_calls_and_of_pages_do_too(self) -> None:
        with pytest.raises(ServerError) as caught:
            await caller(FakeTransport(Reply(status=500))).raw("PUT", "/affiliate", {"a": 1}, None)
        assert (caught.value.method, caught.value.path) == ("PUT", "/affiliate")
        with pytest.raises(ServerError) as caught:
            await caller(FakeTransport(Reply(status=500))).pages(POST, 7)
        assert (caught.value.method, caught.value.path) == ("POST", "/support/tickets")
        assert caught.value.attempts == 1

    @pytest.mark.parametrize("status", [404, 405])
    async def test_of_a_deduced_path_say_so(self, status: int) -> None:
        for endpoint, deduced in ((GET, True), (POST, False)):
            transport = FakeTransport(Reply(status=status))
            with pytest.raises(APIError) as caught:
                await caller(transport).call(endpoint, id=1)
            assert caught.value.deduced is deduced
            assert ("deduced" in str(caught.value)) is deduced

    @pytest.mark.parametrize("status", [200, 204, 299])
    async def test_a_success_that_breaks_off(self, status: int) -> None:
        transport = Breaks(status)
        with pytest.raises(ResponseReadError) as caught:
            await caller(transport).call(POST)
        assert caught.value.outcome is Outcome.PROCESSED
        assert caught.value.status == status
        assert (caught.value.method, caught.value.path) == ("POST", "/support/tickets")
        assert transport.closed

    @pytest.mark.parametrize(
        ("status", "outcome"),
        [
            (302, Outcome.UNKNOWN),
            (401, Outcome.NOT_PROCESSED),
            (422, Outcome.NOT_PROCESSED),
            (423, Outcome.UNKNOWN),
            (429, Outcome.NOT_PROCESSED),
            (500, Outcome.UNKNOWN),
            (503, Outcome.NOT_PROCESSED),  # with Retry-After
        ],
    )
    async def test_an_error_that_breaks_off_is_that_error(
        self, status: int, outcome: Outcome
    ) -> None:
        transport = Breaks(status)
        with pytest.raises(APIError) as caught:
            await caller(transport).raw("POST", "/support", {}, None)
        error = caught.value
        assert error.status == status
        assert error.outcome is outcome
        assert error.request_id == "r1"
        assert isinstance(error.__cause__, ResponseReadError)
        assert (error.method, error.path, error.attempts) == ("POST", "/support", 1)
        assert transport.closed

    async def test_half_a_body_is_kept(self) -> None:
        with pytest.raises(APIError) as caught:
            await caller(Breaks(422)).raw("POST", "/support", {}, None)
        assert caught.value.body == b'{"message": "half'
        with pytest.raises(ResponseReadError) as cut:
            await caller(Breaks(200)).raw("POST", "/support", {}, None)
        assert cut.value.body == b'{"message": "half'


class TestLocated:
    def test_an_error_that_is_raised_again_tells_the_newest_call(self) -> None:
        error = NotSentError("no network today")
        for method, path in (("POST", "/a"), ("GET", "/b")):
            with pytest.raises(NotSentError) as caught, located(method, path):
                raise error
            assert caught.value is error
            assert (error.method, error.path, error.attempts) == (method, path, 0)

    def test_a_cancellation_stays_what_it_is_and_can_be_judged(self) -> None:
        cancelled = asyncio.CancelledError("by somebody")
        with pytest.raises(asyncio.CancelledError) as caught, located("POST", "/support"):
            raise cancelled
        assert caught.value is cancelled
        assert cancelled.args == ("by somebody",)
        assert outcome_of(cancelled) is Outcome.NOT_SENT
        assert isinstance(cancelled.__cause__, VPSBGError)
        assert (cancelled.__cause__.method, cancelled.__cause__.path) == ("POST", "/support")

    def test_a_foreign_error_becomes_ours(self) -> None:
        with pytest.raises(NotSentError, match="LookupError") as caught, located("GET", "/"):
            raise LookupError
        assert isinstance(caught.value.__cause__, LookupError)


class Broken:
    """A transport that raises what no transport may."""

    def send(self, request: Request, /) -> AbstractAsyncContextManager[Response]:
        raise RuntimeError("a bug")

    async def aclose(self) -> None:
        pass


async def test_an_older_error_is_not_taken_for_that_of_a_broken_transport() -> None:
    vps = VPSBG("key", transport=Broken())
    older = NotSentError("an older one, being handled")
    try:
        raise older
    except NotSentError:
        with pytest.raises(OutcomeUnknownError, match="RuntimeError") as caught:
            await vps.request("POST", "/support")
    assert outcome_of(caught.value) is Outcome.UNKNOWN
    assert (caught.value.method, caught.value.path) == ("POST", "/support")


async def test_the_word_of_a_test_double_comes_out_as_it_is() -> None:
    """A `FakeTransport` that lacks a reply says so, and is not taken for a network that failed."""
    events: list[Event] = []
    vps = VPSBG("key", transport=FakeTransport(), on_event=events.append)
    with pytest.raises(AssertionError, match="no reply was given"):
        await vps.request("GET", "/balance")
    assert [type(event) for event in events] == [AttemptStarted]


async def test_every_answer_tells_the_time_of_the_server() -> None:
    for status in (200, 404, 500):
        headers = {"Date": "Tue, 24 Nov 2026 12:00:00 GMT"}
        calling = caller(FakeTransport(Reply(status, json={}, headers=headers)))
        server_clock = calling.session.server_clock
        assert server_clock.ahead is None
        with contextlib.suppress(APIError):
            await calling.raw("GET", "/balance", {}, None)
        assert server_clock.ahead is not None
