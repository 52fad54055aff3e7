"""The file of a journal: what it is made of, what is refused, and what a crash leaves."""

# ruff: noqa: ASYNC240 - small files

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import stat
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.bulk.support import (
    PATIENCE,
    URL,
    Task,
    begun,
    child,
    fingerprint,
    journals_open,
    killed,
    left_alone,
    refusal,
)
from vpsbg_async import JournalError
from vpsbg_async.bulk import book as book_module
from vpsbg_async.bulk.journal import Journal, JournalState, read_journal
from vpsbg_async.bulk.states import Entry, State, Verdict
from vpsbg_async.bulk.work import Doubt

PAGE = 4096
IN_USE = "it is in use by another run"
NO_JOURNAL = "it is no journal"
MISSING = "there is no journal at it"

BEGIN = """
    async def main():
        journal = await begun(path)
        {then}

    asyncio.run(main())
"""
HOLD = BEGIN.format(then='tell("held"); sys.stdin.read()')
TRY = """
    async def main():
        try:
            await begun(path)
        except Exception as error:
            tell(error)
        else:
            tell("opened")

    asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.journal"


@pytest.fixture(autouse=True)
async def _nothing_is_left() -> AsyncIterator[None]:
    before = journals_open()
    yield
    assert journals_open() == before


async def refused(path: Path, base_url: str = URL) -> str:
    """What the error tells that a run with a journal is refused with."""
    journal = Journal(path, base_url)
    told = []
    for step in (journal.begin_run(fingerprint, 1000.0), journal.close()):
        try:
            await step
        except JournalError as error:
            told.append(str(error).replace(str(path), "it"))
    assert told == told[:1] * 2
    return told[0] if told else "none"


async def filled(path: Path) -> JournalState:
    """What a journal tells that has something of everything."""
    journal = await begun(path)
    for number in range(60):
        reference = f"case {number}" if number % 2 else None
        admission = await journal.admit(Task(reference, f"words {number}"), number)
        if number % 5:
            await journal.send(admission.identity, f"words {number}", 1000.0 + number)
            state = [*State][number % 5]
            ticket = number if state is State.CREATED else None
            journal.settle(admission.identity, state, 1001.0 + number, ticket=ticket)
    await journal.close()
    return read_journal(path)


def by_another(path: Path) -> str:
    """What another process meets that tries to use a journal."""
    with child(path, TRY) as process:
        told, _ = process.communicate(timeout=PATIENCE)
        return told.strip().replace(str(path), "it")


class TestFile:
    async def test_is_nobody_elses_to_read(self, path: Path) -> None:
        mask = os.umask(0)
        try:
            journal = await begun(path)
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
            await journal.close()
        finally:
            os.umask(mask)
        assert modes == {"run.journal": 0o600, "run.journal-wal": 0o600}

    async def test_is_one_file_when_it_is_closed(self, path: Path) -> None:
        await filled(path)
        assert [*path.parent.iterdir()] == [path]

    async def test_may_be_there_and_empty(self, path: Path) -> None:
        path.touch()
        await (await begun(path)).close()
        assert read_journal(path).runs == 1

    async def test_may_be_a_link(self, path: Path) -> None:
        await (await begun(path)).close()
        link = path.with_name("link")
        link.symlink_to(path)
        await (await begun(link)).close()
        assert read_journal(path).runs == 2

    @pytest.mark.parametrize(
        "name",
        [
            "with space",
            "журнал",
            "what?",
            "what?mode=memory&cache=shared",
            "a#b",
            "100%",
            "%41",
            "a&b=c",
            "-wal",
            "'quoted'",
            ":memory:",
            "file:book",
            "file:book?mode=memory",
            os.fsdecode(b"\xff.journal"),
        ],
        ids=ascii,
    )
    @pytest.mark.parametrize("is_relative", [False, True])
    async def test_may_have_any_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, is_relative: bool
    ) -> None:
        monkeypatch.chdir(tmp_path)
        path = Path(name) if is_relative else tmp_path / name
        for runs in (1, 2):
            journal = await begun(path)
            assert refusal(path) == IN_USE
            await journal.close()
            assert read_journal(path).runs == runs
        assert [file.name for file in tmp_path.iterdir()] == [name]

    async def test_is_written_through_to_the_disk(self, path: Path) -> None:
        journal = await begun(path)
        names = ("synchronous", "journal_mode", "locking_mode", "secure_delete")

        def settings(book: book_module.Book) -> list[object]:
            return [book._execute(f"PRAGMA {name}").fetchone()[0] for name in names]

        assert await journal._ask(settings) == [2, "wal", "exclusive", 1]
        await journal.close()


class TestRun:
    async def test_goes_on_where_another_has_ended(self, path: Path) -> None:
        journal = await begun(path)
        created = await journal.admit(Task("created"), 1)
        await journal.send(created.identity, "words", 1001.0)
        journal.settle(created.identity, State.CREATED, 1002.0, ticket=216)
        unknown = await journal.admit(Task("unknown"), 2)
        await journal.send(unknown.identity, "its words", 1003.0)
        journal.settle(unknown.identity, State.UNKNOWN, 1004.0, reason="no answer")
        await journal.admit(Task("new"), 3)
        await journal.close()

        journal = Journal(path, URL)
        past = await journal.begin_run(fingerprint, 2000.0)
        doubt = Doubt(began=1003.0, ended=1004.0, words="its words", was_judged=True)
        assert past.doubts == [doubt]
        assert [witness.ticket for witness in past.witnesses] == [216]
        assert await journal.a_ticket() == 216
        admissions = [
            await journal.admit(Task(name), position)
            for position, name in enumerate(["new", "unknown", "created", "new"], 1)
        ]
        assert [(found.verdict, found.ticket, found.doubt) for found in admissions] == [
            (Verdict.SEND, None, None),
            (Verdict.RESUME, None, doubt),
            (Verdict.SKIP, 216, None),
            (Verdict.REPEATED, None, None),
        ]
        await journal.close()

    async def test_tells_people_of_it(self, path: Path) -> None:
        journal = await begun(path)
        for position, name in enumerate("ab", 1):
            admission = await journal.admit(Task(name), position)
            await journal.send(admission.identity, "words", 1001.0)
            journal.settle(admission.identity, State.REJECTED, 1002.0, reason=f"no {name}")
        await journal.close()
        assert read_journal(path) == JournalState(
            base_url=URL,
            runs=1,
            counts=dict.fromkeys(State, 0) | {State.REJECTED: 2},
            unfinished=[
                Entry(
                    reference=name,
                    position=position,
                    state=State.REJECTED,
                    ticket=None,
                    reason=f"no {name}",
                )
                for position, name in enumerate("ab", 1)
            ],
        )

    async def test_of_another_address_is_refused(self, path: Path) -> None:
        await filled(path)
        with left_alone(path.parent):
            other = "https://other.test/v1"
            assert await refused(path, other) == f"it is the journal of {URL}, not of {other}"
        assert await refused(path) == "none"

    async def test_of_another_version_is_refused(self, path: Path) -> None:
        await filled(path)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA user_version = 2")
        with left_alone(path.parent):
            text = "it was made by another version of vpsbg_async"
            assert await refused(path) == refusal(path) == text

    async def test_that_cannot_be_written_tells_everybody(self, path: Path) -> None:
        journal = await begun(path)

        def fill(book: book_module.Book) -> None:
            (pages,) = book._execute("PRAGMA page_count").fetchone()
            book._execute(f"PRAGMA max_page_count = {pages}")
            book.note("large", "x" * 1_000_000)

        journal._writer.tell(fill)
        for _ in range(2):
            with pytest.raises(JournalError, match=r"cannot be written \(.*full"):
                await journal.admit(Task(), 1)
        journal.settle("any", State.NEW, 1001.0)
        with pytest.raises(JournalError, match=r"cannot be written \(.*full"):
            await journal.close()
        assert await refused(path) == "none"


class TestKey:
    async def test_of_a_new_journal_is_any(self, path: Path) -> None:
        journal = Journal(path, URL)
        assert await journal.knows_key(lambda salt: b"any")
        assert await journal.knows_key(lambda salt: b"other")
        assert await journal.a_ticket() is None
        await journal.close()

    async def test_is_that_of_the_last_run(self, path: Path) -> None:
        def other(salt: bytes) -> bytes:
            return fingerprint(salt, b"other")

        await (await begun(path)).close()
        journal = Journal(path, URL)
        assert await journal.knows_key(fingerprint)
        assert not await journal.knows_key(other)
        await journal.begin_run(other, 1000.0)
        assert not await journal.knows_key(fingerprint)
        await journal.close()
        journal = Journal(path, URL)
        assert await journal.knows_key(other)
        await journal.close()

    async def test_is_told_by_another_salt_in_each_journal(self, tmp_path: Path) -> None:
        salts: list[bytes] = []

        def note(salt: bytes) -> bytes:
            salts.append(salt)
            return b"key"

        for name in "ab":
            journal = Journal(tmp_path / name, URL)
            await journal.begin_run(note, 1000.0)
            await journal.close()
        assert len(set(salts)) == 2
        assert {len(salt) for salt in salts} == {16}


class TestSecrets:
    @pytest.fixture(autouse=True)
    def _sqlite_leaves_what_is_deleted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As most builds of it do, if they are not told otherwise."""
        connect = sqlite3.connect

        def forgetful(*args: object, **options: object) -> sqlite3.Connection:
            connection: sqlite3.Connection = connect(*args, **options)  # type: ignore[call-overload]
            connection.execute("PRAGMA secure_delete = 0")
            return connection

        monkeypatch.setattr(sqlite3, "connect", forgetful)

    @pytest.mark.parametrize("size", [1, 5000])
    async def test_only_the_last_words_and_those_in_doubt_are_kept(
        self, path: Path, size: int
    ) -> None:
        journal = await begun(path)
        endings = [State.CREATED, State.REJECTED, State.NEW, State.UNKNOWN]
        tickets: list[int] = []
        kept: list[int] = []
        for number in range(120):
            admission = await journal.admit(Task(f"case {number}"), number)
            await journal.send(admission.identity, f"<{number}>" * size, 1000.0 + number)
            state = endings[number % 3 if number % 8 else 3]
            ticket = number if state is State.CREATED else None
            journal.settle(admission.identity, state, 1001.0 + number, ticket=ticket)
            if state is State.CREATED:
                tickets.append(number)
            elif state is State.UNKNOWN:
                kept.append(number)
        await journal.close()
        content = path.read_bytes()
        found = [number for number in range(120) if f"<{number}>".encode() in content]
        assert found == sorted([*tickets[-16:], *kept])

    async def test_the_key_is_in_none_of_its_files(self, path: Path) -> None:
        journal = await begun(path)
        for file in path.parent.iterdir():
            assert b"vps_key" not in file.read_bytes()
        await journal.close()
        assert b"vps_key" not in path.read_bytes()


