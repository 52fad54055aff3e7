"""What is known of items, run after run: by example, and against what has truly happened."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.bulk.support import URL, Item, Runs, digest, new_book
from vpsbg_async.bulk import book as book_module
from vpsbg_async.bulk.book import SCHEMA_VERSION
from vpsbg_async.bulk.states import Admission, Entry, State, Verdict
from vpsbg_async.bulk.work import Doubt, Witness

WITNESSES = 16

BEFORE: dict[str, Callable[[Item], object]] = {
    "new": lambda item: None,
    "undone": lambda item: item.send().settle(State.NEW),
    "rejected": lambda item: item.send().settle(State.REJECTED, reason="no"),
    "rejected unsent": lambda item: item.settle(State.REJECTED, reason="no"),
    "sent": lambda item: item.send(),
    "cancelled": lambda item: item.send().settle(State.SENT),
    "unknown": lambda item: item.send().settle(State.UNKNOWN, reason="who knows"),
    "created": lambda item: item.create(),
    "created without a ticket": lambda item: item.send().settle(State.CREATED),
}
SENDABLE = ["new", "undone", "rejected", "rejected unsent"]
IN_DOUBT = ["sent", "cancelled", "unknown"]
CREATED = ["created", "created without a ticket"]

ODD_REFERENCES = [
    " ",
    "a b",
    "a\0b",
    "line\nline",
    "журнал 7",
    "\N{PARTY POPPER}",
    "é",
    "e\u0301",
    "a",
    "A",
    "1",
    "x" * 255,
    "reference a",
    "content a 1",
    "'; DROP TABLE items; --",
]


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    runs = Runs(tmp_path / "book")
    yield runs
    runs.close()


class TestAdmit:
    @pytest.mark.parametrize("reference", ["case 7", None])
    @pytest.mark.parametrize("state", SENDABLE)
    def test_what_was_surely_not_created_is_sent(
        self, runs: Runs, state: str, reference: str | None
    ) -> None:
        BEFORE[state](runs.item(reference, "a"))
        runs.next()
        admission = runs.admit(reference, "a")
        assert admission == Admission(identity=admission.identity, verdict=Verdict.SEND)

    @pytest.mark.parametrize("reference", ["case 7", None])
    @pytest.mark.parametrize("state", IN_DOUBT)
    def test_what_is_in_doubt_is_resumed(
        self, runs: Runs, state: str, reference: str | None
    ) -> None:
        first = runs.item(reference, "a")
        BEFORE[state](first)
        began, ended = 1002.0, 1003.0
        runs.next()
        admission = runs.admit(reference, "a")
        was_judged = state == "unknown"
        assert admission == Admission(
            identity=first.admission.identity,
            verdict=Verdict.RESUME,
            doubt=Doubt(began=began, ended=ended, words="words", was_judged=was_judged),
        )

    @pytest.mark.parametrize("reference", ["case 7", None])
    @pytest.mark.parametrize("state", CREATED)
    def test_what_was_created_is_skipped(
        self, runs: Runs, state: str, reference: str | None
    ) -> None:
        first = runs.item(reference, "a")
        BEFORE[state](first)
        runs.next()
        assert runs.admit(reference, "a") == Admission(
            identity=first.admission.identity,
            verdict=Verdict.SKIP,
            ticket=216 if state == "created" else None,
        )

    @pytest.mark.parametrize("state", SENDABLE)
    def test_a_reference_may_have_other_content_before_anything_is_created(
        self, runs: Runs, state: str
    ) -> None:
        BEFORE[state](runs.item("case 7", "a"))
        runs.next()
        runs.item("case 7", "b").create()
        runs.next()
        assert runs.admit("case 7", "a").verdict is Verdict.CHANGED
        assert runs.admit("case 7", "b").verdict is Verdict.SKIP

    @pytest.mark.parametrize("state", [*IN_DOUBT, *CREATED])
    def test_and_none_afterwards(self, runs: Runs, state: str) -> None:
        first = runs.item("case 7", "a")
        BEFORE[state](first)
        runs.next()
        ticket = 216 if state == "created" else None
        assert runs.admit("case 7", "b") == Admission(
            identity=first.admission.identity, verdict=Verdict.CHANGED, ticket=ticket
        )
        runs.next()
        verdict = Verdict.RESUME if state in IN_DOUBT else Verdict.SKIP
        assert runs.admit("case 7", "a").verdict is verdict

    @pytest.mark.parametrize("state", BEFORE)
    def test_other_content_without_a_reference_is_another_item(
        self, runs: Runs, state: str
    ) -> None:
        BEFORE[state](runs.item(None, "a"))
        runs.next()
        assert runs.admit(None, "b").verdict is Verdict.SEND

    @pytest.mark.parametrize("content", ["a", "b"])
    @pytest.mark.parametrize("state", BEFORE)
    def test_a_reference_comes_once_in_a_run(self, runs: Runs, state: str, content: str) -> None:
        BEFORE[state](runs.item("case 7", "a"))
        assert runs.admit("case 7", content).verdict is Verdict.REPEATED
        runs.next()
        assert runs.admit("case 7", "a").verdict is not Verdict.REPEATED
        assert runs.admit("case 7", content).verdict is Verdict.REPEATED

    def test_what_has_changed_does_not_take_the_place_of_what_has_not(self, runs: Runs) -> None:
        runs.item("case 7", "a").create()
        runs.next()
        verdicts = [runs.admit("case 7", content).verdict for content in "bba"]
        assert verdicts == [Verdict.CHANGED, Verdict.CHANGED, Verdict.SKIP]

    @pytest.mark.parametrize("first", ODD_REFERENCES, ids=ascii)
    def test_no_two_references_are_one(self, runs: Runs, first: str) -> None:
        runs.item(first).create()
        runs.next()
        verdicts = {reference: runs.admit(reference).verdict for reference in ODD_REFERENCES}
        assert verdicts.pop(first) is Verdict.SKIP
        assert set(verdicts.values()) == {Verdict.SEND}

    def test_a_reference_that_reads_like_content_is_none(self, runs: Runs) -> None:
        by_content = runs.item(None, "a")
        by_content.create()
        identity = by_content.admission.identity
        for reference in (identity, identity.removeprefix("content "), digest("a").hex()):
            assert runs.admit(reference, "a").verdict is Verdict.SEND
        assert runs.admit(None, "a").verdict is Verdict.SEND
        assert {entry.reference for entry in runs.book.unfinished()} == {
            None,
            identity,
            identity.removeprefix("content "),
            digest("a").hex(),
        }

    def test_what_is_not_made_to_last_was_not_met(self, runs: Runs) -> None:
        runs.item("case 7").create()
        runs.item(None, "a").create()
        runs.crash()
        assert runs.admit("case 7").verdict is Verdict.SEND
        assert runs.admit(None, "a").verdict is Verdict.SEND


class TestEquals:
    def create(self, runs: Runs, contents: str) -> None:
        for ticket, content in enumerate(contents, 1):
            runs.item(None, content).create(ticket)
        runs.next()

    def verdicts(self, runs: Runs, contents: str) -> list[Verdict]:
        verdicts = [runs.admit(None, content).verdict for content in contents]
        runs.next()
        return verdicts

    def test_as_many_as_there_are_are_created(self, runs: Runs) -> None:
        assert self.verdicts(runs, "aaa") == [Verdict.SEND] * 3

    def test_as_many_again_are_skipped(self, runs: Runs) -> None:
        self.create(runs, "aaa")
        assert self.verdicts(runs, "aaa") == [Verdict.SKIP] * 3

    def test_of_more_the_rest_is_sent(self, runs: Runs) -> None:
        self.create(runs, "aa")
        assert self.verdicts(runs, "aaaa") == [Verdict.SKIP] * 2 + [Verdict.SEND] * 2

    def test_fewer_are_skipped_and_nothing_is_forgotten(self, runs: Runs) -> None:
        self.create(runs, "aaa")
        assert self.verdicts(runs, "a") == [Verdict.SKIP]
        assert self.verdicts(runs, "aaaa") == [Verdict.SKIP] * 3 + [Verdict.SEND]

    def test_their_order_among_others_is_no_matter(self, runs: Runs) -> None:
        self.create(runs, "abaab")
        assert self.verdicts(runs, "bbaaa") == [Verdict.SKIP] * 5
        assert self.verdicts(runs, "cbabaab") == [
            *[Verdict.SEND],
            *[Verdict.SKIP] * 4,
            *[Verdict.SKIP, Verdict.SEND],
        ]

    def test_each_has_what_has_become_of_it(self, runs: Runs) -> None:
        runs.item(None, "a").create(1)
        runs.item(None, "a").send().settle(State.REJECTED)
        runs.item(None, "a").send()
        runs.item(None, "a").create(4)
        runs.next()
        admissions = [runs.admit(None, "a") for _ in range(4)]
        assert [(admission.verdict, admission.ticket) for admission in admissions] == [
            (Verdict.SKIP, 1),
            (Verdict.SKIP, 4),
            (Verdict.RESUME, None),
            (Verdict.SEND, None),
        ]

    def test_one_less_does_not_make_one_more(self, runs: Runs) -> None:
        """Whatever has become of the first: if one exists, one is enough."""
        runs.item(None, "a").send().settle(State.REJECTED)
        runs.item(None, "a").create(2)
        runs.next()
        assert self.verdicts(runs, "a") == [Verdict.SKIP]
        assert self.verdicts(runs, "aa") == [Verdict.SKIP, Verdict.SEND]

    def test_those_with_a_reference_do_not_count(self, runs: Runs) -> None:
        runs.item("case 7", "a").create()
        runs.item(None, "a").create()
        runs.next()
        assert runs.admit(None, "a").verdict is Verdict.SKIP
        assert runs.admit(None, "a").verdict is Verdict.SEND


class TestDoubt:
    def test_ends_when_the_next_run_begins(self, runs: Runs) -> None:
        runs.item("case 7").send()
        past = runs.next()
        assert past.doubts == [Doubt(began=1002.0, ended=1003.0, words="words", was_judged=False)]

    def test_and_no_later_with_each_run(self, runs: Runs) -> None:
        runs.item("case 7").send()
        first = runs.next()
        for _ in range(3):
            assert runs.next() == first
        assert runs.admit("case 7").doubt == first.doubts[0]

    @pytest.mark.parametrize("state", [State.SENT, State.UNKNOWN])
    def test_does_not_become_younger_by_being_looked_for(self, runs: Runs, state: State) -> None:
        runs.item("case 7").send().settle(state)
        runs.next()
        runs.item("case 7").settle(State.UNKNOWN, reason="not found")
        (doubt,) = runs.next().doubts
        assert doubt == Doubt(began=1002.0, ended=1003.0, words="words", was_judged=True)

    def test_is_another_when_it_is_sent_again(self, runs: Runs) -> None:
        runs.item("case 7").send().settle(State.UNKNOWN)
        runs.next()
        item = runs.item("case 7")
        item.settle(State.NEW)
        item.send("other words").settle(State.UNKNOWN)
        (doubt,) = runs.next().doubts
        assert (doubt.began, doubt.ended, doubt.words) == (1006.0, 1007.0, "other words")

    @pytest.mark.parametrize("state", [State.NEW, State.REJECTED, State.CREATED])
    def test_is_over_when_it_is_certain(self, runs: Runs, state: State) -> None:
        runs.item("case 7").send().settle(State.UNKNOWN)
        runs.item("case 8").send()
        runs.next()
        runs.item("case 7").settle(state)
        runs.item("case 8").settle(state)
        assert not runs.next().doubts

    def test_those_of_a_run_come_in_the_order_of_their_ends(self, runs: Runs) -> None:
        first, second, third = (runs.item(name).send(name) for name in "abc")
        second.settle(State.UNKNOWN)
        first.settle(State.SENT)
        past = runs.next()
        assert [doubt.words for doubt in past.doubts] == ["b", "a", "c"]
        assert [doubt.was_judged for doubt in past.doubts] == [True, False, False]
        assert third.verdict is Verdict.SEND

    def test_survives_a_clock_that_is_turned_back(self, runs: Runs) -> None:
        runs.item("case 7").send()
        runs.now = 10.0
        runs.next()
        doubt = runs.admit("case 7").doubt
        assert doubt is not None
        assert (doubt.began, doubt.ended) == (1002.0, 11.0)


class TestPast:
    def test_of_a_first_run_is_empty(self, runs: Runs) -> None:
        assert not runs.past.created
        assert not runs.past.witnesses
        assert not runs.past.doubts

    def test_tells_what_was_created(self, runs: Runs) -> None:
        """Before what is in doubt was sent too: clocks do not tell for sure which was first."""
        runs.item("early").create(1)
        late = runs.item("late").send()
        runs.item("doubt").send()
        runs.item("next").create(2)
        late.settle(State.CREATED, ticket=3)
        runs.item("unread").send().settle(State.CREATED)
        runs.item("rejected").send().settle(State.REJECTED)
        assert [ticket for ticket, _ in runs.next().created] == [1, 2, 3]

    def test_in_the_order_of_the_answers(self, runs: Runs) -> None:
        runs.item("doubt").send()
        items = [runs.item(name).send() for name in "zyx"]
        for ticket, item in enumerate(items, 1):
            item.settle(State.CREATED, ticket=ticket)
        assert runs.next().created == [(1, 1006.0), (2, 1007.0), (3, 1008.0)]

    def test_no_more_than_the_newest(self, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(book_module, "_CLAIMS", 3)
        runs.item("doubt").send()
        for ticket in range(1, 6):
            runs.item(f"case {ticket}").create(ticket)
        assert [ticket for ticket, _ in runs.next().created] == [3, 4, 5]


class TestWitnesses:
    def tickets(self, runs: Runs) -> list[int]:
        return [witness.ticket for witness in runs.next().witnesses]

    def test_know_what_was_sent_and_when(self, runs: Runs) -> None:
        runs.item("case 7").create(216, "its words")
        assert runs.next().witnesses == [Witness(216, 1002.0, 1003.0, "its words")]

    def test_know_of_what_was_found_when_it_was_sent(self, runs: Runs) -> None:
        runs.item("case 7").send().settle(State.UNKNOWN)
        runs.next()
        runs.item("case 7").settle(State.CREATED, ticket=216)
        assert runs.next().witnesses == [Witness(216, 1002.0, 1005.0, "words")]

    @pytest.mark.parametrize("state", set(BEFORE) - {"created"})
    def test_are_only_of_tickets(self, runs: Runs, state: str) -> None:
        BEFORE[state](runs.item("case 7"))
        assert self.tickets(runs) == []
        assert runs.book.a_ticket() is None

    @pytest.mark.parametrize("size", [1, 3, 7, 16, 20, 100])
    def test_are_the_last_however_the_runs_are_cut(self, runs: Runs, size: int) -> None:
        for ticket in range(1, 41):
            runs.item(f"case {ticket}").create(ticket)
            if ticket % size == 0:
                runs.next()
        assert self.tickets(runs) == [*range(41 - WITNESSES, 41)]
        assert runs.book.a_ticket() == 40

    def test_what_was_not_made_to_last_leaves_no_gap(self, runs: Runs) -> None:
        for ticket in range(1, 21):
            runs.item(f"case {ticket}").create(ticket)
        runs.next()
        for ticket in range(21, 31):
            runs.item(f"case {ticket}").create(ticket)
        runs.crash()
        runs.item("case 31").create(31)
        assert self.tickets(runs) == [*range(6, 21), 31]

    def test_the_last_ticket_is_the_last_that_was_told(self, runs: Runs) -> None:
        runs.item("case 7").create(1)
        runs.now = 10.0
        runs.item("case 8").create(2)
        assert runs.book.a_ticket() == 2


class TestForPeople:
    def test_counts(self, runs: Runs) -> None:
        assert runs.book.counts() == dict.fromkeys(State, 0)
        for name, do in BEFORE.items():
            do(runs.item(name))
        assert runs.book.counts() == {
            State.NEW: 2,
            State.SENT: 2,
            State.UNKNOWN: 1,
            State.REJECTED: 2,
            State.CREATED: 2,
        }

    def test_what_is_unfinished(self, runs: Runs) -> None:
        runs.item("created").create()
        runs.item("rejected", "a").send().settle(State.REJECTED, reason="too short")
        runs.item(None, "b").send().settle(State.UNKNOWN, reason="no answer")
        runs.item("sent", "c").send()
        assert [*runs.book.unfinished()] == [
            Entry(
                reference="rejected",
                position=2,
                state=State.REJECTED,
                ticket=None,
                reason="too short",
            ),
            Entry(reference=None, position=3, state=State.UNKNOWN, ticket=None, reason="no answer"),
            Entry(reference="sent", position=4, state=State.SENT, ticket=None, reason=None),
        ]

    def test_those_that_the_last_run_has_met_come_last(self, runs: Runs) -> None:
        for name in "abc":
            runs.admit(name)
        runs.next()
        for name in "ba":
            runs.admit(name)
        found = [(entry.reference, entry.position) for entry in runs.book.unfinished()]
        assert found == [("c", 3), ("b", 1), ("a", 2)]

    def test_a_reason_is_told_until_it_is_sent_again(self, runs: Runs) -> None:
        item = runs.item("case 7")
        item.settle(State.REJECTED, reason="too short")
        assert [entry.reason for entry in runs.book.unfinished()] == ["too short"]
        item.send()
        assert [entry.reason for entry in runs.book.unfinished()] == [None]

    def test_a_reason_may_hold_half_a_character(self, runs: Runs) -> None:
        """As names of files do, and streams of the caller's may raise anything."""
        runs.item("case 7").settle(State.REJECTED, reason="no \udcff.log")
        assert [entry.reason for entry in runs.book.unfinished()] == ["no ?.log"]

    def test_nothing_is_left_open_when_they_cannot_be_read(self, tmp_path: Path) -> None:
        """What is being read keeps the file locked for as long as anyone holds the error."""
        runs = Runs(tmp_path / "book")
        runs.item("case 7").send()
        spoil = "UPDATE items SET words = CAST(x'ff' AS TEXT)"
        runs.book._execute(spoil)
        runs.book.commit()
        with pytest.raises(sqlite3.OperationalError) as caught:
            runs.book.begin_run(2000.0)
        runs.book.close()
        assert not (tmp_path / "book-journal").exists(), caught.value
        with sqlite3.connect(tmp_path / "book", timeout=0) as other:
            other.execute("BEGIN EXCLUSIVE")
        other.close()


