"""Everything that is measured beside others, in one run.

    python -m benchmarks [--quick] [--only NAME ...] [--json FILE] [--plots FOLDER]

Contenders take turns in short blocks, so what counts are the ratios; the absolute figures are those
of the machine. The table has the ratio of minima, and beside it the median of the ratios within a
round with its quartiles. The far end is a process of its own; how busy it was is told below. Memory
under 100,000 tickets, chaos and kills have commands of their own: see the README.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from . import bulks, creating, reading, starting, streaming
from .plots import draw
from .report import Case, Plan, as_json, table
from .sink import sink

PARTS: Mapping[str, Callable[[Plan], AsyncIterator[Case]]] = {
    "create": creating.measure,
    "stream": streaming.measure,
    "bulk": bulks.measure,
    "read": reading.measure,
    "import": starting.measure,
}
_PACKAGES = ("aiohttp", "attrs", "cattrs", "aiofiles", "orjson", "httpx2", "niquests", "pydantic")


async def measure(names: Sequence[str], *, quick: bool, plots: Path | None) -> dict[str, Any]:
    """Measure these parts, and print what comes of each as soon as it is known."""
    cases: list[Case] = []
    with tempfile.TemporaryDirectory() as folder:
        async with sink() as far_end:
            began = time.perf_counter()
            plan = Plan(sink=far_end, folder=Path(folder), quick=quick)
            for name in names:
                async for case in PARTS[name](plan):
                    cases.append(case)
                    print(f"# {case.name}", file=sys.stderr, flush=True)
            busy = await far_end.cpu() / (time.perf_counter() - began)
            if plots is not None:
                await draw(plan, plots)
    print("\n".join(table(cases)))
    print(f"\nThe far end was busy for {busy:.0%} of the time.")
    return as_json(cases, {"python": platform.python_version(), "packages": _versions()})


def _versions() -> dict[str, str]:
    return {name: version(name) for name in _PACKAGES}


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see that it works")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="some parts only")
    parser.add_argument("--json", type=Path, help="write all figures to a file")
    parser.add_argument("--plots", type=Path, help="draw the curves into a folder")
    arguments = parser.parse_args()
    names = arguments.only or [*PARTS]
    told = asyncio.run(measure(names, quick=arguments.quick, plots=arguments.plots))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
