"""What is known of the items of all runs with one journal, in SQLite.

An item is known by its identity: the reference of its draft, or else the digest of its content and
its place among those that are equal to it. That many equal ones were created by an earlier run says
which of them need not be created again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from .states import Admission, Entry, State, Verdict
from .work import Doubt, Past, Witness

__all__ = ["APPLICATION_ID", "SCHEMA_VERSION", "Book"]

APPLICATION_ID = 0x56505342  # "VPSB", in the header of the file
SCHEMA_VERSION = 1

_SCHEMA = f"""
CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE items (
    identity TEXT PRIMARY KEY,
    digest BLOB NOT NULL,
    run INTEGER NOT NULL,       -- that met it last
    position INTEGER NOT NULL,  -- in the input of that run
    state TEXT NOT NULL CHECK (state IN {(*map(str, State),)}),
    began REAL,                 -- when it was first sent, in Unix seconds
    ended REAL,                 -- when it came to its state, or at the latest was given up
    ticket INTEGER,
    reason TEXT,
    words TEXT                  -- as long as it is in doubt
) WITHOUT ROWID;
CREATE INDEX in_doubt ON items (state, began) WHERE state IN ('sent', 'unknown');
CREATE INDEX equals ON items (digest, state, run)
    WHERE identity BETWEEN 'content ' AND 'content!';
