"""The conformance suite itself: a transport that does wrong does not pass it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import attrs
import pytest

from vpsbg_async import (
    AiohttpTransport,
    Body,
    Headers,
    NotSentError,
    OutcomeUnknownError,
    Request,
    Response,
    ResponseReadError,
    Transport,
    VPSBGError,
)
from vpsbg_async.core.answer import Answer, error_for
from vpsbg_async.testing import NetworkTransportConformance, TransportConformance


class Honest:
    """Passes everything on as it is; what is wrong is done by what derives from it."""

    def __init__(self) -> None:
        self.inner = AiohttpTransport()

    @asynccontextmanager
    async def send(self, request: Request, /) -> AsyncIterator[Response]:
        async with self.inner.send(request) as response:
            yield response

    async def aclose(self) -> None:
        await self.inner.aclose()


class SendsAgain(Honest):
    """On a dropped connection, as aiohttp and many retrying wrappers do."""

    @asynccontextmanager
    async def send(self, request: Request, /) -> AsyncIterator[Response]:
        async with contextlib.AsyncExitStack() as stack:
            try:
                response = await stack.enter_async_context(self.inner.send(request))
            except OutcomeUnknownError:
                response = await stack.enter_async_context(self.inner.send(request))
            yield response


class RaisesForStatus(Honest):
    """As ``raise_for_status=True`` does."""

    @asynccontextmanager
    async def send(self, request: Request, /) -> AsyncIterator[Response]:
        async with self.inner.send(request) as response:
            if response.status >= 400:
                raise error_for(Answer(response.status, response.headers, b""))
            yield response


class FollowsRedirects(Honest):
    """As most libraries do by default."""

    @asynccontextmanager
    async def send(self, request: Request, /) -> AsyncIterator[Response]:
        async with self.inner.send(request) as response:
            if response.status not in (302, 308):
                yield response
                return
            location = response.headers["Location"]
        async with self.inner.send(attrs.evolve(request, url=location)) as response:
            yield response


class LeftOpen:
    """A body that nobody closes."""

    def __init__(self, body: Body, kept: list[object]) -> None:
        self.content_type = body.content_type
        self.content_length = body.content_length
        self.replayable = body.replayable
        self._body = body
        self._kept = kept

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncIterator[bytes]]:
        context = self._body.open()
        self._kept.append(context)  # else it would be closed when it is collected
        yield await context.__aenter__()


class LeavesTheBodyOpen(Honest):
    """As aiohttp does with a generator on the way out of an error."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[object] = []

    @asynccontextmanager
    async def send(self, request: Request, /) -> AsyncIterator[Response]:
        body = None if request.body is None else LeftOpen(request.body, self.kept)
        async with self.inner.send(attrs.evolve(request, body=body)) as response:
            yield response


class SwallowsCancellation(Honest):
    """As ``except BaseException`` does."""

    @asynccontextmanager
    async def send(self, request: Request, /) -> AsyncIterator[Response]:
        try:
            async with self.inner.send(request) as response:
                yield response
        except asyncio.CancelledError as error:
            raise OutcomeUnknownError("something happened") from error


class Liar(Honest):
    """Tells one and the same of every failure."""

    kind: type[VPSBGError]

    @asynccontextmanager
    async def send(self, request: Request, /) -> AsyncIterator[Response]:
        try:
            async with self.inner.send(request) as response:
                yield response
        except VPSBGError as error:
            raise self.kind(str(error)) from error


class NothingWasEverSent(Liar):
    """The most dangerous lie: it has tickets created twice."""

    kind = NotSentError


class NothingIsEverKnown(Liar):
    """The other one: it has nothing sent again."""

    kind = OutcomeUnknownError


class ChangesTheUrl(Honest):
    """As a library does that encodes what is encoded."""

    @asynccontextmanager
    async def send(self, request: Request, /) -> AsyncIterator[Response]:
        url = request.url.replace("%2F", "/")
        async with self.inner.send(attrs.evolve(request, url=url)) as response:
            yield response


