"""The benchmark of delivery under faults, as a process."""

import asyncio
import json
import sys
from pathlib import Path

import benchmarks

ROOT = Path(benchmarks.__file__).parent.parent


async def test_it_runs() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.chaos", "--creates", "30", "--json"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    told = json.loads(out)
    assert process.returncode == 0
    for name in ("vpsbg_async, on_unknown='reconcile'", "vpsbg_async, on_unknown='raise'"):
        assert (told[name]["lost"], told[name]["duplicated"], told[name]["mangled"]) == (0, 0, 0)
