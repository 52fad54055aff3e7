"""Each recipe with its real library: what users send becomes tickets, or they are told why not."""

from __future__ import annotations

import asyncio
import logging
import re

import pytest

from vpsbg_async import Attachment, Limits
from vpsbg_async.sandbox import Fault, Listing
from vpsbg_async.sandbox.store import StoredTicket
from vpsbg_async.testing import Clock, FakeTransport, Reply

from .chats import STRANGER, Telegram
from .conftest import Bench
from .files import File, Way

WHOLE = (Way.PLAIN, Way.CHUNKED, Way.GZIP, Way.UNTOLD)
NO_TICKET = "so no ticket was opened."
NOT_PASSED_ON = f"I could not pass your files on, {NO_TICKET} Please send it again later."
HOSTILE = (
    "../../etc/passwd",
    "C:\\Windows\\system.ini",
    "invoice\u202egnp.exe",
    "\u200f\u2067\u05d7\u05e9\u05d1\u05d5\u05df.pdf",
    'a"; filename="b.php',
    "line\r\nContent-Type: text/html\r\n\r\n<b>.txt",
    "x" * 300 + ".txt",
)


def files_of(ticket: StoredTicket) -> list[tuple[str, str]]:
    """The names and checksums of a ticket's files."""
    return [(file.name, file.sha256) for file in ticket.messages[0].attachments]


async def test_what_is_sent_is_what_arrives(bench: Bench) -> None:
    """However the chat gives it out; and the words of a user are no HTML."""
    async with bench.working() as chat:
        for number, way in enumerate(WHOLE):
            file = File(f"{way}.txt", way=way)
            chat.say(file, text="It is\n<b>broken</b> & smells")
            word = await chat.word(number)
            ticket = bench.sandbox.tickets[-1]
            assert word == f"Ticket {ticket.id} is open."
            assert files_of(ticket) == [(f"{way}.txt", file.sha256)]
            assert ticket.subject == "From a bot: It is <b>broken</b> & smells"
            content = ticket.messages[0].content
            assert content.startswith("<p>It is\n&lt;b&gt;broken&lt;/b&gt; &amp; smells</p>")


async def test_several_files_are_one_ticket(bench: Bench) -> None:
    """In their order, whose downloads differ; and nothing of another album gets in."""
    async with bench.working() as chat:
        albums = [[File(f"{number}-{way}.bin", way=way) for way in WHOLE] for number in range(2)]
        for album in albums:
            chat.say(*album)
        for number in range(2):
            assert re.fullmatch(r"Ticket \d+ is open\.", await chat.word(number))
    found = sorted(files_of(ticket) for ticket in bench.sandbox.tickets)
    assert found == [[(str(file.name), file.sha256) for file in album] for album in albums]


async def test_hostile_names(bench: Bench) -> None:
    """They are sent as the SDK makes them, and one that is missing is made up."""
    names = (*HOSTILE, "", " \t", *((None,) if bench.library.chat is Telegram else ()))
    async with bench.working() as chat:
        chat.say(*[File(name, b"%d" % index) for index, name in enumerate(names)])
        assert await chat.word() == "Ticket 216 is open."
    (ticket,) = bench.sandbox.tickets
    sent = [name for name, _ in files_of(ticket)]
    assert sent[:2] == ["passwd", "system.ini"]
    assert sent[: len(HOSTILE)] == [Attachment.from_bytes(b"", name=name).name for name in HOSTILE]
    made_up = r"file_\d+\.jpg" if bench.library.chat is Telegram else "file"
    assert all(re.fullmatch(made_up, name) for name in sent[len(HOSTILE) :])
    contents = [file.path.read_bytes() for file in ticket.messages[0].attachments]
    assert contents == [b"%d" % index for index in range(len(names))]


