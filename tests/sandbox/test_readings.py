"""What can be read off a server."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from .conftest import START, CheckedApi


async def test_the_status_of_one_that_runs_and_one_that_does_not(checked: CheckedApi) -> None:
    status = await checked.call("GET", "/servers/2864/status")
    assert (status["running"], status["suspended"]) == (True, False)
    assert status["cpu"] == {"used": 2, "free": 98}
    assert (status["disk"]["limit"], status["bandwidth"]["limit"]) == (60, 5000)
    status = await checked.call("GET", "/servers/2930/status")
    assert (status["running"], status["suspended"]) == (False, True)
    assert status["cpu"] == {"used": 0, "free": 100}


async def test_the_load_of_the_last_hour(checked: CheckedApi) -> None:
    stamps = await checked.listed("/servers/2864/metrics", "timestamp")
    assert len(stamps) == 12
    assert START - 300 < stamps[0] <= START
    assert stamps == [stamps[0] - 300 * index for index in range(12)]


@pytest.mark.parametrize(
    ("query", "last"),
    [
        ("filter[month]=2&filter[year]=2024", datetime(2024, 2, 29, 23, 55, tzinfo=UTC)),
        ("filter[month]=12&filter[year]=2023", datetime(2023, 12, 31, 23, 55, tzinfo=UTC)),
        ("filter[month]=7", datetime(2024, 7, 31, 23, 55, tzinfo=UTC)),
        ("filter[year]=2024", datetime(2024, 8, 2, 11, 55, tzinfo=UTC)),
    ],
)
async def test_the_load_of_some_month(checked: CheckedApi, query: str, last: datetime) -> None:
    stamps = await checked.listed(f"/servers/2864/metrics?{query}", "timestamp")
    assert (stamps[0], len(stamps)) == (last.timestamp(), 12)


async def test_the_load_of_a_month_to_come(checked: CheckedApi) -> None:
    assert await checked.listed("/servers/2864/metrics?filter[month]=9", "timestamp") == []


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("filter[month]=13", "The filter.month field must not be greater than 12."),
        ("filter[month]=0", "The filter.month field must be at least 1."),
        ("filter[year]=24", "The filter.year field must be at least 2000."),
        ("filter[year]=x", "The filter.year field must be an integer."),
    ],
)
async def test_there_is_no_such_month(checked: CheckedApi, query: str, text: str) -> None:
    (said,) = (await checked.refused("GET", f"/servers/2864/metrics?{query}")).values()
    assert said == [text]


async def test_traffic(checked: CheckedApi) -> None:
    path = "/servers/2864/bandwidth"
    answer = await checked.call("GET", path)
    assert (answer["limit"], answer["used"]) == (5000, 12.96)
    stamps = [day["timestamp"] for day in answer["daily_usage"]]
    assert len(stamps) == 30
    assert START - 86_400 < stamps[-1] <= START
    assert stamps == sorted(stamps)
    assert {stamp % 86_400 for stamp in stamps} == {75_600}  # the example's, midnight in Sofia
    query = f"filter[start]={stamps[3]}&filter[end]={stamps[5] + 1}"
    answer = await checked.call("GET", f"{path}?{query}")
    assert [day["timestamp"] for day in answer["daily_usage"]] == stamps[3:6]
    errors = await checked.refused("GET", f"{path}?filter[start]=yesterday")
    assert errors == {"filter.start": ["The filter.start field must be an integer."]}
