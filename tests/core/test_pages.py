"""Lists that come in pages: one awaited, all iterated, and where they end."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from vpsbg_async import (
    VPSBG,
    InvalidInputError,
    NotSentError,
    Outcome,
    Page,
    Pages,
    Request,
    Response,
    ResponseError,
    ServerError,
    Ticket,
    Transport,
)
from vpsbg_async.testing import FakeTransport, RawConnection, RawServer, Reply

URL = "https://api.test/v1/support/tickets"


def page(number: int, last: int, *ids: int) -> Reply:
    """A page as Laravel frames it."""
    following = f"{URL}?page={number + 1}" if number < last else None
    return Reply(
        json={
            "data": [{"id": id_} for id_ in ids],
            "links": {"first": f"{URL}?page=1", "next": following},
            "meta": {"current_page": number, "last_page": last, "total": 100},
        }
    )


THREE = (page(1, 3, 1, 2), page(2, 3, 3, 4), page(3, 3, 5))


def listing(transport: Transport, first: int | None = None) -> Pages[Ticket]:
    vps = VPSBG("key", base_url="https://api.test/v1", transport=transport, retry=None)
    return vps.tickets.list(page=first)


def asked(transport: FakeTransport) -> list[str]:
    return [call.request.url for call in transport.calls]


async def see(pages: Pages[Ticket], seen: list[int]) -> None:
    """Note what is seen before a failure."""
    async for ticket in pages:
        seen.append(ticket.id)  # noqa: PERF401 - a comprehension would lose them


async def ids_of(pages: Pages[Ticket]) -> list[int]:
    return [ticket.id async for ticket in pages]


class TestOnePage:
    async def test_the_first(self) -> None:
        transport = FakeTransport(*THREE)
        got = await listing(transport)
        assert [ticket.id for ticket in got] == [1, 2]
        assert len(got) == 2
        assert got == Page(items=(Ticket(id=1), Ticket(id=2)), number=1, next=2, last=3, total=100)
        assert asked(transport) == [URL]

    async def test_another(self) -> None:
        transport = FakeTransport(page(3, 3, 5))
        got = await listing(transport, 3)
        assert (got.number, got.next, got.last) == (3, None, 3)
        assert asked(transport) == [f"{URL}?page=3"]

    async def test_nothing_is_sent_before(self) -> None:
        transport = FakeTransport(*THREE)
        pages = listing(transport)
        pages.pages()
        assert transport.calls == []

    async def test_each_time_anew(self) -> None:
        transport = FakeTransport(page(1, 1, 1), page(1, 1, 2))
        pages = listing(transport)
        assert [ticket.id for ticket in await pages] == [1]
        assert [ticket.id for ticket in await pages] == [2]

    async def test_an_empty_one(self) -> None:
        got = await listing(FakeTransport(Reply(json={"data": [], "meta": {"from": None}})))
        assert (got.items, got.number, got.next, got.last, got.total) == ((), 1, None, None, None)
        assert len(got) == 0

    @pytest.mark.parametrize("data", [None, [], [None], {}], ids=str)
    async def test_nothing_in_it(self, data: object) -> None:
        assert len(await listing(FakeTransport(Reply(json={"data": data})))) == 0

    async def test_null_is_no_item(self) -> None:
        got = await listing(FakeTransport(Reply(json={"data": [None, {"id": 1}, None]})))
        assert [ticket.id for ticket in got] == [1]

    async def test_a_bare_list(self) -> None:
        got = await listing(FakeTransport(Reply(json=[{"id": 1}])))
        assert ([ticket.id for ticket in got], got.next) == ([1], None)

    def test_made_by_hand(self) -> None:
        assert Page(items=("a", "b")) == Page(items=("a", "b"), number=1, next=None)

    async def test_the_server_tells_its_number(self) -> None:
        got = await listing(FakeTransport(page(2, 3, 3)))
        assert (got.number, got.next) == (2, 3)


class TestAllPages:
    async def test_items(self) -> None:
        transport = FakeTransport(*THREE)
        assert await ids_of(listing(transport)) == [1, 2, 3, 4, 5]
        assert asked(transport) == [URL, f"{URL}?page=2", f"{URL}?page=3"]

    async def test_from_a_page_on(self) -> None:
        transport = FakeTransport(*THREE[1:])
        assert await ids_of(listing(transport, 2)) == [3, 4, 5]
        assert asked(transport) == [f"{URL}?page=2", f"{URL}?page=3"]

    async def test_each_time_anew(self) -> None:
        transport = FakeTransport(*THREE, *THREE)
        pages = listing(transport)
        assert await ids_of(pages) == await ids_of(pages)
        assert len(transport.calls) == 6

    async def test_pages(self) -> None:
        pages = listing(FakeTransport(*THREE))
        assert [(got.number, len(got)) async for got in pages.pages()] == [(1, 2), (2, 2), (3, 1)]

    async def test_a_page_is_asked_for_when_it_is_due(self) -> None:
        transport = FakeTransport(*THREE)
        seen = [(ticket.id, len(transport.calls)) async for ticket in listing(transport)]
        assert seen == [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3)]

    async def test_a_failure_comes_out_after_what_came_before(self) -> None:
        transport = FakeTransport(page(1, 3, 1), Reply(status=500))
        seen: list[int] = []
        with pytest.raises(ServerError) as caught:
            await see(listing(transport), seen)
        assert seen == [1]
        assert (caught.value.method, caught.value.path) == ("GET", "/support/tickets")


def envelope(
    ids: Sequence[int] = (1,), links: object = None, meta: object = None, **more: object
) -> Reply:
    given = {"links": links, "meta": meta}
    frame = {name: value for name, value in given.items() if value is not None}
    return Reply(json={"data": [{"id": id_} for id_ in ids], **frame, **more})


class TestTheEnd:
    @pytest.mark.parametrize(
        "reply",
        [
            Reply(json=[{"id": 1}]),
            envelope(),
            envelope(links={"next": f"{URL}?page=2"}),
            envelope(links={}, meta={"current_page": 1, "last_page": 9}),
            envelope(links={"next": None}, meta={"current_page": 1, "last_page": 9}),
            envelope(links={"next": ""}, meta={"current_page": 1}),
            envelope(meta={"current_page": 1}, next=f"{URL}?page=2"),
            envelope((), links={"next": f"{URL}?page=2"}, meta={"current_page": 1}),
            envelope(meta={"current_page": 9, "last_page": 9}),
        ],
        ids=range(9),
    )
    async def test_is_here(self, reply: Reply) -> None:
        transport = FakeTransport(reply, *[Reply(status=500)] * 3)
        assert (await listing(transport)).next is None

    async def test_the_first_page_forever(self) -> None:
        transport = FakeTransport(*[page(1, 3, 1, 2)] * 10)
        seen: list[int] = []
        with pytest.raises(ResponseError, match="page 2 was asked for") as caught:
            await see(listing(transport), seen)
        assert seen == [1, 2]
        assert len(transport.calls) == 2
        assert caught.value.outcome is Outcome.PROCESSED
        assert caught.value.path == "/support/tickets"
        assert b'"current_page": 1' in caught.value.body

    async def test_another_page_than_the_one_asked_for(self) -> None:
        for number in (1, 3, 0, -1):
            with pytest.raises(ResponseError, match="page 2 was asked for"):
                await listing(FakeTransport(page(number, 9, 1)), 2)

    async def test_the_first_page_forever_without_its_number(self) -> None:
        reply = envelope((1, 2), links={"next": f"{URL}?page=2"}, meta={"total": 2})
        transport = FakeTransport(*[reply] * 10)
        with pytest.raises(ResponseError, match="page 2 was asked for"):
            await ids_of(listing(transport))
        assert len(transport.calls) == 2

    @pytest.mark.parametrize(
        ("following", "number"),
        [
            (f"{URL}?page=2", 2),
            (f"{URL}?page=3", 3),
            (f"{URL}?per_page=5&page=2", 2),
            (f"{URL}?page=2&per_page=5", 2),
            ("/support/tickets?page=2", 2),
            ("?page=2", 2),
            (f"{URL}?cursor=abc", 2),
            (f"{URL}?page=two", 2),
            (f"{URL}?per_page=9", 2),
        ],
    )
    async def test_is_not_here(self, following: str, number: int) -> None:
        for meta in ({"current_page": 1}, {"a": 1}, {"current_page": 1, "last_page": 1}):
            reply = envelope(links={"next": following}, meta=meta)
            assert (await listing(FakeTransport(reply))).next == number

    @pytest.mark.parametrize("back", [0, 1, 2])
    async def test_a_link_backwards(self, back: int) -> None:
        reply = envelope(links={"next": f"{URL}?page={back}"}, meta={"current_page": 2})
        with pytest.raises(ResponseError, match="page 2 was asked for"):
            await listing(FakeTransport(reply), 2)

    @pytest.mark.parametrize("count", [1, 5])
    async def test_meta_without_a_number_is_counted(self, count: int) -> None:
        replies = [
            envelope((number,), links={"next": f"{URL}?page={number + 1}"}, meta={"a": 1})
            for number in range(1, count)
        ]
        transport = FakeTransport(*replies, envelope((count,), links={}, meta={"a": 1}))
        assert await ids_of(listing(transport)) == [*range(1, count + 1)]
        assert asked(transport)[1:] == [f"{URL}?page={number}" for number in range(2, count + 1)]

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(json={}),
            Reply(json=[[]]),
            Reply(json=1),
            Reply(json={"data": [], "meta": 1}),
            Reply(json={"data": [], "links": "none"}),
            Reply(json={"data": [], "meta": {"current_page": "one"}}),
            Reply(body=b"<html>"),
            Reply(body=b""),
        ],
        ids=str,
    )
    async def test_no_page_at_all(self, reply: Reply) -> None:
        with pytest.raises(ResponseError) as caught:
            await listing(FakeTransport(reply))
        assert caught.value.path == "/support/tickets"
        with pytest.raises(ResponseError):
            await ids_of(listing(FakeTransport(reply)))


class Scroll(RawServer):
    """A server with a list, of which each page is what a function says of its number."""

    def __init__(self, page: Callable[[int], dict[str, Any]]) -> None:
        super().__init__(self._answer)
        self.asked: list[int] = []
        self._page = page

    async def _answer(self, connection: RawConnection) -> None:
        while True:
            target = (await connection.request()).target
            self.asked.append(int(target.partition("page=")[2] or 1))
            assert len(self.asked) < 9, "endless"
            body = json.dumps(self._page(self.asked[-1])).encode()
            await connection.answer(200, body, [("Content-Type", "application/json")])

    async def ids(self, first: int | None = None) -> list[int]:
        async with self, VPSBG("key", base_url=f"{self.url}/v1", retry=None) as vps:
            return await ids_of(vps.tickets.list(page=first))


def laid(*ids: int, **frame: object) -> dict[str, Any]:
    return {"data": [{"id": id_} for id_ in ids], **frame}


class TestListsThatContradictThemselves:
    """On a real server: no walk is endless, and none ends before its time without a word."""

    @pytest.mark.parametrize(
        "meta", [{}, {"last_page": 2}, {"last_page": 99}, {"total": 50}], ids=str
    )
    async def test_the_same_items_under_each_number(self, meta: dict[str, int]) -> None:
        scroll = Scroll(
            lambda number: laid(
                *(1, 2),
                links={"next": f"{URL}?page={number + 1}"},
                meta={"current_page": number, **meta},
            )
        )
        with pytest.raises(ResponseError, match=r"page 2 was asked for, .*what page 1 has"):
            await scroll.ids()
        assert scroll.asked == [1, 2]

    async def test_an_item_that_slips_to_the_next_page(self) -> None:
        """A page of one item each, and a new one meanwhile: nothing is wrong with it."""
        scroll = Scroll(
            lambda number: laid(
                max(1, number - 1),
                links={"next": f"{URL}?page={number + 1}" if number < 3 else None},
                meta={"current_page": number, "last_page": 3, "total": 2 + (number > 1)},
            )
        )
        assert await scroll.ids() == [1, 1, 2]

    async def test_items_that_differ_in_what_is_not_known_of_them(self) -> None:
        scroll = Scroll(
            lambda number: (
                laid(links=None, meta={"current_page": number, "last_page": 2})
                | {"data": [{"id": 1, "new_field": number}]}
            )
        )
        assert await scroll.ids() == [1, 1]

    async def test_empty_pages_past_the_last(self) -> None:
        scroll = Scroll(
            lambda number: laid(
                *([number] if number < 3 else []),
                links={"next": f"{URL}?page={number + 1}"},
                meta={"current_page": number, "last_page": 2},
            )
        )
        assert await scroll.ids() == [1, 2]
        assert scroll.asked == [1, 2, 3]

    async def test_an_empty_page_in_the_middle(self) -> None:
        scroll = Scroll(
            lambda number: laid(
                *([] if number == 2 else [number]),
                links={"next": f"{URL}?page={number + 1}" if number < 3 else None},
                meta={"current_page": number, "last_page": 3},
            )
        )
        assert await scroll.ids() == [1, 3]

    async def test_no_links_though_there_are_more_pages(self) -> None:
        scroll = Scroll(lambda number: laid(number, meta={"current_page": number, "last_page": 3}))
        assert await scroll.ids() == [1, 2, 3]
        assert await scroll.ids(2) == [2, 3]

    async def test_a_link_though_it_is_told_to_be_the_last(self) -> None:
        scroll = Scroll(
            lambda number: laid(
                number,
                links={"next": f"{URL}?page={number + 1}" if number < 3 else None},
                meta={"current_page": number, "last_page": 1},
            )
        )
        assert await scroll.ids() == [1, 2, 3]

    async def test_a_link_without_a_number_that_cannot_be_followed(self) -> None:
        scroll = Scroll(lambda _: laid(1, links={"next": f"{URL}?cursor=abc"}, meta={"total": 2}))
        with pytest.raises(ResponseError, match="page 2 was asked for"):
            await scroll.ids()


class Counting:
    """A transport that knows how many answers are open."""

    def __init__(self, *replies: Reply | Exception) -> None:
        self.inner = FakeTransport(*replies)
        self.open = 0

    @asynccontextmanager
    async def send(self, request: Request, /) -> AsyncIterator[Response]:
        self.open += 1
        try:
            async with self.inner.send(request) as response:
                yield response
        finally:
            self.open -= 1

    async def aclose(self) -> None:
        await self.inner.aclose()


class TestBreakingOff:
    async def test_leaves_nothing_open(self) -> None:
        for by_page in (False, True):
            transport = Counting(*THREE)
            pages = listing(transport)
            walk: AsyncIterator[Any] = pages.pages() if by_page else aiter(pages)
            async for _ in walk:
                assert transport.open == 0, "an answer is open while its items are worked on"
                break
            assert len(transport.inner.calls) == 1
            del walk
            gc.collect()
            await asyncio.sleep(0)  # a turn, in which abandoned generators are closed
            await asyncio.sleep(0)
            assert asyncio.all_tasks() == {asyncio.current_task()}

    async def test_in_a_well_behaved_way(self) -> None:
        transport = Counting(*THREE)
        async with aclosing(listing(transport).pages()) as pages:  # type: ignore[type-var]
            async for _ in pages:
                break
        assert (transport.open, len(transport.inner.calls)) == (0, 1)

    async def test_by_an_error_of_the_callers(self) -> None:
        transport = Counting(*THREE)

        async def fail() -> None:
            async for _ in listing(transport):
                raise LookupError

        with pytest.raises(LookupError):
            await fail()
        assert transport.open == 0

    async def test_a_failed_page_is_closed(self) -> None:
        for reply in (Reply(status=500), NotSentError("no network today"), Reply(body=b"<html>")):
            transport = Counting(reply)
            with pytest.raises((ServerError, NotSentError, ResponseError)):
                await listing(transport)
            assert transport.open == 0


@pytest.mark.parametrize("number", [0, -1, True, 1.5, "1", "two"], ids=repr)
def test_a_number_that_is_no_page_is_refused_at_once(number: Any) -> None:
    transport = FakeTransport()
    with pytest.raises(InvalidInputError) as caught:
        listing(transport, number)
    assert set(caught.value.errors) == {"page"}
    assert not transport.calls
