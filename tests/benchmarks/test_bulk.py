"""The benchmark of what a bulk run costs, as a process."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from benchmarks.bulk import LOOP, MANY, WITH_JOURNAL

ROOT = Path(__file__).parents[2]


async def test_it_can_be_run() -> None:
    told = json.loads(await run("--json"))
    assert [*told["contenders"]] == [LOOP, MANY, WITH_JOURNAL]
    for item in told["contenders"].values():
        assert item["cpu"] > 0
        assert item["rate"] > 0
    of_loop = [item["of_loop"] for item in told["contenders"].values()]
    assert of_loop[0] == 1
    assert all(part > 0 for part in of_loop)
    assert told["syncs"] == pytest.approx(1e6 / told["sync"])


async def test_it_can_be_read(tmp_path: Path) -> None:
    head, *lines, empty, journal = (await run("--folder", str(tmp_path))).splitlines()
    assert head.split() == ["cpu", "us", "tickets/s", "of", "loop", "around", "ms"]
    assert [line[:20].rstrip() for line in lines] == [LOOP, MANY, WITH_JOURNAL]
    assert not empty
    assert journal.startswith("A journal adds ")


async def run(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.bulk", "--quick", *arguments),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()