class TestBook:
    def test_is_made_once(self, tmp_path: Path) -> None:
        book = new_book(tmp_path / "book")
        assert (book.is_made(), book.is_whole(), book.version()) == (True, True, SCHEMA_VERSION)
        assert (book.fact("base_url"), book.fact("salt"), book.fact("run")) == (URL, b"salt", None)
        book.close()

    def test_a_fact_is_noted_anew(self, runs: Runs) -> None:
        runs.book.note("key", b"old")
        runs.book.note("key", b"new")
        assert runs.book.fact("key") == b"new"

    def test_runs_are_counted(self, runs: Runs) -> None:
        runs.next()
        runs.next()
        runs.crash()
        assert runs.book.fact("run") == 3

    def test_a_state_that_is_none_is_no_state(self, runs: Runs) -> None:
        runs.admit("case 7")
        with pytest.raises(sqlite3.IntegrityError):
            runs.book._execute("UPDATE items SET state = 'crxated'")


class Machine(RuleBasedStateMachine):
    """Runs that end anyhow, beside a server that knows what was truly created."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        self._runs = Runs(Path(self._folder.name, "book"))
        self._tickets: dict[str, int] = {}  # that exist, by what was sent for them
        self._possible: set[str] = set()  # that may exist, as far as whoever sent it can know
        self._ever_sent: set[str] = set()
        self._known: dict[str, int] = {}  # of which it was made to last that they exist
        self._fresh: dict[str, int] = {}  # likewise, with the next commit
        self._sendable: list[Item] = []
        self._under_way: list[Item] = []
        self._let_go: set[str] = set()  # in this run
        self._creations = 0

    def teardown(self) -> None:
        self._runs.close()
        self._folder.cleanup()

    @initialize()
    def begin(self) -> None:
        self._commit()

    @rule(
        reference=st.sampled_from([None, None, "a", "b", "content a 1"]),
        content=st.sampled_from("ab"),
    )
    def admit(self, reference: str | None, content: str) -> None:
        item = self._runs.item(reference, content)
        identity = item.admission.identity
        match item.verdict:
            case Verdict.SEND:
                assert identity not in self._possible
                assert identity not in self._let_go
                self._let_go.add(identity)
                self._sendable.append(item)
            case Verdict.RESUME:
                assert identity not in self._let_go
                assert item.admission.doubt is not None
                assert item.admission.doubt.words == identity
                self._let_go.add(identity)
                self._under_way.append(item)
            case Verdict.SKIP:
                known = self._known | self._fresh
                assert item.admission.ticket == known[identity] == self._tickets[identity]
            case Verdict.CHANGED:
                # What has come of it may have been written down, and not to last.
                assert identity in self._ever_sent
            case Verdict.REPEATED:
                assert identity in self._let_go | self._known.keys()
        if identity in self._known:
            assert item.verdict in (Verdict.SKIP, Verdict.CHANGED, Verdict.REPEATED)

    @precondition(lambda self: self._sendable)
    @rule(data=st.data(), is_created=st.booleans())
    def send(self, data: st.DataObject, is_created: bool) -> None:
        item = self._take(data, self._sendable)
        identity = item.admission.identity
        item.send(identity)
        self._commit()
        self._possible.add(identity)
        self._ever_sent.add(identity)
        if is_created:
            assert identity not in self._tickets
            self._creations += 1
            self._tickets[identity] = self._creations
        self._under_way.append(item)

    @precondition(lambda self: self._sendable)
    @rule(data=st.data())
    def refuse_unsent(self, data: st.DataObject) -> None:
        self._take(data, self._sendable).settle(State.REJECTED)

    @precondition(lambda self: self._under_way)
    @rule(data=st.data(), again=st.booleans())
    def answer(self, data: st.DataObject, again: bool) -> None:
        item = self._take(data, self._under_way)
        identity = item.admission.identity
        if (ticket := self._tickets.get(identity)) is not None:
            item.settle(State.CREATED, ticket=ticket)
            self._fresh[identity] = ticket
            return
        self._possible.discard(identity)
        item.settle(State.NEW if again else State.REJECTED)
        if again:
            self._sendable.append(item)

    @precondition(lambda self: self._under_way)
    @rule(data=st.data(), state=st.sampled_from([State.SENT, State.UNKNOWN]))
    def lose(self, data: st.DataObject, state: State) -> None:
        self._take(data, self._under_way).settle(state)

    @rule(is_killed=st.booleans())
    def begin_again(self, is_killed: bool) -> None:
        if not is_killed:
            self._commit()
        self._fresh.clear()
        self._runs.crash()
        self._commit()
        self._sendable.clear()
        self._under_way.clear()
        self._let_go.clear()

    @invariant()
    def all_that_may_exist_is_accounted_for(self) -> None:
        counts = self._runs.book.counts()
        doubtful = self._possible - self._known.keys() - self._fresh.keys()
        assert counts[State.SENT] + counts[State.UNKNOWN] >= len(doubtful)
        assert counts[State.CREATED] == len(self._known | self._fresh)

    def _take(self, data: st.DataObject, items: list[Item]) -> Item:
        return items.pop(data.draw(st.integers(0, len(items) - 1)))

    def _commit(self) -> None:
        self._runs.book.commit()
        self._runs.book.begin()
        self._known.update(self._fresh)


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=80, stateful_step_count=40, deadline=None, database=None, derandomize=True
)
