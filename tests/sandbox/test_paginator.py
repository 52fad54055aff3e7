from __future__ import annotations

from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from vpsbg_async.sandbox.paginator import Page

from .conftest import Api


async def test_a_page_in_the_middle(api: Api) -> None:
    for number in range(7):
        await api.create(subject=f"Ticket {number}")
    answer = await api.get("/support/tickets?page=2&per_page=3")
    path = f"{api.sandbox.url}/support/tickets"
    assert answer.status == 200
    assert [ticket["subject"] for ticket in answer.json["data"]] == [
        "Ticket 3",
        "Ticket 2",
        "Ticket 1",
    ]
    assert answer.json["data"][0]["messages"][0]["content"] == "It stopped answering pings."
    assert answer.json["links"] == {
        "first": f"{path}?page=1",
        "last": f"{path}?page=3",
        "prev": f"{path}?page=1",
        "next": f"{path}?page=3",
    }
    assert answer.json["meta"] == {
        "current_page": 2,
        "from": 4,
        "last_page": 3,
        "links": [
            {"url": f"{path}?page=1", "label": "&laquo; Previous", "active": False},
            {"url": f"{path}?page=1", "label": "1", "active": False},
            {"url": f"{path}?page=2", "label": "2", "active": True},
            {"url": f"{path}?page=3", "label": "3", "active": False},
            {"url": f"{path}?page=3", "label": "Next &raquo;", "active": False},
        ],
        "path": path,
        "per_page": 3,
        "to": 6,
        "total": 7,
    }


async def test_no_tickets_at_all(api: Api) -> None:
    answer = await api.get("/support/tickets")
    path = f"{api.sandbox.url}/support/tickets"
    assert answer.json["data"] == []
    assert answer.json["links"] == {
        "first": f"{path}?page=1",
        "last": f"{path}?page=1",
        "prev": None,
        "next": None,
    }
    meta = answer.json["meta"]
    assert (meta["from"], meta["to"], meta["total"]) == (None, None, 0)
    assert (meta["current_page"], meta["last_page"], meta["per_page"]) == (1, 1, 15)


def frame(query: str, total: int) -> dict[str, Any]:
    page = Page(make_mocked_request("GET", f"/list?{query}"), total)
    return page.frame(range(total)[page.start : page.stop])


@pytest.mark.parametrize(
    ("query", "current", "size"),
    [
        ("", 1, 15),
        ("page=0", 1, 15),
        ("page=-1", 1, 15),
        ("page=abc", 1, 15),
        ("page=1.5", 1, 15),
        ("page=02", 1, 15),
        ("page=%202%20", 2, 15),
        ("page=&per_page=", 1, 15),
        ("page=2&per_page=0", 2, 15),
        ("page=2&per_page=-5", 2, 15),
        ("page=2&per_page=x", 2, 15),
        ("page=2&per_page=7", 2, 7),
        ("page=" + "9" * 30, 1, 15),
    ],
)
def test_what_is_not_a_natural_number_counts_as_absent(query: str, current: int, size: int) -> None:
    meta: Any = frame(query, 40)["meta"]
    assert (meta["current_page"], meta["per_page"]) == (current, size)


def test_a_page_past_the_end_is_empty() -> None:
    answer: Any = frame("page=9&per_page=10", 25)
    assert list(answer["data"]) == []
    assert answer["links"]["prev"].endswith("?page=8")
    assert answer["links"]["next"] is None
    assert answer["meta"]["current_page"] == 9
    assert (answer["meta"]["from"], answer["meta"]["to"]) == (None, None)
    assert answer["meta"]["last_page"] == 3


@pytest.mark.parametrize(
    ("current", "last", "shown"),
    [
        (1, 1, "1"),
        (5, 13, "1 2 3 4 5 6 7 8 9 10 11 12 13"),
        (1, 14, "1 2 3 4 5 6 7 8 9 10 ... 13 14"),
        (7, 30, "1 2 3 4 5 6 7 8 9 10 ... 29 30"),
        (8, 30, "1 2 ... 5 6 7 8 9 10 11 ... 29 30"),
        (23, 30, "1 2 ... 20 21 22 23 24 25 26 ... 29 30"),
        (24, 30, "1 2 ... 21 22 23 24 25 26 27 28 29 30"),
        (99, 30, "1 2 ... 21 22 23 24 25 26 27 28 29 30"),
    ],
)
def test_the_numbers_shown(current: int, last: int, shown: str) -> None:
    meta: Any = frame(f"page={current}&per_page=1", last)["meta"]
    _, *links, _ = meta["links"]
    assert " ".join(link["label"] for link in links) == shown
    assert [link["label"] for link in links if link["active"]] == (
        [str(current)] if current <= last else []
    )
    assert all((link["url"] is None) == (link["label"] == "...") for link in links)
