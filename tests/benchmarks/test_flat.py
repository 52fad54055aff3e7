"""Memory of a bulk run: what it holds does not grow with the number of tickets."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from benchmarks.flat import measure

ROOT = Path(__file__).parents[2]
LINUX_ONLY = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks in /proc")


@LINUX_ONLY
@pytest.mark.parametrize("journal", [False, True])
async def test_memory_is_flat(journal: bool) -> None:
    measured = await measure(10_000, journal=journal)
    assert measured.created == 10_000
    assert measured.journal is journal
    assert measured.warm_mib > 0
    assert measured.grown_mib < 16


@LINUX_ONLY
async def test_it_can_be_run() -> None:
    told = json.loads(await run("--json"))
    assert [item["journal"] for item in told] == [False, True]
    assert [item["created"] for item in told] == [1200, 1200]


@LINUX_ONLY
async def test_it_can_be_read() -> None:
    head, *lines = (await run()).splitlines()
    assert head.split() == ["tickets", "MiB", "grown", "by", "seconds"]
    assert [line[:16].rstrip() for line in lines] == ["without one", "with a journal"]


async def run(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.flat", "--tickets", "1200", *arguments),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()