class TestUse:
    """By one run at a time."""

    async def test_in_one_process(self, path: Path) -> None:
        journal = await begun(path)
        assert await refused(path) == refusal(path) == IN_USE
        await journal.admit(Task(), 1)
        await journal.close()
        assert await refused(path) == "none"
        assert read_journal(path).runs == 2

    async def test_in_another_process(self, path: Path) -> None:
        with child(path, HOLD) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            assert await refused(path) == refusal(path) == IN_USE
            process.kill()
            process.wait(PATIENCE)
            assert await refused(path) == "none"

    async def test_however_many_were_refused_before(self, path: Path) -> None:
        """Whoever in a process closes a file gives up all its locks on it, says POSIX."""
        journal = await begun(path)
        assert await refused(path) == refusal(path) == IN_USE
        assert by_another(path) == IN_USE
        await journal.close()
        assert by_another(path) == "opened"

    async def test_from_the_moment_it_is_opened(self, path: Path) -> None:
        journal = Journal(path, URL)
        assert await journal.knows_key(fingerprint)
        assert by_another(path) == IN_USE
        await journal.close()


def text(path: Path) -> None:
    path.write_text("subject,message\nDown,It is down.\n")


def letter(path: Path) -> None:
    path.write_bytes(b"x")


def zeros(path: Path) -> None:
    path.write_bytes(bytes(2 * PAGE))


