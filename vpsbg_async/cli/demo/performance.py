"""The demo from its first ticket to its last word."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.text import Text

from ...client import VPSBG
from ...sandbox import Sandbox
from .. import output
from ..exits import FailedError
from .bulk import Proof, import_shipped
from .memory import peak_memory
from .singly import Arrival, compare, send_files

__all__ = ["perform"]

_MIB = 1024 * 1024


async def perform(large_mib: int, *, as_json: bool) -> None:
    """Send what there is to send, and show what arrived.

    Args:
        large_mib: Size of the large file in MiB; 0 leaves it out.
        as_json: Write the result as JSON.

    Raises:
        FailedError: Something is not there as it was sent.
    """
    with TemporaryDirectory(prefix="vpsbg-demo-") as name:
        folder = Path(name)
        async with Sandbox() as sandbox, _client(sandbox) as vps:
            sent = await send_files(vps, folder, large_mib)
            arrivals = await asyncio.to_thread(compare, sent, sandbox.tickets)
        peak = peak_memory()
        if not as_json:
            _print_arrivals(arrivals, peak)
        proof = await import_shipped(folder)
    if as_json:
        _print_json(arrivals, peak, proof)
    else:
        _print_proof(proof)
    if wrong := sum(not arrival.same for arrival in arrivals):
        raise FailedError(f"{wrong} of {len(arrivals)} files did not arrive as they were sent")
    if not proof.holds:
        raise FailedError("not every ticket of the file exists once, as it stands there")


def _client(sandbox: Sandbox) -> VPSBG:
    """A client of the sandbox, and of nothing that the environment may name."""
    return VPSBG(sandbox.api_key, base_url=sandbox.url)


def _print_arrivals(arrivals: Sequence[Arrival], peak: int | None) -> None:
    listing = output.table(
        "Ticket", "Subject", "File as received", "Bytes", "SHA-256", numbers=["Ticket", "Bytes"]
    )
    before = None
    for arrival in arrivals:
        subject = "(reply)" if arrival.message else output.shown(arrival.subject)
        heading = (str(arrival.ticket), subject)
        listing.add_row(
            *(("", "") if heading == before else heading),
            output.shown(arrival.name or f"(not {arrival.sent_as})"),
            "" if arrival.size is None else f"{arrival.size:,}",
            Text("same", "green") if arrival.same else Text("DIFFERS", "bold red"),
        )
        before = heading
    out = output.console()
    out.print(listing)
    out.print()
    if all(arrival.same for arrival in arrivals):
        out.print(f"All {len(arrivals)} files arrived as they were sent, byte for byte.")
    told = "not known here" if peak is None else f"{peak / _MIB:.1f} MiB, sandbox included"
    out.print(f"Peak memory: {told}")


def _print_proof(proof: Proof) -> None:
    out = output.console()
    out.print()
    out.print(
        f"{proof.rows} tickets imported from a CSV file, while {sum(proof.faults.values())} of"
        f" {proof.requests} requests went wrong:"
    )
    out.print()
    faults = ", ".join(f"{count} {name}" for name, count in proof.faults.items())
    out.print(faults)
    out.print()
    listing = output.table("What was done about it", "Times", numbers=["Times"])
    for text, count in proof.measures.items():
        listing.add_row(text, f"{count}")
    out.print(listing)
    out.print()
    if proof.holds:
        out.print(
            f"All {proof.rows} exist exactly once, and their {proof.files} files arrived as they"
            f" were sent. The same import again skips all {proof.skipped_again}."
        )


def _print_json(arrivals: Sequence[Arrival], peak: int | None, proof: Proof) -> None:
    output.print_json(
        {
            "same": all(arrival.same for arrival in arrivals),
            "files": output.plain(arrivals),
            "peak_memory_bytes": peak,
            "import": {"holds": proof.holds, **output.plain(proof)},
        }
    )
