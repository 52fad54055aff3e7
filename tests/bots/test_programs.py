"""Each recipe as the program that it is: in flat memory, without the disk, and to a clean end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from vpsbg_async.sandbox import Sandbox

from .chats import TOKEN, USER, Chat
from .files import File, Way
from .recipes import FOLDER, Library

MIB = 1024 * 1024
LARGE = 20 * MIB
END = 20.0  # seconds until a program has ended
LINUX_ONLY = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks into /proc")

# Tells in the end which files were opened to be written, and of each transport whether its
# connections were lent.
BEGIN = """
import atexit, os, sys
from vpsbg_async import AiohttpTransport
opened, lent, make = [], [], AiohttpTransport.__init__
def look(event, facts):
    if event == "open" and isinstance(facts[0], str) and facts[2] & (os.O_WRONLY | os.O_RDWR):
        opened.append(facts[0])
def note(self, *, session=None):
    lent.append(session is not None)
    make(self, session=session)
AiohttpTransport.__init__ = note
sys.addaudithook(look)
sys.path.insert(0, "")
atexit.register(lambda: print(opened, lent))
"""


def peak_mib(process: Process) -> float:
    """Its resident memory at its highest so far, in MiB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    (line,) = (row for row in status.splitlines() if row.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


@asynccontextmanager
async def started(library: Library, chat: Chat, sandbox: Sandbox) -> AsyncIterator[Process]:
    """The program of a recipe, in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-B", "-W", "default", "-c"),
        *(BEGIN + library.program, chat.url),
        cwd=FOLDER,
        env=os.environ
        | {
            "BOT_TOKEN": TOKEN,
            "BOT_USERS": str(USER),
            "VPSBG_API_KEY": sandbox.api_key,
            "VPSBG_BASE_URL": sandbox.url,
        },
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@LINUX_ONLY
async def test_program(library: Library, sandbox: Sandbox) -> None:
    """From its start to its end, which waits for what is under way."""
    chat = library.chat()
    warm = File("warm.bin", os.urandom(2 * MIB))
    large = File("large.bin", os.urandom(LARGE), Way.CHUNKED)
    last = File("last.bin", os.urandom(MIB), Way.HELD)
    async with chat.running(), started(library, chat, sandbox) as process:
        chat.say(warm)
        assert await chat.word() == "Ticket 216 is open."
        before = peak_mib(process)
        chat.say(large)
        assert await chat.word(1) == "Ticket 217 is open."
        grown = peak_mib(process) - before
        chat.say(last)
        await chat.word(2, on_the_way="One moment")
        await asyncio.sleep(0.2)  # for its download to begin
        process.send_signal(signal.SIGINT)
        await asyncio.sleep(0.2)
        last.released.set()
        async with asyncio.timeout(END):
            out, err = await process.communicate()
    assert await chat.word(2) == "Ticket 218 is open."
    stored = [ticket.messages[0].attachments[0].sha256 for ticket in sandbox.tickets]
    assert stored == [file.sha256 for file in (warm, large, last)]
    assert grown < 8, f"{grown} MiB for a file of {LARGE // MIB}"
    assert (process.returncode, out.decode()) == (0, f"[] [{library.lends}]\n"), err.decode()
    for complaint in ("Traceback", "Unclosed", "never", "ResourceWarning"):
        assert complaint not in err.decode(), err.decode()
