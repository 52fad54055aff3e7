"""Memory of client and server while one large file is attached to a ticket.

    python -m benchmarks.memory [--mib 1024]

The sandbox runs in a process of its own, so that each side is measured by itself: the resident
memory at its highest, as the kernel counts it. The checksums at both ends are compared.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from vpsbg_async import VPSBG
from vpsbg_async.sandbox import Sandbox

MIB = 1024 * 1024


def peak_mib() -> float:
    """Resident memory of this process at its highest, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (row for row in status.read_text().splitlines() if row.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    unit = MIB if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def make_file(path: Path, mib: int) -> str:
    """Write a file of random bytes, in pieces; returns its SHA-256."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for _ in range(mib):
            piece = os.urandom(MIB)
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


async def serve(folder: Path) -> None:
    """Run the sandbox until standard input ends; tell where it is, and in the end what it has."""
    async with Sandbox(directory=folder) as sandbox:
        print(json.dumps({"url": sandbox.url, "key": sandbox.api_key}), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        (file,) = sandbox.tickets[0].messages[0].attachments
        print(json.dumps({"sha256": file.sha256, "size": file.size, "peak_mib": peak_mib()}))


async def measure(mib: int) -> dict[str, object]:
    """Attach one file of this size; returns what both sides measured."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "large.bin"
        sha256 = make_file(source, mib)
        server = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.memory", "--serve", name),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert server.stdout is not None
        place = json.loads(await server.stdout.readline())
        before = peak_mib()
        started = time.perf_counter()
        async with VPSBG(place["key"], base_url=place["url"]) as vps:
            ticket = await vps.tickets.create(
                department_id=2, subject="Large", message="See the file.", attachments=[source]
            )
        seconds = time.perf_counter() - started
        out, _ = await server.communicate(b"")
        told = json.loads(out)
        return {
            "mib": mib,
            "equal": told["sha256"] == sha256 and not ticket.attachment_mismatches,
            "client_peak_mib": round(peak_mib(), 1),
            "client_grew_mib": round(peak_mib() - before, 1),
            "server_peak_mib": round(told["peak_mib"], 1),
            "mib_per_second": round(mib / seconds),
        }


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=1024, help="size of the file")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(serve(arguments.serve))
    else:
        print(json.dumps(asyncio.run(measure(arguments.mib)), indent=2))


if __name__ == "__main__":
    main()
