"""The benchmark of killed bulk runs, as a process."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from benchmarks.kill import Moment

ROOT = Path(__file__).parents[2]
SMALL = ("--tickets", "40", "--kills", "1", "--seed", "19")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")


async def run(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.kill", *SMALL, *arguments),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


async def test_it_can_be_run() -> None:
    told = json.loads(await run("--json"))
    assert (told["once"], told["lost"], told["duplicated"], told["mangled"]) == (40, 0, 0, 0)
    assert told["counts"]["created"] == 40
    assert [Moment(kill["moment"]) for kill in told["kills"]] == [Moment.BEFORE]


async def test_it_can_be_read() -> None:
    head, kill, *_, counts, journal, _ = (await run()).splitlines()
    assert head.split()[-5:] == ["count", "created", "sent", "unknown", "exist"]
    assert kill.startswith(Moment.BEFORE)
    assert counts == "40 tickets: 40 once, 0 lost, 0 too many, 0 with other files"
    assert journal == "journal: 40 created"
