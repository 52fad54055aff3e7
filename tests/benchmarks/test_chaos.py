"""The benchmark of delivery under faults, as a process."""

import asyncio
import json
import sys
from pathlib import Path

import benchmarks
from benchmarks.chaos import CONTENDERS

ROOT = Path(benchmarks.__file__).parent.parent


async def test_it_runs() -> None:
    ours = [name for name in CONTENDERS if name.startswith("vpsbg_async")]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.chaos", "--creates", "30", "--json", "--only", *ours),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    told = json.loads(out)
    assert process.returncode == 0
    assert [*told] == ours
    for name in ours:
        assert (told[name]["lost"], told[name]["duplicated"], told[name]["mangled"]) == (0, 0, 0)
