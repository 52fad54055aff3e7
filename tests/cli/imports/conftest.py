"""A folder with an input, and a sandbox that takes down every request."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from vpsbg_async.sandbox import Sandbox

from ..peers import running_sandbox, watching
from .support import Table


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, which is not where the input is."""
    place = tmp_path / "elsewhere"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def table(tmp_path: Path, folder: Path) -> Table:
    return Table(tmp_path / "cases.csv")


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """The sandbox, which the command finds in the environment."""
    with running_sandbox(faults=watching()) as running:
        monkeypatch.setenv("VPSBG_BASE_URL", running.url)
        monkeypatch.setenv("VPSBG_API_KEY", running.api_key)
        yield running