CREATE TABLE contents (digest BLOB PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE witnesses (
    number INTEGER PRIMARY KEY,
    ticket INTEGER NOT NULL,
    began REAL NOT NULL,
    ended REAL NOT NULL,
    words TEXT NOT NULL
);
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
"""
_WITNESSES = 16  # whose words are kept: as many as one search may hold against what it is told
_INTEGER_END = 2**63  # of SQLite
_CLAIMS = 20_000  # that are told of the past
_IN_DOUBT = (
    "SELECT began, ended, words, state = 'unknown' FROM items"
    " WHERE state IN ('sent', 'unknown') ORDER BY ended"
)
# Of equal drafts those that were created need not be again, whatever has become of the others.
_BY_RANK = ("created", "sent", "unknown", "rejected", "new")
_EQUAL = (
    "SELECT identity FROM items WHERE digest = ? AND state = ? AND run < ?"
    " AND identity BETWEEN 'content ' AND 'content!' LIMIT 1"
)
_SETTLE = (
    "UPDATE items SET state = ?, ended = ?, ticket = ?, reason = ?, words = NULL WHERE identity = ?"
)
# It does not become younger by being looked for in vain.
_KEEP = (
    "UPDATE items SET state = ?, ended = coalesce(ended, ?), ticket = ?, reason = ?"
    " WHERE identity = ?"
)


class Book:
    """Reads and writes; whoever calls says when that is made to last.

    Args:
        connection: The database, which commits nothing of its own accord.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._execute: Callable[..., sqlite3.Cursor] = connection.execute
        self._run = 0

    @property
    def is_pending(self) -> bool:
        """Whether there is something that would not last."""
        return self._connection.in_transaction

    def begin(self) -> None:
        """Begin to write, if that has not begun."""
        if not self._connection.in_transaction:
            self._execute("BEGIN")

    def commit(self) -> None:
        """Have all last that was written."""
        self._execute("COMMIT")

    def close(self) -> None:
        """Close the database; what was not made to last is lost."""
        with suppress(
            sqlite3.Error, UnicodeDecodeError
        ):  # one that is damaged, or not ours, is left as it is
            if self.is_pending:
                self._execute("ROLLBACK")
            if self.is_made() and self.fact("open") == 1:
                self.note("open", False)
        self._connection.close()

    def is_whole(self) -> bool:
        """Whether the file holds together."""
        return self._rows("PRAGMA integrity_check(1)") == [("ok",)]

    def is_made(self) -> bool:
        """Whether there is anything in the file yet."""
        return self._rows("PRAGMA application_id") != [(0,)]

    def version(self) -> int:
        """Of the schema."""
        return int(self._rows("PRAGMA user_version")[0][0])

    def make(self, **facts: bytes | str) -> None:
        """Begin a new book.

        Args:
            facts: What is to be known of it as a whole.
        """
        for statement in _SCHEMA.split(";\n"):
            self._execute(statement)
        for name, value in facts.items():
            self.note(name, value)

    def note(self, name: str, value: bytes | str | int) -> None:
        """Take down a fact of the book as a whole."""
        self._execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def fact(self, name: str) -> Any:
        """A fact of the book as a whole, None if it is not known."""
        rows = self._rows("SELECT value FROM facts WHERE name = ?", name)
        return rows[0][0] if rows else None

    def begin_run(self, now: float) -> Past:
        """Begin a run, and end what earlier ones have left.

        Args:
            now: By when those are over, in Unix seconds.
        """
        self._run = (self.fact("run") or 0) + 1
        self.note("run", self._run)
        self._execute("UPDATE items SET ended = ? WHERE state = 'sent' AND ended IS NULL", (now,))
        return self._past()

    def admit(self, reference: str | None, digest: bytes, position: int) -> Admission:
        """Look an item up that the run has met, or enter it.

        Args:
            reference: The reference of its draft.
            digest: Of its content.
            position: Which item of the input it is.
        """
        identity = self._identity(reference, digest)
        rows = self._rows(
            "SELECT run, digest, state, ticket, began, ended, words FROM items WHERE identity = ?",
            identity,
        )
        if not rows:
            self._execute(
                "INSERT INTO items (identity, digest, run, position, state)"
                " VALUES (?, ?, ?, ?, 'new')",
                (identity, digest, self._run, position),
            )
            return Admission(identity=identity, verdict=Verdict.SEND)
        ((run, known, state, ticket, began, ended, words),) = rows
        if run == self._run:
            return Admission(identity=identity, verdict=Verdict.REPEATED)
        verdict = _VERDICTS[state]
        if verdict is not Verdict.SEND and known != digest:
            return Admission(identity=identity, verdict=Verdict.CHANGED, ticket=ticket)
        self._execute(
            "UPDATE items SET run = ?, position = ?, digest = ? WHERE identity = ?",
            (self._run, position, digest, identity),
        )
        doubt = None
        if verdict is Verdict.RESUME:
            was_judged = state == State.UNKNOWN
            doubt = Doubt(began=began, ended=ended, words=words, was_judged=was_judged)
        return Admission(identity=identity, verdict=verdict, ticket=ticket, doubt=doubt)

    def send(self, identity: str, words: str, now: float) -> None:
        """Take down that an item is being sent: from now on it is in doubt."""
        self._execute(
            "UPDATE items SET state = 'sent', began = ?, ended = NULL, words = ?, reason = NULL"
            " WHERE identity = ?",
            (now, words, identity),
        )

    def settle(
        self,
        identity: str,
        state: State,
        now: float,
        *,
        ticket: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Take down what has come of an item.

        Args:
            identity: Its identity.
            state: How far it has come.
            now: When, in Unix seconds.
            ticket: Id of its ticket.
            reason: Why it has come no further.
        """
        if ticket is not None and ticket >= _INTEGER_END:
            ticket = None  # it is no id, whatever it is
        if state is State.CREATED and ticket is not None:
            self._witness(identity, ticket, now)
        if reason is not None:
            reason = reason.encode(errors="replace").decode()  # it may quote anything
        is_in_doubt = state in (State.SENT, State.UNKNOWN)
        self._execute(_KEEP if is_in_doubt else _SETTLE, (state, now, ticket, reason, identity))

    def has_doubts(self) -> bool:
        """Whether anything is in doubt."""
        return bool(self._rows(f"{_IN_DOUBT} LIMIT 1"))

    def a_ticket(self) -> int | None:
        """The last ticket that was created, None if there is none."""
        rows = self._rows("SELECT ticket FROM witnesses ORDER BY number DESC LIMIT 1")
        return int(rows[0][0]) if rows else None

    def counts(self) -> dict[State, int]:
        """How many items there are in each state."""
        found = dict(self._rows("SELECT state, count(*) FROM items GROUP BY state"))
        return {state: found.get(state.value, 0) for state in State}

    def unfinished(self) -> Iterator[Entry]:
        """The items that were not created, in the order in which they were met."""
        for identity, position, state, ticket, reason in self._execute(
            "SELECT identity, position, state, ticket, reason FROM items"
            " WHERE state <> 'created' ORDER BY run, position"
        ):
            yield Entry(
                reference=_reference(identity),
                position=position,
                state=State(state),
                ticket=ticket,
                reason=reason,
            )

    def _identity(self, reference: str | None, digest: bytes) -> str:
        if reference is not None:
            return f"reference {reference}"
        for state in _BY_RANK:
            if found := self._rows(_EQUAL, digest, state, self._run):
                return str(found[0][0])
        ((place,),) = self._rows(
            "INSERT INTO contents VALUES (?, 1) ON CONFLICT DO UPDATE SET count = count + 1"
            " RETURNING count",
            digest,
        )
        return f"content {digest.hex()} {place}"

    def _witness(self, identity: str, ticket: int, now: float) -> None:
        """Keep the words of what was created, and those of the oldest that are kept no more."""
        self._execute(
            "INSERT INTO witnesses (ticket, began, ended, words)"
            " SELECT ?, coalesce(began, ?), ?, words FROM items"
            " WHERE identity = ? AND words IS NOT NULL",
            (ticket, now, now, identity),
        )
        self._execute(
            "DELETE FROM witnesses WHERE number <= (SELECT max(number) FROM witnesses) - ?",
            (_WITNESSES,),
        )

    def _past(self) -> Past:
        created = self._rows(
            "SELECT ticket, ended FROM items WHERE state = 'created' AND ticket IS NOT NULL"
            " ORDER BY ended DESC LIMIT ?",
            _CLAIMS,
        )
        witnesses = self._rows("SELECT ticket, began, ended, words FROM witnesses ORDER BY ended")
        return Past(
            created=created[::-1],
            witnesses=[Witness(*row) for row in witnesses],
            doubts=[
                Doubt(began=began, ended=ended, words=words, was_judged=bool(judged))
                for began, ended, words, judged in self._rows(_IN_DOUBT)
            ],
        )

    def _rows(self, query: str, *values: object) -> list[Any]:
        """All of them at once: what is still being read when an error comes keeps the file open."""
        return self._execute(query, values).fetchall()


_VERDICTS = {
    State.NEW: Verdict.SEND,
    State.REJECTED: Verdict.SEND,
    State.SENT: Verdict.RESUME,
    State.UNKNOWN: Verdict.RESUME,
    State.CREATED: Verdict.SKIP,
}


def _reference(identity: str) -> str | None:
    kind, _, reference = identity.partition(" ")
    return reference if kind == "reference" else None
