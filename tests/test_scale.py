"""Many tickets at once, and a file larger than memory should ever hold."""

import asyncio
import hashlib
import json
import os
import sys
from pathlib import Path

import pytest

from vpsbg_async import VPSBG, Ticket
from vpsbg_async.sandbox import Sandbox

LINUX_ONLY = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts in /proc")
TICKETS, FILES_EACH, CONCURRENCY = 100, 3, 16


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@LINUX_ONLY
async def test_three_hundred_files_over_a_hundred_tickets(tmp_path: Path) -> None:
    contents = [os.urandom(10 * 1024) for _ in range(TICKETS * FILES_EACH)]
    for index, content in enumerate(contents):
        (tmp_path / f"{index}.bin").write_bytes(content)
    descriptors = open_descriptors()
    window = asyncio.Semaphore(CONCURRENCY)

    async def create(vps: VPSBG, number: int) -> Ticket:
        first = number * FILES_EACH
        async with window:
            return await vps.tickets.create(
                department_id=2,
                subject=f"Ticket {number}",
                message="Three files of 10 KiB.",
                attachments=[tmp_path / f"{first + offset}.bin" for offset in range(FILES_EACH)],
            )

    async with Sandbox() as sandbox:
        async with VPSBG(sandbox.api_key, base_url=sandbox.url) as vps:
            tickets = await asyncio.gather(*(create(vps, number) for number in range(TICKETS)))
        stored = {ticket.subject: ticket for ticket in sandbox.tickets}
        assert len(stored) == len(sandbox.tickets) == TICKETS
        for number, ticket in enumerate(tickets):
            assert ticket.attachment_mismatches == ()
            files = stored[f"Ticket {number}"].messages[0].attachments
            sent = contents[number * FILES_EACH : (number + 1) * FILES_EACH]
            assert [file.sha256 for file in files] == [
                hashlib.sha256(content).hexdigest() for content in sent
            ]
    assert open_descriptors() == descriptors


@LINUX_ONLY
async def test_a_large_file_in_flat_memory() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.memory", "--mib", "200"),
        cwd=Path(__file__).parent.parent,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    measured = json.loads(out)
    assert measured["equal"]
    assert measured["client_grew_mib"] < 32  # of 200
    assert measured["client_peak_mib"] < 100
    assert measured["server_peak_mib"] < 100
