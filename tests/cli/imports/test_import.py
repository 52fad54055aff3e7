"""``vpsbg tickets import``: what it sends, and how it ends."""

import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from vpsbg_async import JournalError
from vpsbg_async.bulk.journal import Journal
from vpsbg_async.sandbox import Drift, Fault, Sandbox

from ..peers import ScriptedServer, running_sandbox
from ..terminal import Run
from .support import IMPORT, REFUSED, Table, report_in, requests, subjects


class TestSending:
    def test_all_of_it(self, run: Run, sandbox: Sandbox, table: Table) -> None:
        files = {name: name.encode() * 10_000 for name in ("снимка.png", "log.txt")}
        for name, data in files.items():
            (table.path.parent / name).write_bytes(data)
        table.write(
            {"subject": "Сървърът", "attachments": "снимка.png; log.txt"},
            {"message": "<p>Two</p>", "service_type": "server", "reference": ""},
        )
        ran = run(*IMPORT, table.path)
        assert (ran.code, ran.err) == (0, "")
        first, second = sorted(sandbox.tickets, key=lambda ticket: -len(ticket.subject))
        assert (first.subject, first.department_id) == ("Сървърът", 2)
        assert [(file.name, file.sha256) for file in first.messages[0].attachments] == [
            (name, hashlib.sha256(data).hexdigest()) for name, data in files.items()
        ]
        assert (second.messages[0].content, second.service_type) == ("<p>Two</p>", "server")
        lines = [line.split() for line in ran.out.splitlines()]
        assert lines[0][:3] == [f"{table.path}:", "2", "rows,"]
        assert ["created", "2"] in lines
        assert "To go on" not in ran.out
        assert table.journal.exists()

    def test_again_it_skips_what_is_there(self, run: Run, sandbox: Sandbox, table: Table) -> None:
        table.fill(2)
        assert run(*IMPORT, table.path).code == 0
        posts = requests(sandbox)["POST"]
        table.fill(3)
        ran = run(*IMPORT, table.path)
        assert ran.code == 0
        rows = [line.split() for line in ran.out.splitlines()]
        assert ["created", "1"] in rows
        assert ["skipped", "2"] in rows
        assert f"as {table.journal} tells" in ran.out
        assert "--no-journal" in ran.out
        assert requests(sandbox)["POST"] == posts + 1
        assert subjects(sandbox) == ["Case 1", "Case 2", "Case 3"]

    def test_without_a_journal_nothing_is_remembered(
        self, run: Run, sandbox: Sandbox, table: Table
    ) -> None:
        table.fill(1)
        for _ in range(2):
            assert run(*IMPORT, table.path, "--no-journal").code == 0
        assert subjects(sandbox) == ["Case 1", "Case 1"]
        assert sorted(table.path.parent.iterdir()) == [table.path, Path.cwd()]

    def test_a_journal_elsewhere(self, run: Run, sandbox: Sandbox, table: Table) -> None:
        table.fill(1)
        for _ in range(2):
            assert run(*IMPORT, table.path, "--journal", "mine").code == 0
        assert subjects(sandbox) == ["Case 1"]
        assert [path.name for path in Path.cwd().iterdir()] == ["mine"]
        assert not table.journal.exists()

    def test_standard_input(
        self, run: Run, sandbox: Sandbox, table: Table, stdin: Callable[[bytes], None]
    ) -> None:
        Path("log.txt").write_text("in the working directory")
        table.write({"attachments": "log.txt"})
        stdin(table.path.read_bytes())
        ran = run(*IMPORT, "-")
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith("standard input: 1 rows")
        (ticket,) = sandbox.tickets
        assert [file.name for file in ticket.messages[0].attachments] == ["log.txt"]
        assert [path.name for path in Path.cwd().iterdir()] == ["log.txt"]

    def test_standard_input_with_a_journal(
        self, run: Run, sandbox: Sandbox, table: Table, stdin: Callable[[bytes], None]
    ) -> None:
        table.fill(2)
        for _ in range(2):
            stdin(table.path.read_bytes())
            assert run(*IMPORT, "-", "--journal", "mine").code == 0
        assert subjects(sandbox) == ["Case 1", "Case 2"]

    @pytest.mark.parametrize("ending", ["jsonl", "dat"])
    def test_another_format(self, run: Run, sandbox: Sandbox, table: Table, ending: str) -> None:
        path = table.path.with_suffix(f".{ending}")
        path.write_text(json.dumps({"department_id": 2, "subject": "Case", "message": "Good day"}))
        told = [] if ending == "jsonl" else ["--format", "jsonl"]
        assert run(*IMPORT, path, *told).code == 0
        assert subjects(sandbox) == ["Case"]

    def test_a_folder_for_attachments(self, run: Run, sandbox: Sandbox, table: Table) -> None:
        Path("files").mkdir()
        Path("files/log.txt").write_text("text")
        table.write({"attachments": "log.txt"})
        before = Path.cwd()
        options = ("--attachments-dir", "files", "--report", "r.csv", "--journal", "mine")
        assert run(*IMPORT, table.path, *options).code == 0
        assert Path.cwd() == before
        assert {path.name for path in before.iterdir()} == {"files", "r.csv", "mine"}
        assert [path.name for path in Path("files").iterdir()] == ["log.txt"]
        # The same paths, so the same rows, wherever it is called from.
        assert run(*IMPORT, table.path, *options).code == 0
        assert len(sandbox.tickets) == 1

    def test_markers(self, run: Run, sandbox: Sandbox, table: Table) -> None:
        table.fill(2)
        assert run(*IMPORT, table.path, "--reference-marker").code == 0
        contents = {ticket.messages[0].content for ticket in sandbox.tickets}
        assert all("[ref " in content for content in contents)
        assert len(contents) == 2

    def test_one_at_a_time(self, run: Run, sandbox: Sandbox, table: Table) -> None:
        table.fill(4)
        assert run(*IMPORT, table.path, "--concurrency", "1").code == 0
        assert [ticket.subject for ticket in sandbox.tickets] == subjects(sandbox)

    @pytest.mark.parametrize("also", [(), ("--journal", "mine")])
    def test_into_a_sandbox(self, run: Run, table: Table, also: tuple[str, ...]) -> None:
        table.fill(2)
        ran = run(*IMPORT, table.path, "--sandbox", *also)  # without a key
        assert (ran.code, ran.err) == (0, "")
        assert ["created", "2"] in [line.split() for line in ran.out.splitlines()]
        assert "They went to a sandbox, which is gone by now." in ran.out
        assert not table.journal.exists()
        assert Path("mine").exists() is bool(also)

    def test_the_environment_is_not_called_with_a_sandbox(
        self, run: Run, sandbox: Sandbox, table: Table
    ) -> None:
        table.fill(1)
        ran = run(*IMPORT, table.path, "--sandbox", "--json")
        assert ran.code == 0
        assert json.loads(ran.out)["sandbox"] is True
        assert not sandbox.faults.met


