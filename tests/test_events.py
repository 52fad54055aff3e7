"""The events of a call: the tree as its docstring draws it, and a line for each."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from vpsbg_async import Attempt, NotSentError, Outcome, OutcomeUnknownError, events
from vpsbg_async.events import (
    Answered,
    AttachmentClipped,
    AttachmentsDiffer,
    AttemptStarted,
    BytesSent,
    Event,
    GaveUp,
    Reconciled,
    Retried,
    Waiting,
)

CALL: dict[str, Any] = {"call": 7, "method": "POST", "path": "/support/tickets", "attempt": 2}
UNKNOWN = Attempt(
    number=1,
    started_at=datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC),
    seconds=1.5,
    bytes_sent=12345,
    outcome=Outcome.UNKNOWN,
    error="OutcomeUnknownError",
)
REFUSED = attrs.evolve(UNKNOWN, error="ServerError", status=503, outcome=Outcome.NOT_PROCESSED)


def gave_up(*history: Attempt) -> GaveUp:
    error = OutcomeUnknownError("s3cret text")
    error.history = history
    return GaveUp(**CALL, error=error)


# Each event in every state that it has words for, and those words.
TOLD: list[tuple[Event, str]] = [
    (AttemptStarted(**CALL, length=10), "started"),
    (AttemptStarted(**CALL, length=None), "started"),
    (BytesSent(**CALL, sent=5, length=10), "5 bytes sent of 10"),
    (BytesSent(**CALL, sent=5, length=None), "5 bytes sent"),
    (BytesSent(**CALL, sent=0, length=0), "0 bytes sent of 0"),
    (
        Answered(**CALL, status=201, seconds=0.12345, request_id="s3cret\r\n"),
        "answered 201 after 0.123 s",
    ),
    (Answered(**CALL, status=500, seconds=120, request_id=None), "answered 500 after 120.000 s"),
    (Waiting(**CALL, reason="retry", seconds=0.25), "waits (retry, 0.2 s at the most)"),
    (Waiting(**CALL, reason="settling", seconds=0.0), "waits (settling, 0.0 s at the most)"),
    (Waiting(**CALL, reason="rate limit", seconds=None), "waits (rate limit)"),
    (
        Retried(**CALL, failed=UNKNOWN),
        "is tried again after OutcomeUnknownError (unknown)",
    ),
    (
        Retried(**CALL, failed=REFUSED),
        "is tried again after ServerError 503 (not_processed)",
    ),
    (
        Reconciled(**CALL, found=216, absent=False, reason=""),
        "was found to be done: ticket 216",
    ),
    (Reconciled(**CALL, found=0, absent=False, reason=""), "was found to be done: ticket 0"),
    (Reconciled(**CALL, found=None, absent=True, reason=""), "was found not to be done"),
    (
        Reconciled(**CALL, found=None, absent=False, reason="2 are the same"),
        "is still unknown: 2 are the same",
    ),
    (gave_up(REFUSED, UNKNOWN), "gave up with OutcomeUnknownError (unknown)"),
    (gave_up(UNKNOWN, REFUSED), "gave up with ServerError 503 (not_processed)"),
    (gave_up(), "gave up with OutcomeUnknownError (unknown)"),
    (
        GaveUp(**CALL, error=NotSentError("s3cret text")),
        "gave up with NotSentError (not_sent)",
    ),
    (
        AttachmentClipped(**CALL, name="s3cret\n.txt", added=9),
        "9 bytes were added to a file while it was sent, and left out",
    ),
    (
        AttachmentsDiffer(**CALL, mismatches=("s3cret.txt is missing", "s3cret\n")),
        "the answer differs from what was sent in 2 files",
    ),
]


@attrs.frozen
class Drawn:
    """A class as the docstring draws it."""

    name: str
    parent: str | None
    attributes: tuple[str, ...]
    words: str


def drawn_tree() -> list[Drawn]:
    tree = []
    for line in (events.__doc__ or "").splitlines():
        match = re.fullmatch(r"([├└]── )?([A-Z]\w+) +((?:\.\w+ *)+)(?:: (.+))?", line)
        if match is not None:
            parent = "Event" if match[1] else None
            attributes = tuple(re.findall(r"\.(\w+)", match[3]))
            tree.append(Drawn(match[2], parent, attributes, match[4] or ""))
    return tree


def subclasses(kind: type[Event]) -> Iterator[type[Event]]:
    yield kind
    for below in kind.__subclasses__():
        yield from subclasses(below)


TREE = drawn_tree()
KINDS = [kind for kind in subclasses(Event) if kind.__module__ == events.__name__]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
each_event = pytest.mark.parametrize(("event", "words"), TOLD, ids=lambda it: type(it).__name__)


class TestTree:
    def test_is_drawn_whole(self) -> None:
        drawn = {item.name: item.parent for item in TREE}
        real = {
            kind.__name__: None if kind is Event else kind.__bases__[0].__name__ for kind in KINDS
        }
        assert drawn == real

    def test_its_lines_are_all_understood(self) -> None:
        lines = (events.__doc__ or "").splitlines()
        assert len([line for line in lines if line.startswith(("├", "└", "│"))]) == len(TREE) - 1

    @pytest.mark.parametrize("drawn", TREE, ids=lambda drawn: drawn.name)
    def test_attributes_are_as_drawn(self, drawn: Drawn) -> None:
        names = tuple(field.name for field in attrs.fields(getattr(events, drawn.name)))
        common = tuple(field.name for field in attrs.fields(Event))
        assert names == (drawn.attributes if drawn.parent is None else common + drawn.attributes)

    @each_kind
    def test_attributes_are_documented(self, kind: type[Event]) -> None:
        common = () if kind is Event else attrs.fields(Event)
        own = [field.name for field in attrs.fields(kind) if field not in common]
        documented = re.findall(r"^ {8}(\w+): ", kind.__doc__ or "", re.MULTILINE)
        assert documented == own

    def test_there_is_a_sample_of_each(self) -> None:
        assert {type(event) for event, _ in TOLD} == {*KINDS} - {Event}

    def test_all_is_exported_by_the_module(self) -> None:
        assert set(events.__all__) == {item.name for item in TREE} | {"Listener"}


class TestEvents:
    @pytest.mark.parametrize(
        ("kind", "level"),
        [
            (Event, logging.DEBUG),
            (AttemptStarted, logging.DEBUG),
            (Answered, logging.DEBUG),
            (Waiting, logging.INFO),
            (Retried, logging.INFO),
            (Reconciled, logging.INFO),
            (GaveUp, logging.INFO),
            (AttachmentClipped, logging.INFO),
            (AttachmentsDiffer, logging.WARNING),
        ],
        ids=lambda it: getattr(it, "__name__", None),
    )
    def test_have_a_level(self, kind: type[Event], level: int) -> None:
        assert kind.level == level

    def test_one_for_each_chunk_is_below_all_others(self) -> None:
        assert 0 < BytesSent.level < min(kind.level for kind in KINDS if kind is not BytesSent)

    @each_kind
    def test_cannot_be_changed(self, kind: type[Event]) -> None:
        for event, _ in TOLD:
            if isinstance(event, kind):
                with pytest.raises(attrs.exceptions.FrozenInstanceError):
                    event.call = 8  # type: ignore[misc]

    @each_kind
    def test_are_made_by_name_only_and_whole(self, kind: type[Event]) -> None:
        make: Any = kind
        names = [field.name for field in attrs.fields(kind)]
        with pytest.raises(TypeError):
            make(*names)
        for name in names:
            with pytest.raises(TypeError, match=name):
                make(**{other: 1 for other in names if other != name})

    @each_event
    def test_are_equal_by_what_they_tell(self, event: Event, words: str) -> None:
        assert attrs.evolve(event) == event
        assert attrs.evolve(event, call=8) != event


class TestText:
    @each_event
    def test_tells_the_call_and_what_happened(self, event: Event, words: str) -> None:
        assert str(event) == f"call 7, POST /support/tickets, attempt 2: {words}"

    @each_event
    def test_is_one_line(self, event: Event, words: str) -> None:
        assert str(event).isprintable()

    @each_event
    def test_tells_nothing_that_was_sent_or_answered(self, event: Event, words: str) -> None:
        assert "s3cret" not in str(event)

    def test_a_bare_event_has_none(self) -> None:
        with pytest.raises(NotImplementedError):
            str(Event(**CALL))
