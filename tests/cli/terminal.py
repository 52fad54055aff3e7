"""Running the command as its users do: as a process, and at a terminal."""

import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

COMMAND = (sys.executable, "-m", "vpsbg_async.cli")
CREATE = ("tickets", "create", "--department", "2", "--subject", "Hello", "--message", "Good day")


@dataclass(frozen=True)
class Ran:
    """What a run of the command came to."""

    code: int
    out: str
    err: str


class Run(Protocol):
    """Runs the command."""

    def __call__(self, *argv: object) -> Ran: ...


def environment() -> dict[str, str]:
    """The environment of a process, in which every warning is an error."""
    ours = {"PYTHONWARNINGS": "error", "PYTHONDEVMODE": "", "PYTHONUTF8": "1", "TERM": "xterm"}
    return {**os.environ, **ours}


@dataclass
class Screen:
    """A terminal: what was written to it, and whoever types there."""

    slave: int
    _master: int
    _read: bytearray = field(default_factory=bytearray)

    @property
    def raw(self) -> str:
        """All of it."""
        return self._read.decode()

    @property
    def text(self) -> str:
        """All of it, without what moves and colours."""
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.raw)

    def type(self, text: str) -> None:
        """Type something, which may be done before it is asked for."""
        os.write(self._master, text.encode())

    def wait_for(self, text: str) -> None:
        """Wait until something was written."""
        end = time.monotonic() + 20
        while text not in self.text:
            assert time.monotonic() < end, f"{text!r} was not written, but {self.text!r}"
            time.sleep(0.01)

    def read(self) -> None:
        """Read until the last writer has closed it."""
        while True:
            try:
                chunk = os.read(self._master, 65536)
            except OSError:  # EIO: how Linux tells of the end
                return
            if not chunk:
                return
            self._read += chunk


@contextmanager
def terminal() -> Iterator[Screen]:
    """A terminal. The block closes its end; after that, all that was written to it is there."""
    master, slave = os.openpty()
    screen = Screen(slave, master)
    reader = threading.Thread(target=screen.read)
    reader.start()
    try:
        yield screen
    finally:
        reader.join(timeout=20)
        os.close(master)
