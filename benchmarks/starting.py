"""What it costs to import the package, beside the four that it stands on."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from .contest import Contender, Cost, Target, compete
from .peers import US
from .report import Case, Plan

__all__ = ["measure"]

FOUR = "aiohttp, attrs, cattrs, aiofiles"
SERVICES = "vpsbg_async with all services"
OPENAI = "openai"

_PROGRAMS = {
    US: "import vpsbg_async",
    FOUR: "import aiohttp, attrs, cattrs, aiofiles",
    SERVICES: "import vpsbg_async.models",
    OPENAI: "import openai",
}


async def measure(plan: Plan) -> AsyncIterator[Case]:
    """Import each in processes of its own, whose bytecode is there already."""
    result = await compete(
        {name: _importing(program) for name, program in _PROGRAMS.items()},
        count=1,
        rounds=plan.rounds(21),
    )
    name = "import"
    text = f"processor time, of importing {FOUR}"
    targets = {US: Target(value=1.15), SERVICES: Target(value=1.5)}
    verdicts = [
        result.verdict(name, f"{mine}: {text}", target, name=mine, peer=FOUR)
        for mine, target in targets.items()
    ]
    yield Case(name=name, result=result, verdicts=verdicts)


def _importing(program: str) -> Contender:
    told = (
        f"import time; began = time.process_time(); {program}; print(time.process_time() - began)"
    )
    environment = {
        name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
    }

    async def contend(count: int) -> Cost:
        total = Cost()
        for _ in range(count):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", told),
                cwd=Path(__file__).parent.parent,
                env=environment,
                stdout=asyncio.subprocess.PIPE,
            )
            out, _ = await process.communicate()
            assert process.returncode == 0, f"{program} failed"
            total = Cost(total.cpu + float(out), 0.0)
        return total

    return contend
