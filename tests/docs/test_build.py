"""The pages build without a warning, and all that is public is among them."""

from __future__ import annotations

import asyncio
import importlib
import sys
from pathlib import Path

import pytest

from .pages import DOCS

PUBLIC = ("vpsbg_async", *(f"vpsbg_async.{name}" for name in
          ("errors", "events", "models", "sandbox", "testing")))  # fmt: skip


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
        *(sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-E", "-q", "-b", "html"),
        *("-d", str(folder / ".doctrees"), str(DOCS), str(folder)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()


def test_all_that_is_public_is_told_of(built: Path) -> None:
    """In the reference, under the name by which it is imported or its own."""
    from sphinx.util.inventory import InventoryFile

    with (built / "objects.inv").open("rb") as file:
        inventory = InventoryFile.loads(file.read(), uri="")
    told = {name for kind in inventory.data.values() for name in kind}
    for module in map(importlib.import_module, PUBLIC):
        for name in set(module.__all__) - {"__version__"}:
            thing = getattr(module, name)
            place = getattr(thing, "__module__", module.__name__)
            names = {f"{module.__name__}.{name}", f"{place}.{getattr(thing, '__name__', name)}"}
            assert names & told, f"{module.__name__}.{name} is not in the reference"


def test_nothing_of_markdown_is_left(built: Path) -> None:
    """No fence of a docstring has become text."""
    for page in (built / "reference").glob("*.html"):
        assert "```" not in page.read_text(encoding="utf-8"), page.name
