"""Snapshots and backups."""

from __future__ import annotations

import pytest

from .conftest import CheckedApi


@pytest.mark.parametrize("path", ["/snapshots", "/backups"])
async def test_by_date(checked: CheckedApi, path: str) -> None:
    page = await checked.call("GET", f"{path}?per_page=2")
    assert page["meta"]["per_page"] == 50
    days = [copy["created_at"][:10] for copy in page["data"]]
    assert days == sorted(days, reverse=True)
    assert await checked.listed(f"{path}?sort=-date") == [copy["id"] for copy in page["data"]]
    days = await checked.listed(f"{path}?sort=date", "created_at")
    assert days == sorted(days)


async def test_two_pages_of_backups(checked: CheckedApi) -> None:
    numbers = await checked.listed("/backups") + await checked.listed("/backups?page=2")
    assert len(set(numbers)) == len(numbers) == 60
    assert numbers[:2] == [77, 73]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("snapshots?filter[date]=2023-06-19", [116, 115]),
        ("snapshots?filter[server_id]=2448", [101]),
        ("snapshots?filter[date]=2023-06-19&sort=date", [115, 116]),
        ("snapshots?filter[date]=2023-06-20", []),
        ("snapshots?filter[size]=1", [116, 115, 101]),  # not known to snapshots
        ("backups?filter[server_id]=2448", [73]),
        ("backups?filter[size]=61", []),
        ("backups?filter[size]=50&filter[date]=2023-06-19", [77]),
    ],
)
async def test_filters(checked: CheckedApi, query: str, numbers: list[int]) -> None:
    assert await checked.listed(f"/{query}") == numbers


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        (
            "filter[date]=19.06.2023",
            {"filter.date": ["The filter.date field must match the format Y-m-d."]},
        ),
        (
            "filter[server_id]=x",
            {"filter.server_id": ["The filter.server id field must be an integer."]},
        ),
        ("sort=name", {"sort": ["The selected sort is invalid."]}),
    ],
)
async def test_wrong_queries(checked: CheckedApi, query: str, errors: object) -> None:
    for path in ("/snapshots", "/backups"):
        assert await checked.refused("GET", f"{path}?{query}") == errors
