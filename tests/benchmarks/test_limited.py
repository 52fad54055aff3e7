"""Bulk runs under a rate limit: nothing is rejected, and next to no time is lost."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from benchmarks.limited import on_a_socket, virtually

ROOT = Path(__file__).parents[2]
NAMES = ["in virtual time", "on a socket"]


@pytest.mark.parametrize(("tickets", "windows"), [(299, 4), (300, 5)])
def test_it_is_nearly_as_fast_as_it_may_be(tickets: int, windows: int) -> None:
    """The check of the key is a call too: with it, 300 tickets begin a window more."""
    measured = virtually(tickets, 60)
    assert (measured.created, measured.failed) == (tickets, 0)
    assert measured.ideal == 60 * windows
    assert 0.97 <= measured.rate <= 1.001
    assert measured.refused == windows


async def test_nothing_is_rejected_on_a_socket() -> None:
    measured = await on_a_socket(70, 30, speed=40)
    assert (measured.created, measured.failed) == (70, 0)
    assert measured.ideal == 120
    assert measured.refused


async def test_it_can_be_run() -> None:
    told = json.loads(await run("--json"))
    assert [item["name"] for item in told] == NAMES
    for item in told:
        assert item["created"] == 7
        assert item["ideal"] == 60
        assert item["rate"] == pytest.approx(item["ideal"] / item["seconds"], abs=1e-4)


async def test_it_can_be_read() -> None:
    head, *lines = (await run()).splitlines()
    assert head.split() == ["created", "failed", "429", "seconds", "ideal", "rate"]
    assert [line[:16].rstrip() for line in lines] == NAMES


async def run(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.limited", "--speed", "40"),
        *("--tickets", "7", "--limit", "6", *arguments),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()
