"""The code on the pages runs, against the sandbox, in processes of its own."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import groupby
from pathlib import Path

import attrs
import pytest

from vpsbg_async.sandbox import Sandbox
from vpsbg_async.testing import RawConnection, RawServer

from .pages import DOCS, PAGES, Block, blocks_of, differences

PYTHON = (sys.executable, "-W", "error", "-X", "dev")
# By the names that pytest finds them by, and the setting without which the first warns.
PLUGINS = ("-p", "asyncio", "-p", "vpsbg_async_pytest")
SETTINGS = ("-o", "asyncio_default_fixture_loop_scope=function")
PROXY_URL = "http://proxy.example:3128"
WITH_CODE = [
    page
    for page in PAGES
    if any(block.is_run for block in blocks_of(page))
    and page != "coverage.md"  # which is generated, and calls a path that is made up
]

PROGRAMS = r"""
import gc, json, sys
for name, line, code in json.load(sys.stdin):
    exec(compile("\n" * line + code, name, "exec"), {"__name__": "__main__"})
    gc.collect()  # so that what a program leaves behind is told of it
    print("\0", end="", flush=True)
"""

FILES = {
    "mtr.txt": "1. 10.0.0.1  0.0%\n",
    "tickets.csv": "reference,department_id,subject,message,attachments\n"
    "case-1,2,Disk 1 is failing,See the log.,mtr.txt\n"
    "case-2,2,Disk 2 is failing,See the log.,mtr.txt\n",
    "ca.pem": """-----BEGIN CERTIFICATE-----
MIIBfDCCASGgAwIBAgIURX7p4Tcn0vWV1N9SXcXjuMlmOrwwCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHRXhhbXBsZTAgFw0yNjExMjUwMTMwNTZaGA8yMTI2MTEwMTAx
MzA1NlowEjEQMA4GA1UEAwwHRXhhbXBsZTBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABKgKqF/jL2H0msRM0/M/+V1hSYR1UA8CiefQyqcv7bZ16H1BeT9fC+RmfedO
LoMOAUxFeNA0Lc4YdRnmeBAkHgyjUzBRMB0GA1UdDgQWBBSrBJCfFXikdeJm+f+x
Cbe2up5+wTAfBgNVHSMEGDAWgBSrBJCfFXikdeJm+f+xCbe2up5+wTAPBgNVHRMB
Af8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQCuO+zSECWuGthKKeYdvXysj9/C
tOQz0Eu1Fw7J0tIG3gIhAMRJm67btGXM5sHKYdqcVwC+riEgQwskIqiC94PetI23
-----END CERTIFICATE-----
""",
}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        sandbox.timing.lock = 0.2
        yield sandbox


@pytest.fixture
async def proxy() -> AsyncIterator[str]:
    async def serve(connection: RawConnection) -> None:
        request = await connection.request()
        assert request.target.startswith("http://")
        assert request.target.endswith("/balance")
        await connection.answer(200, b'{"balance": 0}')

    async with RawServer(serve) as server:
        yield server.url


def test_there_is_code() -> None:
    assert {"index.md", "tutorial.md"} < set(WITH_CODE)
    assert len([page for page in WITH_CODE if page.startswith("howto/")]) == len(
        [*(DOCS / "howto").glob("*.md")]
    )


@pytest.mark.parametrize("page", WITH_CODE)
async def test_page(page: str, tmp_path: Path, sandbox: Sandbox, proxy: str) -> None:
    """Each of its blocks does what it says there, in its order."""
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    for file in (DOCS / "howto" / "transports").glob("*.py"):
        shutil.copy(file, tmp_path)
    bench = Bench(page=DOCS / page, folder=tmp_path, sandbox=sandbox, proxy=proxy)
    for kind, blocks in groupby(filter(lambda block: block.is_run, blocks_of(page)), _kind):
        for block, printed in await bench.run_all(kind, [*blocks]):
            assert not differences(block, printed), f"{page}, line {block.line}"


@attrs.frozen(kw_only=True)
class Bench:
    """Where the code of a page is run.

    Attributes:
        page: The page.
        folder: The working directory.
        sandbox: What is called.
        proxy: What stands for the proxy of the examples.
    """

    page: Path
    folder: Path
    sandbox: Sandbox
    proxy: str

    async def run_all(self, kind: str, blocks: Sequence[Block]) -> Iterable[tuple[Block, str]]:
        """Run blocks of one kind, and give what each has printed."""
        if kind == "console":
            return [(block, await self._run("sh", "-eu", "-c", block.code)) for block in blocks]
        if kind == "test":
            return [(block, await self._run_test(block)) for block in blocks]
        programs = [
            (str(self.page), block.line, block.code.replace(PROXY_URL, self.proxy))
            for block in blocks
        ]
        out = await self._run(*PYTHON, "-c", PROGRAMS, given=json.dumps(programs))
        return zip(blocks, out.split("\0"), strict=False)

    async def _run_test(self, block: Block) -> str:
        test = self.folder / "test_example.py"
        test.write_text(block.code, encoding="utf-8")
        config = ("--rootdir", str(self.folder), "-c", os.devnull, "-p", "no:cacheprovider")
        options = (*config, *PLUGINS, *SETTINGS)
        return await self._run(*PYTHON, "-m", "pytest", "-q", *options, str(test))

    async def _run(self, *command: str, given: str = "") -> str:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=self.folder,
            env=os.environ
            | {
                "VPSBG_API_KEY": self.sandbox.api_key,
                "VPSBG_BASE_URL": self.sandbox.url,
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "PYTEST_ADDOPTS": "",  # those of this run need plugins
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                "PYTHONIOENCODING": "utf-8",
                "COLUMNS": "120",
            },
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(given.encode())
        assert process.returncode == 0, f"{err.decode()}\n{out.decode()}"
        assert not _complaints(err.decode()), err.decode()
        return out.decode()


def _kind(block: Block) -> str:
    return "test" if block.is_test else block.kind


def _complaints(err: str) -> list[str]:
    """What stands on stderr, but for asyncio's remarks about a machine that is busy."""
    return [line for line in err.splitlines() if not line.startswith("Executing <")]