async def test_a_download_that_fails(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """There is no ticket, and the user is told; the log has why, and no secret."""
    failing = [[File(way=Way.GONE)], [File(), File(way=Way.CUT)]]
    if bench.library.chat is Telegram:
        failing.append([File(is_refused=True)])
    async with bench.working() as chat:
        for number, files in enumerate(failing):
            chat.say(*files)
            assert await chat.word(number) == NOT_PASSED_ON
    assert bench.sandbox.tickets == ()
    told = [record for record in caplog.records if record.name == "root"]
    assert len(told) == len(failing)
    text = "".join(logging.Formatter().format(record) for record in told)
    assert bench.desk.TOKEN not in text
    assert bench.sandbox.api_key not in text


@pytest.mark.parametrize("refuses_edits", [False, True], ids=["shown", "refused"])
async def test_progress(bench: Bench, *, refuses_edits: bool) -> None:
    """It is told meanwhile; that it cannot be does no harm."""
    file = File(content=bytes(600_000), way=Way.HELD)
    async with bench.working() as chat:
        chat.refuses_edits = refuses_edits
        chat.say(file)
        if refuses_edits:
            await asyncio.wait_for(chat.has_refused.wait(), 20)
        else:
            assert re.fullmatch(r"0\.\d MB are there …", await chat.word(on_the_way="MB"))
        file.released.set()
        assert await chat.word() == "Ticket 216 is open."
    (said,) = chat.notes.values()
    assert said[0] == "One moment …"
    assert (len(said) == 2) == refuses_edits


async def test_a_refusal(bench: Bench) -> None:
    """Its reason is told."""
    body = {"message": "No.", "errors": {"attachments.0": ["The file is too large."]}}
    transport = FakeTransport(Reply(422, json=body))
    async with bench.working(transport=transport) as chat:
        chat.say(File())
        word = await chat.word()
        assert word == f"Support did not take it, {NO_TICKET} The file is too large."


async def test_a_key_that_may_not_write(bench: Bench) -> None:
    """Is not what a user of the bot has to know of."""
    async with bench.working(api_key=bench.sandbox.read_key) as chat:
        chat.say(File())
        word = await chat.word()
        assert word == f"Support did not take it, {NO_TICKET} Please send it again later."
    assert bench.sandbox.tickets == ()


async def test_a_limit(bench: Bench) -> None:
    """Of the bot's own."""
    async with bench.working(limits=Limits(max_file_size=10)) as chat:
        chat.say(File("log.txt", bytes(11)))
        assert await chat.word() == (
            f"I could not pass your files on, {NO_TICKET} log.txt: 11 bytes are more than 10"
        )


async def test_a_lost_answer_is_looked_for(bench: Bench) -> None:
    """The ticket is found, and there is no other."""
    bench.sandbox.faults.add(Fault.ERROR_504_AFTER)
    async with bench.working() as chat:
        chat.say(File())
        assert await chat.word() == "Ticket 216 is open."
    assert len(bench.sandbox.tickets) == 1


async def test_what_nobody_can_tell(bench: Bench) -> None:
    """The user is told not to send it again, and what to ask for, which the ticket holds."""
    bench.sandbox.listing = Listing.MISSING
    bench.sandbox.faults.add(Fault.DROP_AFTER_PROCESSING, None, Fault.HALF_ANSWER)
    async with bench.working() as chat:
        for number, begin in enumerate(("A ticket may be open", "A ticket was opened")):
            chat.say(File())
            word = await chat.word(number)
            assert word.startswith(begin)
            reference = word.removesuffix(".").rpartition(" ")[2]
            assert f"[ref {reference}]" in bench.sandbox.tickets[number].messages[0].content


async def test_a_deadline(bench: Bench) -> None:
    """Before all was sent there is no ticket, after that there may be one."""
    bench.desk.DEADLINE = 0.3
    bench.sandbox.listing = Listing.MISSING
    bench.sandbox.faults.add(Fault.STALL_ON_READ, Fault.STALL_ON_WRITE)
    async with bench.working(clock=Clock()) as chat:
        chat.say(File(content=bytes(8_000_000)))
        assert await chat.word() == NOT_PASSED_ON
        chat.say(File())
        assert (await chat.word(1)).startswith("A ticket may be open.")


async def test_who_and_what_is_not_answered(bench: Bench) -> None:
    """A stranger, a message without files, and one whose text is changed later."""
    async with bench.working() as chat:
        chat.say(File(), user=STRANGER)
        if isinstance(chat, Telegram):
            chat.edit(File())
        chat.say()
        chat.say(File())
        assert await chat.word() == "Ticket 216 is open."
    assert len(chat.notes) == len(bench.sandbox.tickets) == 1


async def test_many_at_once(bench: Bench) -> None:
    """Each is told of its own ticket."""
    async with bench.working() as chat:
        files = [File(f"{number}.bin") for number in range(10)]
        for number, file in enumerate(files):
            chat.say(file, text=f"Number {number}")
        told = [await chat.word(number) for number in range(10)]
    assert sorted(told) == [f"Ticket {216 + number} is open." for number in range(10)]
    found = sorted(file for ticket in bench.sandbox.tickets for file in files_of(ticket))
    assert found == [(str(file.name), file.sha256) for file in files]