class ByHand:
    """What one writes on aiohttp in an hour."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def send(self, request: Request, /) -> AsyncIterator[Response]:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        headers = dict(request.headers)
        async with contextlib.AsyncExitStack() as stack:
            chunks = None
            if request.body is not None:
                headers["Content-Type"] = request.body.content_type
                chunks = await stack.enter_async_context(request.body.open())
            try:
                answer = await stack.enter_async_context(
                    self._session.request(request.method, request.url, headers=headers, data=chunks)
                )
            except aiohttp.ClientConnectorError as error:
                raise NotSentError(str(error)) from error
            except (aiohttp.ClientError, TimeoutError) as error:
                raise OutcomeUnknownError(str(error)) from error
            yield Response(answer.status, Headers(answer.headers), self._chunks(answer))

    async def _chunks(self, answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        try:
            async for chunk in answer.content.iter_any():
                yield chunk
        except aiohttp.ClientError as error:
            headers = Headers(answer.headers)
            raise ResponseReadError(str(error), status=answer.status, headers=headers) from error

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()


def suite_for(make: Callable[[], Transport]) -> NetworkTransportConformance:
    class Suite(NetworkTransportConformance):
        def make_transport(self) -> Transport:
            return make()

    return Suite()


def failures(make: Callable[[], Transport], *names: str) -> set[str]:
    """Which tests of the suite a transport fails."""
    failed = set()
    for name in names:
        try:
            getattr(suite_for(make), f"test_{name}")()
        except Exception:  # noqa: BLE001 - whatever it is, pytest would tell of a failure
            failed.add(name)
        gc.collect()  # of a task that ended otherwise than it should have, asyncio tells the log
    return failed


BAD: dict[Callable[[], Transport], tuple[str, ...]] = {
    SendsAgain: ("one_attempt_for_every_method", "a_server_that_stops_reading"),
    RaisesForStatus: (
        "no_status_raises_and_none_is_followed",
        "refused_while_the_upload_still_runs",
    ),
    FollowsRedirects: ("no_status_raises_and_none_is_followed",),
    LeavesTheBodyOpen: (
        "a_body_is_closed_after_success",
        "a_body_that_fails_is_not_sent_whole",
        "a_body_of_another_length_than_its_own_is_not_sent_whole",
        "a_source_that_stalls",
        "cancelled_while_the_body_opens_or_gives",
        "cancelled_while_the_answer_is_open",
    ),
    SwallowsCancellation: (
        "cancelled_while_the_body_opens_or_gives",
        "cancelled_while_a_step_cannot_be_interrupted",
        "cancelled_while_the_answer_is_open",
        "cancelled_while_the_answer_is_waited_for",
    ),
    NothingWasEverSent: (
        "dropped_after_the_last_chunk",
        "half_a_head_and_no_http",
        "no_answer_in_time",
        "an_answer_that_breaks_off",
        "an_answer_that_stops",
        "an_answer_over_the_limit_is_not_read_into_memory",
        "a_body_that_fails_is_not_sent_whole",
    ),
    NothingIsEverKnown: (
        "nothing_listens",
        "connecting_takes_too_long",
        "dropped_before_the_last_chunk",
        "an_answer_that_breaks_off",
        "closing",
    ),
    ChangesTheUrl: ("a_request_arrives_as_it_was_given",),
    ByHand: (
        "a_request_arrives_as_it_was_given",
        "no_status_raises_and_none_is_followed",
        "one_attempt_for_every_method",
        "a_body_of_another_length_than_its_own_is_not_sent_whole",
        "a_body_that_fails_is_not_sent_whole",
        "closing",
    ),
}


@pytest.mark.parametrize(
    ("make", "names"), BAD.items(), ids=lambda case: getattr(case, "__name__", "")
)
def test_a_bad_transport_fails(make: Callable[[], Transport], names: tuple[str, ...]) -> None:
    assert failures(make, *names) == set(names)


@pytest.mark.parametrize("name", sorted({name for names in BAD.values() for name in names}))
def test_an_honest_one_passes_the_same_tests(name: str) -> None:
    assert failures(Honest, name) == set()


@pytest.mark.parametrize(
    "name", ["dropped_after_the_last_chunk", "half_a_head_and_no_http", "no_answer_in_time"]
)
def test_sending_again_after_any_fault_fails(name: str) -> None:
    assert failures(SendsAgain, name) == {name}


def test_what_is_right_with_a_bad_transport_passes() -> None:
    names = (
        "no_status_raises_and_none_is_followed",
        "nothing_listens",
        "an_answer_that_breaks_off",
    )
    assert failures(SwallowsCancellation, *names) == set()


class TestTheSuite:
    def test_wants_a_transport(self) -> None:
        with pytest.raises(NotImplementedError):
            NetworkTransportConformance().make_transport()
        with pytest.raises(NotImplementedError):
            TransportConformance().peer()

    def test_a_test_that_leaves_a_task_behind_fails(self) -> None:
        class Leaves(Honest):
            @asynccontextmanager
            async def send(self, request: Request, /) -> AsyncIterator[Response]:
                self.task = asyncio.create_task(asyncio.Event().wait())
                async with self.inner.send(request) as response:
                    yield response

        assert failures(Leaves, "an_answer_can_be_taken_in_chunks")

    def test_is_of_tests_that_pytest_finds(self) -> None:
        own = {name for name in vars(TransportConformance) if name.startswith("test_")}
        more = {name for name in vars(NetworkTransportConformance) if name.startswith("test_")}
        assert len(own) >= 12
        assert len(more) >= 15
        assert not own & more, "one hides the other"
        covered = {f"test_{name}" for names in BAD.values() for name in names}
        assert covered <= own | more
