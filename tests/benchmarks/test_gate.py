"""The rate gate in simulations: how long everything takes, and how many calls are turned down."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from benchmarks.gate import CONCURRENCY, Measured, measure

ROOT = Path(__file__).parents[2]
CREATES, LIMIT = 300, 60
IDEAL = 240.0  # seconds: a full load at the start of each window, of which the first begins at 0
NAMES = [
    "alone",
    "a steady foreign client",
    "a foreign client in bursts",
    "three ten-minute uploads",
    "answers out of order",
]


@pytest.fixture(scope="module")
def measured() -> dict[str, Measured]:
    return {item.name: item for item in measure(CREATES, LIMIT)}


def test_all_are_reported(measured: dict[str, Measured]) -> None:
    assert list(measured) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_ticket_is_created_in_time(name: str, measured: dict[str, Measured]) -> None:
    """And no sooner than it could be, or what is measured is something else."""
    item = measured[name]
    assert item.ideal >= IDEAL
    assert item.ideal < item.seconds < item.ideal + 61
    assert item.ratio == item.seconds / item.ideal


@pytest.mark.parametrize("name", [name for name in NAMES if name != "a foreign client in bursts"])
def test_few_uploads_are_wasted(name: str, measured: dict[str, Measured]) -> None:
    item = measured[name]
    assert item.worst <= 2
    assert item.worst <= item.refused <= 2 * (item.seconds // 60 + 1)


def test_alone_it_is_nearly_ideal(measured: dict[str, Measured]) -> None:
    item = measured["alone"]
    assert item.ratio <= 1.03
    assert item.worst <= 1


def test_a_burst_costs_no_more_than_what_is_in_flight(measured: dict[str, Measured]) -> None:
    assert measured["a foreign client in bursts"].worst <= CONCURRENCY


@pytest.mark.parametrize("name", ["a steady foreign client", "a foreign client in bursts"])
def test_a_foreign_client_takes_its_share(name: str, measured: dict[str, Measured]) -> None:
    """Or its simulation would show nothing."""
    item = measured[name]
    assert item.ideal > IDEAL
    assert item.seconds > measured["alone"].seconds


async def test_it_can_be_run() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.gate", "--json", "--creates", "70", "--limit", "30"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    told = json.loads(out)
    assert [item["name"] for item in told] == NAMES
    for item in told:
        assert item.keys() == {"name", "seconds", "ideal", "refused", "worst", "ratio"}
        assert item["ratio"] == pytest.approx(item["seconds"] / item["ideal"], abs=1e-4)
    assert told[0]["ideal"] == 120.0


async def test_it_can_be_read() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.gate", "--creates", "5"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    head, *lines = out.decode().splitlines()
    assert head.split() == ["seconds", "ideal", "ratio", "429", "a", "window"]
    assert [line[:28].rstrip() for line in lines] == NAMES
