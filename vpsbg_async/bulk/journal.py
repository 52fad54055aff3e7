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
from contextlib import closing, contextmanager, suppress
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

    async def has_doubts(self) -> bool:
        """Whether anything is in doubt."""
        return await self._ask(Book.has_doubts)

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
    with _told(path):
        if not path.exists():
            raise JournalError(f"there is no journal at {path}")
        with closing(_opened(path)) as book:
            return JournalState(
                base_url=str(book.fact("base_url")),
                runs=int(book.fact("run") or 0),
                counts=book.counts(),
                unfinished=[*book.unfinished()],
            )


def _opened(path: Path, base_url: str | None = None) -> Book:
    """Open the file so that nobody else can, and make a journal of it if there is nothing yet."""
    if base_url is not None:
        _make_room(path)
    if _is_foreign(path):
        raise JournalError(f"{path} is no journal")
    has_companion = Path(f"{path}-wal").exists()
    # An absolute path is never taken for a URI, nor for a database in memory.
    connection = sqlite3.connect(
        path.absolute(), timeout=0, isolation_level=None, check_same_thread=False
    )
    book = Book(connection)
    try:
        for name, value in _PRAGMAS.items():
            connection.execute(f"PRAGMA {name} = {value}").fetchall()
        connection.execute("BEGIN EXCLUSIVE")
        if base_url is not None and not book.is_made():
            book.make(base_url=base_url, salt=secrets.token_bytes(16))
        _check(book, path, base_url, has_companion=has_companion)
        book.commit()
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        book.begin()
        book.note("open", base_url is not None)
        book.commit()
        # So that the file itself knows that it is open.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except BaseException:
        book.close()
        raise
    return book


_PRAGMAS = {
    "locking_mode": "EXCLUSIVE",  # once it is locked it stays so, until it is closed
    "synchronous": "FULL",
    "fullfsync": 1,  # or a Mac says so without having written
    "secure_delete": 1,  # or the words of what is done stay in the file
}


def _make_room(path: Path) -> None:
    """Make an empty file where there is none."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MINE_ALONE))


def _is_foreign(path: Path) -> bool:
    """Whether something is there that we have not made, by its header alone.

    Nobody but SQLite may look: when others close a file, this process loses its locks on it.
    """
    if not path.is_file():
        return True
    if not path.stat().st_size:
        return False
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)) as file:
        file.execute("PRAGMA writable_schema = 1")  # or it looks whether all pages are there
        return bool(file.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID)


def _check(book: Book, path: Path, base_url: str | None, *, has_companion: bool) -> None:
    if not book.is_made():
        raise JournalError(f"there is no journal at {path}")
    if not book.is_whole():
        raise JournalError(f"{path} is damaged")
    if book.version() != SCHEMA_VERSION:
        raise JournalError(f"{path} was made by another version of vpsbg_async")
    known = book.fact("base_url")
    if base_url not in (None, known):
        raise JournalError(f"{path} is the journal of {known}, not of {base_url}")
    if book.fact("open") and not has_companion:
        text = "in which its last run wrote: they belong together, wherever they are moved"
        raise JournalError(f"{path} lacks {path.name}-wal, {text}")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Have what SQLite raises, and the file system, become an error of ours."""
    try:
        yield
    except OSError as error:
        raise JournalError(f"{path} cannot be opened ({error.strerror})") from error
    except (sqlite3.Error, UnicodeDecodeError) as error:
        name = getattr(error, "sqlite_errorname", _UNREADABLE)
        for names, text in _TOLD.items():
            if name.startswith(names):
                raise JournalError(f"{path} {text}") from error
        raise JournalError(f"{path} cannot be written ({error})") from error


_UNREADABLE = "SQLITE_CORRUPT"  # which is Python's to find out where text is no text
_TOLD = {
    ("SQLITE_BUSY", "SQLITE_LOCKED"): "is in use by another run",
    ("SQLITE_NOTADB",): "is no journal",
    ("SQLITE_CORRUPT", "SQLITE_ERROR"): "is damaged",
}
