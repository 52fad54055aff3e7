"""The ways in which tickets are listed and told."""

from __future__ import annotations

from typing import Any

import pytest

from vpsbg_async.sandbox import Listing, Sandbox

from .conftest import Answer, Api, Clock
from .forms import END, text

ORDERS = [Listing.NEWEST_FIRST, Listing.OLDEST_FIRST, Listing.BY_UPDATE, Listing.SHUFFLED]
HTML = "<p>It  stopped\n answering</p>&amp; <b>pings</b> &lt;again&gt;"


@pytest.fixture
async def created(api: Api, clock: Clock) -> list[Answer]:
    """Four tickets, two of one moment; then the second one is answered, and later the first."""
    answers = [await api.create(message=HTML)]
    clock.now += 60
    answers += [await api.create(message=HTML) for _ in range(2)]
    clock.now += 60
    answers.append(await api.create(message=HTML))
    for number in (217, 216):
        clock.now += 60
        await api.post(f"/support/tickets/{number}/messages", text("message", "Any news?") + END)
    return answers


async def listed(api: Api, listing: Listing, query: str = "") -> Any:
    api.sandbox.listing = listing
    answer = await api.get(f"/support/tickets{query}")
    assert answer.status == 200
    return answer.json["data"]


def contents(ticket: Any) -> list[str]:
    return [message["content"] for message in ticket["messages"]]


def test_what_there_is() -> None:
    assert [str(listing) for listing in Listing] == [
        *("newest-first", "oldest-first", "by-update", "shuffled", "trimmed", "stripped"),
        *("bare", "mute", "missing"),
    ]


def test_it_is_checked() -> None:
    wrong: Any = "upside-down"
    with pytest.raises(ValueError, match="'upside-down' is not a valid Listing"):
        Sandbox(listing=wrong)
    sandbox = Sandbox(listing=Listing.MUTE)
    assert sandbox.listing is Listing.MUTE
    name: Any = "bare"
    sandbox.listing = name
    assert sandbox.listing is Listing.BARE
    with pytest.raises(ValueError, match="'upside-down' is not a valid Listing"):
        sandbox.listing = wrong
    assert sandbox.listing is Listing.BARE


@pytest.mark.usefixtures("created")
class TestOrder:
    @pytest.mark.parametrize(
        ("listing", "ids"),
        [
            (Listing.NEWEST_FIRST, [219, 218, 217, 216]),
            (Listing.OLDEST_FIRST, [216, 217, 218, 219]),
            (Listing.BY_UPDATE, [216, 217, 219, 218]),
            (Listing.TRIMMED, [219, 218, 217, 216]),
            (Listing.BARE, [219, 218, 217, 216]),
        ],
    )
    async def test_by_time(self, api: Api, listing: Listing, ids: list[int]) -> None:
        assert [ticket["id"] for ticket in await listed(api, listing)] == ids
        pages = [await listed(api, listing, f"?per_page=3&page={page}") for page in (1, 2)]
        assert [ticket["id"] for page in pages for ticket in page] == ids

    async def test_a_time_that_went_back(self, api: Api, clock: Clock) -> None:
        clock.now -= 10_000
        await api.create()
        ids = [ticket["id"] for ticket in await listed(api, Listing.NEWEST_FIRST)]
        assert ids == [219, 218, 217, 216, 220]

    async def test_shuffled(self, api: Api) -> None:
        for _ in range(16):
            await api.create()
        ids = [ticket["id"] for ticket in await listed(api, Listing.SHUFFLED, "?per_page=50")]
        again = [ticket["id"] for ticket in await listed(api, Listing.SHUFFLED, "?per_page=50")]
        assert again == ids
        assert sorted(ids) == list(range(216, 236))
        assert ids not in (sorted(ids), sorted(ids, reverse=True))
        await api.create()
        more = [ticket["id"] for ticket in await listed(api, Listing.SHUFFLED, "?per_page=50")]
        assert [number for number in more if number != 236] == ids


@pytest.mark.parametrize(
    "listing",
    [*ORDERS, Listing.TRIMMED, Listing.STRIPPED, Listing.MUTE],
)
async def test_both_tell_the_same(api: Api, created: list[Answer], listing: Listing) -> None:
    for ticket in await listed(api, listing):
        assert (await api.get(f"/support/tickets/{ticket['id']}")).json == ticket


@pytest.mark.parametrize(
    ("listing", "told"),
    [
        (Listing.NEWEST_FIRST, HTML),
        (Listing.TRIMMED, "<p>It stopped answer..."),
        (Listing.STRIPPED, "It  stopped\n answering& pings <again>"),
    ],
)
async def test_what_is_told_of_a_message(
    api: Api, created: list[Answer], listing: Listing, told: str
) -> None:
    *_, oldest = await listed(api, listing)
    assert contents(oldest) == [told, "Any news?"]


@pytest.mark.parametrize(
    ("content", "told"), [("x" * 20, "x" * 20), ("x" * 21, "x" * 20 + "..."), ("a \n b", "a b")]
)
async def test_where_it_is_trimmed(api: Api, content: str, told: str) -> None:
    await api.create(message=content)
    (ticket,) = await listed(api, Listing.TRIMMED)
    assert contents(ticket) == [told]


async def test_without_messages(api: Api, created: list[Answer]) -> None:
    *_, whole = await listed(api, Listing.NEWEST_FIRST)
    bare = {name: value for name, value in whole.items() if name != "messages"}
    for listing, single in ((Listing.BARE, whole), (Listing.MUTE, bare)):
        *_, ticket = await listed(api, listing)
        assert ticket == bare
        assert (await api.get("/support/tickets/216")).json == single


async def test_there_is_none(api: Api, created: list[Answer]) -> None:
    unknown = await api.get("/nowhere")
    api.sandbox.listing = Listing.MISSING
    for path in ("/support/tickets", "/support/tickets/216", "/support/tickets/1"):
        answer = await api.get(path)
        assert answer.status == unknown.status == 404
        assert answer.json == {"message": f"The route v1{path} could not be found."}
    assert answer.json.keys() == unknown.json.keys()


@pytest.mark.parametrize("listing", Listing)
async def test_creating_and_replying_answer_whole_tickets(api: Api, listing: Listing) -> None:
    api.sandbox.listing = listing
    created = (await api.create(message=HTML)).json
    assert contents(created) == [HTML]
    reply = text("message", HTML) + END
    answer = await api.post(f"/support/tickets/{created['id']}/messages", reply)
    assert contents(answer.json) == [HTML, HTML]