class TestEnding:
    def test_rejected_is_1(self, run: Run, sandbox: Sandbox, table: Table) -> None:
        table.write({}, REFUSED, {})
        ran = run(*IMPORT, table.path)
        assert ran.code == 1
        (line,) = [line for line in ran.out.splitlines() if line.startswith("row ")]
        assert line.startswith("row 2 (c2) rejected: POST /support/tickets: answered 422")
        assert "service" in line
        assert f"vpsbg: {line}\n" == ran.err
        assert "what was rejected or not sent is sent" in ran.out
        assert "Correct what was rejected" in ran.out
        assert "unknown" not in ran.out
        table.write({}, {}, {})
        ran = run(*IMPORT, table.path)
        assert ran.code == 0
        assert subjects(sandbox) == ["Case 1", "Case 2", "Case 3"]

    def test_unknown_is_2(self, run: Run, sandbox: Sandbox, table: Table) -> None:
        sandbox.faults.add(None, Fault.DROP_AFTER_PROCESSING)
        table.write({"service_type": "server"}, REFUSED)
        ran = run(*IMPORT, table.path, "--no-reconcile", "--concurrency", "1")
        assert ran.code == 2
        lines = [line for line in ran.out.splitlines() if line.startswith("row ")]
        assert lines[0].startswith("row 1 (c1) unknown: POST /support/tickets: ")
        assert lines[1].startswith("row 2 (c2) rejected: ")
        assert "is looked for if you leave out --no-reconcile" in ran.out
        table.write({"service_type": "server"}, {})
        ran = run(*IMPORT, table.path)
        assert ran.code == 0
        assert subjects(sandbox) == ["Case 1", "Case 2"]

    def test_what_is_unknown_is_looked_for(self, run: Run, sandbox: Sandbox, table: Table) -> None:
        sandbox.faults.add(None, Fault.DROP_AFTER_PROCESSING)
        table.fill(3)
        ran = run(*IMPORT, table.path)
        assert (ran.code, ran.err) == (0, "")
        assert subjects(sandbox) == ["Case 1", "Case 2", "Case 3"]

    def test_a_key_that_is_withdrawn_is_3(
        self, run: Run, server: ScriptedServer, table: Table
    ) -> None:
        def withdraw() -> None:
            server.answer = {"id": len(server.bodies), "data": []}
            if len(server.bodies) > 3:
                server.status, server.answer = 401, {"message": "Unauthenticated."}

        server.when_read = withdraw
        table.fill(5)
        ran = run(*IMPORT, table.path, "--concurrency", "1", "--report", "r.csv")
        assert ran.code == 3
        assert ran.err.startswith("vpsbg: stopped: POST /support/tickets: answered")
        assert "401" in ran.err
        rows = [line.split() for line in ran.out.splitlines()]
        assert ["created", "2"] in rows
        assert ["not", "sent", "3"] in rows
        assert "To go on, run the same command again" in ran.out
        assert [row["position"] for row in report_in(Path("r.csv"))] == ["1", "2"]
        server.when_read = lambda: setattr(server, "answer", {"id": len(server.bodies)})
        server.status = 201
        assert run(*IMPORT, table.path).code == 0
        assert len([body for body in server.bodies if b"Case 1" in body]) == 1

    @pytest.mark.parametrize(
        ("status", "told"), [(401, "check the API key"), (403, "a Read key may only read")]
    )
    def test_a_key_that_is_not_accepted_is_3(
        self, run: Run, server: ScriptedServer, table: Table, status: int, told: str
    ) -> None:
        server.status = status
        table.fill(2)
        ran = run(*IMPORT, table.path)
        assert (ran.code, ran.out) == (3, "")
        assert ran.err.startswith(f"vpsbg: GET /balance: answered {status}")
        assert told in ran.err
        assert ran.err.count("\n") == 1
        assert len(server.bodies) == 1

    def test_a_journal_that_cannot_be_written_any_more_is_3(
        self, run: Run, sandbox: Sandbox, table: Table, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        send = Journal.send

        async def fail(self: Journal, identity: str, words: str, now: float) -> None:
            if sandbox.tickets:
                raise JournalError("the disk is full")
            await send(self, identity, words, now)

        monkeypatch.setattr(Journal, "send", fail)
        table.fill(3)
        ran = run(*IMPORT, table.path, "--concurrency", "1")
        assert ran.code == 3
        assert ran.err.startswith("vpsbg: stopped: ")
        assert ran.err.endswith("the disk is full\n")
        rows = [line.split() for line in ran.out.splitlines()]
        for row in (["created", "1"], ["broken", "off", "1"], ["not", "sent", "1"]):
            assert row in rows

    def test_a_journal_of_which_the_last_cannot_be_written_is_3(
        self, run: Run, sandbox: Sandbox, table: Table, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        close = Journal.close

        async def fail(self: Journal) -> None:
            await close(self)
            raise JournalError("the disk is full")

        monkeypatch.setattr(Journal, "close", fail)
        table.fill(2)
        ran = run(*IMPORT, table.path)
        assert (ran.code, ran.err) == (3, "vpsbg: stopped: the disk is full\n")
        assert ["created", "2"] in [line.split() for line in ran.out.splitlines()]

    def test_the_journal_of_another_address_is_3(
        self, run: Run, sandbox: Sandbox, table: Table, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        table.fill(1)
        assert run(*IMPORT, table.path).code == 0
        with running_sandbox() as other:
            monkeypatch.setenv("VPSBG_BASE_URL", other.url)
            monkeypatch.setenv("VPSBG_API_KEY", other.api_key)
            ran = run(*IMPORT, table.path)
        assert (ran.code, ran.out) == (3, "")
        assert f"is the journal of {sandbox.url}" in ran.err
        assert not other.tickets

    def test_the_journal_of_another_key_is_3_unless_it_is_accepted(
        self, run: Run, server: ScriptedServer, table: Table, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.answer = {"id": 7}
        table.fill(1)
        assert run(*IMPORT, table.path).code == 0
        monkeypatch.setenv("VPSBG_API_KEY", "another")
        table.fill(2)
        ran = run(*IMPORT, table.path)
        assert (ran.code, ran.out) == (3, "")
        assert "another key" in ran.err
        assert "--accept-new-key" in ran.err
        assert "accept_new_key" not in ran.err
        assert run(*IMPORT, table.path, "--accept-new-key").code == 0

    def test_a_file_that_is_no_journal_is_3_and_stays(
        self, run: Run, sandbox: Sandbox, table: Table
    ) -> None:
        table.fill(1)
        Path("notes.txt").write_text("dear diary")
        ran = run(*IMPORT, table.path, "--journal", "notes.txt")
        assert (ran.code, ran.out) == (3, "")
        assert ran.err.endswith("notes.txt is no journal\n")
        assert Path("notes.txt").read_text() == "dear diary"
        assert not sandbox.tickets

    def test_nobody_there_is_3(
        self, run: Run, table: Table, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("VPSBG_API_KEY", "key")
        monkeypatch.setenv("VPSBG_BASE_URL", "http://127.0.0.1:1/v1")
        monkeypatch.setattr(random, "random", lambda: 0.0)  # no long waits between attempts
        table.fill(1)
        ran = run(*IMPORT, table.path, "--json")
        assert (ran.code, ran.out) == (3, "")
        error = json.loads(ran.err)
        assert (error["type"], error["outcome"]) == ("NotSentError", "not_sent")

    def test_an_input_that_changes_meanwhile_is_3(
        self, run: Run, server: ScriptedServer, table: Table
    ) -> None:
        def change() -> None:
            server.answer = {"id": len(server.bodies)}
            if len(server.bodies) == 2:
                with table.path.open("a") as file:
                    file.write("\n")

        server.when_read = change
        table.fill(3)
        ran = run(*IMPORT, table.path, "--concurrency", "1")
        assert ran.code == 3
        assert ran.err.endswith("cases.csv was changed since it was opened\n")
        assert ["created", "1"] in [line.split() for line in ran.out.splitlines()]

    def test_without_a_journal_there_is_no_way_to_go_on(
        self, run: Run, sandbox: Sandbox, table: Table
    ) -> None:
        sandbox.faults.add(None, Fault.DROP_AFTER_PROCESSING)
        table.write({"service_type": "server"}, REFUSED, {})
        options = ("--no-journal", "--no-reconcile", "--concurrency", "1")
        ran = run(*IMPORT, table.path, *options)
        assert ran.code == 2
        assert "would create again what was created" in ran.out
        assert "look in the client area" in ran.out
        assert "To go on" not in ran.out


def test_drift(run: Run, table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that tell less than documented are no reason to stop."""
    with running_sandbox(drift=[Drift.NO_DATE, Drift.NO_META]) as sandbox:
        monkeypatch.setenv("VPSBG_BASE_URL", sandbox.url)
        monkeypatch.setenv("VPSBG_API_KEY", sandbox.api_key)
        table.fill(2)
        assert run(*IMPORT, table.path).code == 0
        assert len(sandbox.tickets) == 2
