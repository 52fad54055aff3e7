"""The journal: a file in which a run writes down what it does, so that another can go on.

Sending an item waits until that is written down to last. What has come of it does not, and is made
to last with what is written down next: if the process ends before that, the item is in doubt, and
will be looked for.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

import attrs

from ..errors import JournalError
from .book import APPLICATION_ID, SCHEMA_VERSION, Book
from .states import Admission, Entry, State
from .work import Job, Past
from .writer import Writer

__all__ = ["Journal", "JournalState", "read_journal"]

T = TypeVar("T")

_MAGIC = b"SQLite format 3\0"
_APPLICATION = slice(68, 72)  # of the header of an SQLite file
_HEADER = 100  # bytes
_MINE_ALONE = 0o600  # it holds the words of what is in doubt

Fingerprint = Callable[[bytes], bytes]
"""Of a key, by a salt."""


class Journal:
    """The journal of a run, from its beginning to its end.

    Args:
        path: Where it is, or is to be.
        base_url: Where its tickets are.
    """

    def __init__(self, path: Path, base_url: str) -> None:
        self._path = path
        self._writer = Writer(lambda: _opened(path, base_url))

    async def knows_key(self, fingerprint: Fingerprint) -> bool:
        """Whether the last run had this key, or there was none.

        Raises:
            JournalError: It cannot be used, and was left as it was.
        """

        def compare(book: Book) -> bool:
            known = book.fact("key")
            return known is None or bool(known == fingerprint(book.fact("salt")))

        return await self._ask(compare)

    async def a_ticket(self) -> int | None:
        """A ticket that it knows, None if it knows none."""
        return await self._ask(Book.a_ticket)

    async def begin_run(self, fingerprint: Fingerprint, now: float) -> Past:
        """Begin a run with a key; see `Book.begin_run`."""

        def begin(book: Book) -> Past:
            book.note("key", fingerprint(book.fact("salt")))
            return book.begin_run(now)

        return await self._ask(begin, to_last=True)

    async def admit(self, job: Job, position: int) -> Admission:
        """See `Records.admit`."""
        reference, digest = job.reference, job.digest()
        return await self._ask(lambda book: book.admit(reference, digest, position))

    async def send(self, identity: str, words: str, now: float) -> None:
        """See `Records.send`."""
        await self._ask(lambda book: book.send(identity, words, now), to_last=True)

    def settle(
        self,
        identity: str,
        state: State,
        now: float,
        *,
        ticket: int | None = None,
        reason: str | None = None,
    ) -> None:
        """See `Records.settle`."""
        self._writer.tell(
            lambda book: book.settle(identity, state, now, ticket=ticket, reason=reason)
        )

    async def close(self) -> None:
        """See `Records.close`.

        Raises:
            JournalError: The last of it could not be written.
        """
        with _told(self._path):
            await self._writer.close()

    async def _ask(self, work: Callable[[Book], T], *, to_last: bool = False) -> T:
        with _told(self._path):
            return await self._writer.ask(work, to_last=to_last)


@attrs.frozen(kw_only=True)
class JournalState:
    """What a journal says, for people.

    Attributes:
        base_url: Where its tickets are.
        runs: How many runs have used it.
        counts: How many items there are in each state.
        unfinished: Those that were not created, in the order of their runs.
    """

    base_url: str
    runs: int
    counts: dict[State, int]
    unfinished: Sequence[Entry]


def read_journal(path: Path) -> JournalState:
    """Read a journal that no run is using.

    Raises:
        JournalError: There is none, or it cannot be read.
    """
    if not path.is_file() or not path.stat().st_size:
        raise JournalError(f"there is no journal at {path}")
    with _told(path), closing(_opened(path)) as book:
        return JournalState(
            base_url=str(book.fact("base_url")),
            runs=int(book.fact("run") or 0),
            counts=book.counts(),
            unfinished=[*book.unfinished()],
        )


def _opened(path: Path, base_url: str | None = None) -> Book:
    """Open the file so that nobody else can, and make a journal of it if there is nothing yet."""
    is_new = _is_new(path)
    connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        for name, value in _PRAGMAS.items():
            connection.execute(f"PRAGMA {name} = {value}")
        connection.execute("BEGIN EXCLUSIVE")
        book = Book(connection)
        if is_new and not book.version():
            book.make(base_url=str(base_url), salt=secrets.token_bytes(16))
        book.commit()
        _check(book, path, base_url)
        connection.execute("PRAGMA journal_mode = WAL")
    except BaseException:
        connection.close()
        raise
    return book


_PRAGMAS = {
    "locking_mode": "EXCLUSIVE",  # once it is locked it stays so, until it is closed
    "synchronous": "FULL",
    "fullfsync": 1,  # or a Mac says so without having written
}


def _is_new(path: Path) -> bool:
    """Whether there is nothing yet, for which a place is made; what is no journal is left alone."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, _MINE_ALONE))
        with path.open("rb") as file:
            header = file.read(_HEADER)
    except OSError as error:
        raise JournalError(f"{path} cannot be opened ({error.strerror})") from error
    application = APPLICATION_ID.to_bytes(4, "big")
    if header and (not header.startswith(_MAGIC) or header[_APPLICATION] != application):
        raise JournalError(f"{path} is no journal")
    return not header


def _check(book: Book, path: Path, base_url: str | None) -> None:
    if not book.is_whole():
        raise JournalError(f"{path} is damaged")
    if book.version() != SCHEMA_VERSION:
        raise JournalError(f"{path} was made by another version of vpsbg_async")
    known = book.fact("base_url")
    if base_url not in (None, known):
        raise JournalError(f"{path} is the journal of {known}, not of {base_url}")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Have what SQLite raises become an error of ours."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise JournalError(f"{path} is in use by another run") from error
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            raise JournalError(f"{path} is damaged") from error
        raise JournalError(f"{path} cannot be written ({error})") from error
