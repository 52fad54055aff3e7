"""People at a terminal."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from ..terminal import Screen, terminal

Typing = Callable[[str], AbstractContextManager[Screen]]


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> Typing:
    """Has somebody sit at a terminal, who types something."""

    @contextmanager
    def sit_down(typed: str) -> Iterator[Screen]:
        monkeypatch.setenv("TERM", "xterm")
        with (
            terminal() as screen,
            os.fdopen(os.dup(screen.slave)) as stdin,
            os.fdopen(screen.slave, "w") as stderr,
        ):
            monkeypatch.setattr(sys, "stdin", stdin)
            monkeypatch.setattr(sys, "stderr", stderr)
            screen.type(typed)
            yield screen

    return sit_down