def magic(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0")


def database(path: Path, application: int = 0) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA application_id = {application}")
    connection.execute("CREATE TABLE facts (name, value)")
    connection.execute("INSERT INTO facts VALUES ('base_url', 'mine')")
    return connection


def foreign(path: Path) -> None:
    database(path, 7).close()


def unnamed(path: Path) -> None:
    database(path).close()


def empty_database(path: Path) -> None:
    connection = database(path)
    connection.execute("DROP TABLE facts")
    connection.execute("VACUUM")
    connection.close()


def crashed(path: Path) -> None:
    """A database that somebody else will want to recover."""
    other = path.with_name("other")
    with closing(database(other)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("INSERT INTO facts VALUES ('more', 1)")
        shutil.copy(other, path)
        shutil.copy(f"{other}-wal", f"{path}-wal")
    other.unlink()


def cut_off(path: Path) -> None:
    """Another, the other way round."""
    database(path).close()
    Path(f"{path}-journal").write_bytes(hot_journal(1))


def directory(path: Path) -> None:
    path.mkdir()


def dangling_link(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


def pipe(path: Path) -> None:
    os.mkfifo(path)


FOREIGN = [
    text,
    letter,
    zeros,
    magic,
    foreign,
    unnamed,
    empty_database,
    crashed,
    cut_off,
    directory,
    dangling_link,
    pipe,
]


def hot_journal(pages: int) -> bytes:
    """What SQLite writes before it changes a file of so many pages in place."""
    magic = bytes.fromhex("d9d505f920a163d7")
    return magic + struct.pack(">5I", 0, 1, pages, 512, PAGE) + bytes(512 - 28)


class TestForeign:
    @pytest.mark.parametrize("make", FOREIGN)
    async def test_files_are_left_alone(self, path: Path, make: Callable[[Path], None]) -> None:
        make(path)
        with left_alone(path.parent):
            assert await refused(path) == NO_JOURNAL
            assert refusal(path) == (MISSING if make is dangling_link else NO_JOURNAL)

    @pytest.mark.parametrize("name", ["missing/run.journal", "file/run.journal"])
    async def test_nothing_is_made_without_a_folder(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "file").touch()
        with left_alone(tmp_path):
            assert (await refused(tmp_path / name)).startswith("it cannot be opened (N")
            assert refusal(tmp_path / name) == MISSING

    @pytest.mark.parametrize("mode", [0o000, 0o400])
    async def test_without_permission(self, path: Path, mode: int) -> None:
        await filled(path)
        path.chmod(mode)
        if os.access(path, os.W_OK):
            pytest.skip("whoever runs this has every permission")
        assert (await refused(path)).startswith("it cannot be written (")
        path.chmod(0o600)
        assert await refused(path) == "none"

    async def test_without_permission_for_the_folder(self, tmp_path: Path) -> None:
        folder = tmp_path / "folder"
        folder.mkdir(mode=0o500)
        if os.access(folder, os.W_OK):
            pytest.skip("whoever runs this has every permission")
        assert await refused(folder / "x") == "it cannot be opened (Permission denied)"
        folder.chmod(0)
        assert refusal(folder / "x") == "it cannot be opened (Permission denied)"
        folder.chmod(0o700)

    def test_reading_makes_nothing(self, path: Path) -> None:
        with left_alone(path.parent):
            assert refusal(path) == MISSING
        path.touch()
        with left_alone(path.parent):
            assert refusal(path) == MISSING


class TestDamaged:
    """What is refused is left as it was; what is not can be read."""

    @pytest.fixture
    async def content(self, path: Path) -> bytes:
        await filled(path)
        return path.read_bytes()

    def check(self, path: Path, content: bytes | bytearray) -> str:
        """How a journal with that content is refused."""
        path.write_bytes(content)
        told = refusal(path)
        if told != "none":
            assert path.read_bytes() == content
        assert [*path.parent.iterdir()] == [path]
        return told

    def test_by_the_loss_of_its_end(self, path: Path, content: bytes) -> None:
        whole = read_journal(path)
        for size in range(512, len(content), 512):
            told = self.check(path, content[:size])
            assert told in ("it is damaged", "none"), size
            assert told != "none" or read_journal(path) == whole
        assert told == "it is damaged"

    def test_by_the_loss_of_its_head(self, path: Path, content: bytes) -> None:
        assert self.check(path, bytes(100) + content[100:]) == NO_JOURNAL
        for size in (1, 15, 16, 27, 99, 100):
            assert self.check(path, content[:size]) in (NO_JOURNAL, "it is damaged")

    def test_by_the_loss_of_a_page(self, path: Path, content: bytes) -> None:
        for begin in range(PAGE, len(content), PAGE):
            lost = content[:begin] + bytes(PAGE) + content[begin + PAGE :]
            assert self.check(path, lost) == "it is damaged"

    def test_by_turned_bytes(self, path: Path, content: bytes) -> None:
        chance = random.Random(1)
        told = set()
        for _ in range(500):
            turned = bytearray(content)
            turned[chance.randrange(len(content))] ^= chance.randrange(1, 256)
            told.add(self.check(path, turned))
        assert told <= {"none", "it is damaged", NO_JOURNAL}

    def test_in_its_description(self, path: Path, content: bytes) -> None:
        """Of which SQLite tells in words that are no text any more."""
        for word in (b"CREATE TABLE", b"facts", b"in_doubt", b"identity", b"sqlite_autoindex"):
            for byte in (b"\xff", b"Q"):
                assert self.check(path, content.replace(word, byte + word[1:], 1)) in (
                    "it is damaged",
                    "none",
                )

    def test_in_its_states(self, path: Path, content: bytes) -> None:
        for state in State:
            for other in (b"Q" * len(state), b"\xff" * len(state)):
                turned = content[:PAGE] + content[PAGE:].replace(state.encode(), other)
                assert self.check(path, turned) == "it is damaged"

    def test_in_what_is_in_doubt(self, path: Path, content: bytes) -> None:
        """Or it would be sent once more, by its right name."""
        table, index, rest = content.split(b"case 11")
        for names in ((b"case 12", b"case 11"), (b"case 11", b"case 12")):
            turned = table + names[0] + index + names[1] + rest
            assert self.check(path, turned) == "it is damaged"

    async def test_is_no_matter_to_who_comes_when_it_is_mended(
        self, path: Path, content: bytes
    ) -> None:
        path.write_bytes(content[: len(content) // 2])
        assert await refused(path) == "it is damaged"
        path.write_bytes(content)
        assert await refused(path) == "none"


class TestCrash:
    def test_a_run_that_has_begun_is_known(self, path: Path) -> None:
        killed(path, BEGIN.format(then='tell("begun"); await asyncio.sleep(60)'))
        assert read_journal(path).runs == 1

    async def test_what_was_sent_is_in_doubt(self, path: Path) -> None:
        then = """
        sent = await journal.admit(Task("sent"), 1)
        await journal.send(sent.identity, "its words", 1001.0)
        tell(sent.identity)
        await asyncio.sleep(60)
        """
        assert killed(path, BEGIN.format(then=then)) == ["reference sent"]
        assert path.with_name("run.journal-wal").exists()
        state = read_journal(path)
        assert (state.runs, state.counts[State.SENT]) == (1, 1)
        journal = Journal(path, URL)
        past = await journal.begin_run(fingerprint, 2000.0)
        doubt = Doubt(began=1001.0, ended=2000.0, words="its words", was_judged=False)
        assert past.doubts == [doubt]
        assert (await journal.admit(Task("sent"), 1)).doubt == doubt
        await journal.close()

    async def test_what_was_being_refused_is_recovered_afterwards(self, path: Path) -> None:
        then = """
        await journal.send((await journal.admit(Task("sent"), 1)).identity, "words", 1001.0)
        tell("sent")
        await asyncio.sleep(60)
        """
        killed(path, BEGIN.format(then=then))
        assert (await refused(path, "https://other.test/v1")).startswith("it is the journal of")
        assert read_journal(path).counts[State.SENT] == 1

    @pytest.mark.parametrize("count", [1, 7, 30])
    async def test_while_one_is_made(self, tmp_path: Path, count: int) -> None:
        code = """
            from vpsbg_async.bulk.journal import _opened

            for number in range(1000):
                _opened(path / f"{number}", URL).close()
                tell(number)
        """
        killed(tmp_path, code, after=count)
        made = {file.name.partition("-")[0] for file in tmp_path.iterdir()}
        assert len(made) >= count
        for name in made:
            assert await refused(tmp_path / name) == "none"

    @pytest.mark.parametrize("size", [0, PAGE, None])
    async def test_before_all_of_it_was_written(self, path: Path, size: int | None) -> None:
        await (await begun(path)).close()
        path.write_bytes(path.read_bytes()[:size])
        Path(f"{path}-journal").write_bytes(hot_journal(0))
        assert await refused(path) == "none"
        assert read_journal(path).runs == 1

    async def test_that_is_met_by_who_only_reads(self, path: Path) -> None:
        await (await begun(path)).close()
        Path(f"{path}-journal").write_bytes(hot_journal(0))
        assert refusal(path) == MISSING
        assert await refused(path) == "none"

    async def test_before_it_was_given_its_mode(self, path: Path) -> None:
        await filled(path)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
        assert await refused(path) == "none"

    async def test_of_which_only_the_log_is_left(self, path: Path) -> None:
        """Whoever deletes a journal may overlook what lies beside it."""
        journal = await begun(path)
        await journal.send((await journal.admit(Task("sent"), 1)).identity, "words", 1001.0)
        log = Path(f"{path}-wal").read_bytes()
        await journal.close()
        path.unlink()
        Path(f"{path}-wal").write_bytes(log)
        assert await refused(path) == "none"
        assert read_journal(path).counts == dict.fromkeys(State, 0)

    def test_however_often_nothing_is_created_twice_or_lost(self, tmp_path: Path) -> None:
        """By runs of six at a time, beside a file that is the server."""
        server = tmp_path / "server"
        server.touch()
        lines: list[str] = []
        for after in (2, 17, 40, 3, 61):
            lines += killed(tmp_path / "journal", SHOP, after=after)
        with child(tmp_path / "journal", SHOP) as process:
            told, _ = process.communicate(timeout=PATIENCE)
        assert told.splitlines()[-1] == "done"
        created = server.read_text().split()
        assert sorted(created, key=int) == [str(number) for number in range(200)]
        assert read_journal(tmp_path / "journal").counts[State.CREATED] == 200


SHOP = """
    server = path.with_name("server")

    async def treat(journal, number):
        admission = await journal.admit(Task(f"{number}"), number)
        if admission.verdict is Verdict.SKIP:
            return
        assert admission.verdict in (Verdict.SEND, Verdict.RESUME), admission
        is_there = admission.doubt is not None and f"{number}" in server.read_text().split()
        if not is_there:
            if admission.doubt is not None:
                journal.settle(admission.identity, State.NEW, 1001.0)
            await journal.send(admission.identity, "words", 1001.0)
            with server.open("a") as file:
                file.write(f"{number}\\n")
        tell(number)
        journal.settle(admission.identity, State.CREATED, 1002.0, ticket=number + 1)

    async def serve(journal, numbers):
        for number in numbers:
            await treat(journal, number)

    async def main():
        journal = await begun(path)
        numbers = iter(range(200))
        await asyncio.gather(*(serve(journal, numbers) for _ in range(6)))
        await journal.close()
        tell("done")

    asyncio.run(main())
"""
