"""Ctrl-C and SIGTERM, sent to the command as a process."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from vpsbg_async.cli import output
from vpsbg_async.sandbox import Fault, Sandbox

from ..peers import ScriptedServer
from ..terminal import COMMAND, Ran, Run, environment
from .support import Table, report_in, subjects

STOPS = "vpsbg: stops when what is under way is done; Ctrl-C again breaks that off\n"
BREAKS = "vpsbg: breaks off what is under way\n"
ONE = ("--concurrency", "1")


class Process:
    """An import that is running.

    Attributes:
        told: What it has written to stderr so far.
    """

    def __init__(self, *argv: object) -> None:
        self.told = ""
        self._process = subprocess.Popen(
            [*COMMAND, "tickets", "import", *map(str, argv)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            # What is broken off in mid-request aiohttp leaves to the end of the process.
            env=environment() | {"PYTHONWARNINGS": ""},
        )

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait_for(self, line: str) -> None:
        """Wait until it has told a line."""
        assert self._process.stderr is not None
        while not self.told.endswith(line):
            told = self._process.stderr.readline()
            assert told, f"it ended, and told {self.told!r}"
            self.told += told

    def ended(self) -> Ran:
        out, err = self._process.communicate(timeout=20)
        return Ran(self._process.returncode, out, self.told + err)

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def started(*argv: object) -> Iterator[Process]:
    process = Process(*argv)
    try:
        yield process
    finally:
        process.kill()


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.005)


class Held:
    """Holds the answer to a request until it is let go."""

    def __init__(self, server: ScriptedServer, number: int) -> None:
        self.reached, self.released = threading.Event(), threading.Event()

        def answer() -> None:
            server.answer = {"id": len(server.bodies)}
            if len(server.bodies) == number:
                self.reached.set()
                assert self.released.wait(20)

        server.when_read = answer


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_once_it_finishes_what_is_under_way(
    process: Run, server: ScriptedServer, table: Table, number: signal.Signals
) -> None:
    held = Held(server, 3)  # the second ticket
    table.fill(5)
    with started(table.path, *ONE, "--report", "r.jsonl") as running:
        assert held.reached.wait(20)
        running.send(number)
        running.wait_for(STOPS)
        held.released.set()
        ran = running.ended()
    assert ran.code == 3
    assert ran.err == f"{STOPS}vpsbg: stopped: it was asked to stop\n"
    rows = [line.split() for line in ran.out.splitlines()]
    assert ["created", "2"] in rows
    assert ["not", "sent", "3"] in rows
    assert "To go on, run the same command again: what was created is skipped, what" in ran.out
    assert [row["ticket_id"] for row in report_in(Path("r.jsonl"))] == [2, 3]
    ran = process("tickets", "import", table.path, "--json")
    assert (ran.code, ran.err) == (0, "")
    told = json.loads(ran.out)
    assert (told["created"], told["skipped"]) == (3, 2)
    assert sorted(body.count(b"Case") for body in server.bodies) == [0, 0, 1, 1, 1, 1, 1]


def test_once_it_stops_all_that_it_does_is_what_was_left(
    server: ScriptedServer, table: Table
) -> None:
    held = Held(server, 3)
    table.fill(2)
    with started(table.path, *ONE) as running:
        assert held.reached.wait(20)
        running.send(signal.SIGINT)
        running.wait_for(STOPS)
        held.released.set()
        ran = running.ended()
    assert (ran.code, ran.err) == (0, STOPS)  # it was the last row


def test_twice_it_breaks_off(process: Run, sandbox: Sandbox, table: Table) -> None:
    sandbox.faults.add(None, None, Fault.STALL_ON_WRITE)
    table.fill(5)
    with started(table.path, *ONE, "--report", "r.csv") as running:
        wait_until(lambda: len(sandbox.tickets) == 2)
        running.send(signal.SIGINT)
        running.wait_for(STOPS)
        running.send(signal.SIGINT)
        running.wait_for(BREAKS)
        ran = running.ended()
    assert ran.code == 3
    assert ran.err == f"{STOPS}{BREAKS}vpsbg: stopped: it was broken off\n"
    rows = [line.split() for line in ran.out.splitlines()]
    assert ["created", "1"] in rows
    assert ["broken", "off", "1"] in rows
    assert ["not", "sent", "3"] in rows
    assert "what is unknown or was broken off is looked for" in ran.out
    assert [row["reference"] for row in report_in(Path("r.csv"))] == ["c1"]
    ran = process("tickets", "journal", table.journal)
    assert ran.code == 0
    assert [line.split()[:3] for line in ran.out.splitlines() if " c2 " in line] == [
        ["2", "c2", "in"]
    ]
    assert process("tickets", "import", table.path).code == 0
    assert subjects(sandbox) == [f"Case {number}" for number in range(1, 6)]


def test_twice_without_a_journal_it_says_what_may_exist(sandbox: Sandbox, table: Table) -> None:
    sandbox.faults.add(None, None, Fault.STALL_ON_WRITE)
    table.fill(3)
    with started(table.path, *ONE, "--no-journal", "--json") as running:
        wait_until(lambda: len(sandbox.tickets) == 2)
        running.send(signal.SIGTERM)
        running.wait_for('"}\n')
        running.send(signal.SIGTERM)  # is no second Ctrl-C
        running.send(signal.SIGINT)
        ran = running.ended()
    assert ran.code == 3
    assert [*map(json.loads, ran.err.splitlines())] == [
        {"note": STOPS.removeprefix("vpsbg: ").rstrip()},
        {"note": BREAKS.removeprefix("vpsbg: ").rstrip()},
        {"error": "stopped: it was broken off"},
    ]
    told = json.loads(ran.out)
    assert (told["created"], told["broken_off"], told["not_sent"]) == (1, 1, 1)


def test_once_inside_a_program(run: Run, server: ScriptedServer, table: Table) -> None:
    def interrupt() -> None:
        server.answer = {"id": len(server.bodies)}
        if len(server.bodies) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    server.when_read = interrupt
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    table.fill(5)
    ran = run("tickets", "import", table.path, *ONE)
    assert (ran.code, ran.err.startswith(STOPS)) == (3, True)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert ["created", "2"] in [line.split() for line in ran.out.splitlines()]


@pytest.mark.parametrize("requests", [1, 3])
def test_more_than_once_inside_a_program(
    run: Run,
    server: ScriptedServer,
    table: Table,
    monkeypatch: pytest.MonkeyPatch,
    requests: int,
) -> None:
    told: list[str] = []
    ended = threading.Event()
    tell = output.tell

    def note(kind: Any, text: str, **facts: Any) -> None:
        tell(kind, text, **facts)
        told.append(text)

    def interrupt() -> None:
        server.answer = {"id": len(server.bodies)}
        if len(server.bodies) == requests:
            os.kill(os.getpid(), signal.SIGTERM)
            wait_until(lambda: told)
            os.kill(os.getpid(), signal.SIGINT)
            wait_until(lambda: len(told) > 1)
            assert ended.wait(20)

    monkeypatch.setattr(output, "tell", note)
    server.when_read = interrupt
    table.fill(5)
    ran = run("tickets", "import", table.path, *ONE)
    ended.set()
    assert (ran.code, ran.err.startswith(STOPS + BREAKS)) == (3, True)
    rows = [line.split() for line in ran.out.splitlines()]
    assert (["broken", "off", "1"] in rows) == (requests == 3)
    assert len(server.bodies) == requests


def test_before_the_first_is_sent(server: ScriptedServer, table: Table) -> None:
    held = Held(server, 1)  # the look whether the key is accepted
    table.fill(3)
    with started(table.path) as running:
        assert held.reached.wait(20)
        running.send(signal.SIGINT)
        running.wait_for(STOPS)
        running.send(signal.SIGINT)
        ran = running.ended()
        held.released.set()
    assert ran.code == 3
    rows = [line.split() for line in ran.out.splitlines()]
    assert ["created", "0"] in rows
    assert ["not", "sent", "3"] in rows
    assert len(server.bodies) == 1


@pytest.mark.usefixtures("_ctrl_c_works")
def test_while_it_is_read_it_is_as_everywhere(server: ScriptedServer, tmp_path: Path) -> None:
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    with started(fifo, "--format", "csv") as running, fifo.open("wb"):  # opens when it reads
        running.send(signal.SIGINT)
        ran = running.ended()
    assert (ran.code, ran.out, ran.err) == (130, "", "vpsbg: interrupted\n")


def test_killed_it_can_go_on(process: Run, sandbox: Sandbox, table: Table) -> None:
    sandbox.faults.add(None, None, Fault.STALL_ON_WRITE)
    table.fill(4)
    with started(table.path, *ONE) as running:
        wait_until(lambda: len(sandbox.tickets) == 2)
        running.send(signal.SIGKILL)
        assert running.ended().code == -signal.SIGKILL
    ran = process("tickets", "import", table.path)
    assert (ran.code, ran.err) == (0, "")
    assert subjects(sandbox) == [f"Case {number}" for number in range(1, 5)]


@pytest.mark.parametrize(
    ("row", "code"), [({}, 0), ({"service_type": "boat"}, 1), ({"subject": "No"}, 2)]
)
def test_a_process_ends_with_the_code(
    process: Run, sandbox: Sandbox, table: Table, row: dict[str, str], code: int
) -> None:
    table.write(row)
    ran = process("tickets", "import", table.path)
    assert ran.code == code, ran.err
    assert "\x1b" not in ran.out + ran.err
    assert "Traceback" not in ran.err
