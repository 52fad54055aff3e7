"""Books and journals in real files, and processes that are killed while they write."""

from __future__ import annotations

import hashlib
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import attrs

from vpsbg_async import JournalError
from vpsbg_async.bulk.book import Book
from vpsbg_async.bulk.journal import Journal, read_journal
from vpsbg_async.bulk.states import Admission, State, Verdict
from vpsbg_async.bulk.work import Made, Past

__all__ = [
    "PATIENCE",
    "URL",
    "Item",
    "Runs",
    "Task",
    "begun",
    "child",
    "digest",
    "fingerprint",
    "journals_open",
    "killed",
    "left_alone",
    "new_book",
    "raising",
    "refusal",
]

URL = "https://api.test/v1"
PATIENCE = 20.0  # seconds, after which something hangs


def digest(content: str) -> bytes:
    return hashlib.sha256(content.encode()).digest()


def fingerprint(salt: bytes, key: bytes = b"vps_key") -> bytes:
    return hashlib.blake2b(key, key=salt).digest()


@attrs.frozen
class Task:
    """A job for a journal, which only asks what it is about."""

    reference: str | None = None
    words: str = "words"

    def digest(self) -> bytes:
        return digest(self.words)

    async def run(self, recorder: object, doubt: object) -> Made:
        raise NotImplementedError


def new_book(path: Path) -> Book:
    """A book in a file that nobody guards, and that no loss of power is feared for."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous = OFF")
    book = Book(connection)
    book.begin()
    if not book.is_made():
        book.make(base_url=URL, salt=b"salt")
    book.commit()
    return book


class Runs:
    """Run after run with one book.

    Attributes:
        book: As the run has it that is under way.
        past: What that was told of those before.
        now: When things happen, a second apart.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.now = 1000.0
        self.book: Book
        self.past: Past
        self._open()

    def next(self) -> Past:
        """End the run under way, and begin another."""
        self.book.commit()
        return self.crash()

    def crash(self) -> Past:
        """Begin another where this one is cut off."""
        self.book.close()
        self._open()
        return self.past

    def admit(self, reference: str | None = None, content: str = "") -> Admission:
        self._position += 1
        return self.book.admit(reference, digest(content), self._position)

    def item(self, reference: str | None = None, content: str = "") -> Item:
        return Item(self, self.admit(reference, content))

    def tick(self) -> float:
        self.now += 1.0
        return self.now

    def close(self) -> None:
        self.book.close()

    def _open(self) -> None:
        self._position = 0
        self.book = new_book(self._path)
        self.book.begin()
        self.past = self.book.begin_run(self.tick())


@attrs.frozen
class Item:
    """An item that a run has met."""

    runs: Runs
    admission: Admission

    @property
    def verdict(self) -> Verdict:
        return self.admission.verdict

    def send(self, words: str = "words") -> Item:
        self.runs.book.send(self.admission.identity, words, self.runs.tick())
        return self

    def settle(self, state: State, *, ticket: int | None = None, reason: str | None = None) -> None:
        book, now = self.runs.book, self.runs.tick()
        book.settle(self.admission.identity, state, now, ticket=ticket, reason=reason)

    def create(self, ticket: int = 216, words: str = "words") -> None:
        self.send(words).settle(State.CREATED, ticket=ticket)


async def begun(path: Path, now: float = 1000.0) -> Journal:
    """A journal in which a run has begun."""
    journal = Journal(path, URL)
    await journal.begin_run(fingerprint, now)
    return journal


def refusal(path: Path) -> str:
    """What the error tells that a journal is refused with, but for its path."""
    try:
        read_journal(path)
    except JournalError as error:
        return str(error).replace(str(path), "it")
    return "none"


def raising(error: Exception) -> Callable[[], NoReturn]:
    def fail() -> NoReturn:
        raise error

    return fail


def journals_open() -> list[str]:
    """The threads that write journals."""
    return [thread.name for thread in threading.enumerate() if thread.name == "vpsbg-journal"]


@contextmanager
def left_alone(folder: Path) -> Iterator[None]:
    """A block in which nothing of a folder changes."""
    before = _contents(folder)
    yield
    assert _contents(folder) == before


def _contents(folder: Path) -> dict[str, bytes | None]:
    return {path.name: path.read_bytes() if path.is_file() else None for path in folder.iterdir()}


_PREAMBLE = """
import asyncio, sys
from pathlib import Path
from tests.bulk.support import *
from vpsbg_async.bulk.journal import Journal, read_journal
from vpsbg_async.bulk.states import State, Verdict

def tell(*words):
    print(*words, flush=True)

path = Path(sys.argv[1])
"""


@contextmanager
def child(path: Path, code: str) -> Iterator[subprocess.Popen[str]]:
    """Another process, which is killed at the end of the block if it is still there.

    Args:
        path: Of its journal.
        code: What it does.
    """
    command = [sys.executable, "-c", _PREAMBLE + textwrap.dedent(code), str(path)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def killed(path: Path, code: str, *, after: int = 1) -> list[str]:
    """What another process tells before it is killed, as soon as it has told so many lines."""
    with child(path, code) as process:
        assert process.stdout is not None
        return [process.stdout.readline().strip() for _ in range(after)]
