"""Everything that is measured beside others, in one run.

    python -m benchmarks [--quick] [--only NAME ...] [--to FOLDER]

Contenders take turns in short blocks, so what counts are the ratios; the absolute figures are those
of the machine. The table has the ratio of minima, and beside it the median of the ratios within a
round with its quartiles. The far end is a process of its own; how busy it was is told below. With
``--to`` the table, all figures as JSON, and plots are written to a folder. Memory under 100,000
tickets, chaos and kills have commands of their own.
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


async def measure(names: Sequence[str], *, quick: bool, folder: Path | None) -> None:
    """Measure these parts, and tell what came of it."""
    cases: list[Case] = []
    with tempfile.TemporaryDirectory() as files:
        async with sink() as far_end:
            began = time.perf_counter()
            plan = Plan(sink=far_end, folder=Path(files), quick=quick)
            for name in names:
                async for case in PARTS[name](plan):
                    cases.append(case)
                    print(case.name, file=sys.stderr, flush=True)
            busy = await far_end.cpu() / (time.perf_counter() - began)
            told = "\n".join(
                (*table(cases), "", f"The far end was busy for {busy:.0%} of the time.")
            )
            print(told)
            if folder is not None:
                await asyncio.to_thread(_write, folder, told, cases)
                await draw(plan, folder)


def _write(folder: Path, told: str, cases: Sequence[Case]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"python": platform.python_version(), "packages": _versions()}
    (folder / "table.md").write_text(f"{told}\n", encoding="utf-8")
    figures = json.dumps(as_json(cases, facts), indent=1)
    (folder / "figures.json").write_text(f"{figures}\n", encoding="utf-8")


def _versions() -> dict[str, str]:
    return {name: version(name) for name in _PACKAGES}


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see that it works")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="some parts only")
    parser.add_argument("--to", type=Path, help="write table, figures and plots into a folder")
    arguments = parser.parse_args()
    names = arguments.only or [*PARTS]
    asyncio.run(measure(names, quick=arguments.quick, folder=arguments.to))


if __name__ == "__main__":
    main()
