"""The pages build without a warning, and all that is public is among them."""

from __future__ import annotations

import asyncio
import importlib
import sys
import zlib
from pathlib import Path

import pytest

from .pages import DOCS

PUBLIC = ("vpsbg_async", *(f"vpsbg_async.{name}" for name in
          ("errors", "events", "models", "sandbox", "testing", "transport.httpx")))  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built pages."""
    for name in ("sphinx", "furo", "myst_parser"):
        pytest.importorskip(name, reason="the extra 'docs' is not installed")
    folder = tmp_path_factory.mktemp("html")
    asyncio.run(_build(folder))
    return folder


async def _build(folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", "-b", "html"),
        *("-d", str(folder / ".doctrees"), str(DOCS), str(folder)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()


def test_all_that_is_public_is_told_of(built: Path) -> None:
    """In the reference."""
    *_, packed = (built / "objects.inv").read_bytes().split(b"\n", 4)
    lines = zlib.decompress(packed).decode().splitlines()
    told = {line.partition(" ")[0].rpartition(".")[2] for line in lines}
    for module in PUBLIC:
        names = set(importlib.import_module(module).__all__) - {"__version__"}
        assert not names - told, f"{module}: {', '.join(sorted(names - told))}"


def test_nothing_of_markdown_is_left(built: Path) -> None:
    """No fence of a docstring has become text."""
    for page in (built / "reference").glob("*.html"):
        assert "```" not in page.read_text(encoding="utf-8"), page.name
