"""The README's Python examples run, against the sandbox, in processes of their own."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from vpsbg_async.sandbox import Sandbox
from vpsbg_async.testing import RawConnection, RawServer

README = Path(__file__).parent.parent / "README.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE)
SLOW = re.compile(r"Executing <.*> took \d+\.\d+ seconds")
GRAPH_URL = "http://127.0.0.1:8080"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def graph() -> AsyncIterator[str]:
    async def serve(connection: RawConnection) -> None:
        await connection.request()
        await connection.answer(200, b"\x89PNG graph", [("Content-Type", "image/png")])

    async with RawServer(serve) as server:
        yield server.url


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 6


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
async def test_example(number: int, tmp_path: Path, sandbox: Sandbox, graph: str) -> None:
    (tmp_path / "mtr.txt").write_text("1. 10.0.0.1  0.0%\n")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-X", "dev", "-c"),
        EXAMPLES[number].replace(GRAPH_URL, graph),
        cwd=tmp_path,
        env=os.environ | {"VPSBG_API_KEY": sandbox.api_key, "VPSBG_BASE_URL": sandbox.url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    # What asyncio's debug mode has to say where a busy machine holds things up is no complaint.
    complaints = [line for line in err.decode().splitlines() if not SLOW.fullmatch(line)]
    assert (process.returncode, complaints) == (0, [])
    assert EXPECTED[number] in out.decode()
    names = [file.name for ticket in sandbox.tickets for message in ticket.messages
             for file in message.attachments]  # fmt: skip
    assert names == FILES[number]


EXPECTED = (
    "case-2 created ",
    " Server misbehaves",
    "",
    "{'subject': ('must have at least 3 characters, not 2',)}",
    " orders\n",
    "1 ticket, at the third attempt",
)
FILES: tuple[list[str], ...] = (
    ["mtr.txt"] * 3,
    ["mtr.txt", "снимка.png"],
    ["mtr.txt", "mtr from Sofia.txt", "снимка.png", "generated.log", "graph.png"],
    [],
    [],
    [],
)
