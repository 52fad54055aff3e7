"""``vpsbg tickets``, against the sandbox."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from vpsbg_async.sandbox import Sandbox

from .peers import ScriptedServer
from .terminal import CREATE, Run


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "снимка.png", tmp_path / "[red]log.txt"]
    for path in paths:
        path.write_bytes(path.name.encode() * 10_000)
    return paths


def _checksums(sandbox: Sandbox, message: int = 0) -> list[str]:
    return [file.sha256 for file in sandbox.tickets[0].messages[message].attachments]


def test_create(run: Run, sandbox: Sandbox, files: list[Path]) -> None:
    attached = [word for path in files for word in ("--attach", path)]
    ran = run(*CREATE, *attached, "--service-type", "server", "--service-id", "2747")
    assert (ran.code, ran.err) == (0, "")
    ticket = sandbox.tickets[0]
    assert (ticket.subject, ticket.department_id) == ("Hello", 2)
    assert (ticket.service_type, ticket.service_id) == ("server", 2747)
    assert ticket.messages[0].content == "Good day"
    assert _checksums(sandbox) == [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    lines = ran.out.splitlines()
    assert lines[0] == f"Ticket {ticket.id}  Hello"
    for path in files:
        line = next(line for line in lines if path.name in line)
        assert f"{path.stat().st_size:,}" in line


def test_create_without_files_shows_no_table(run: Run, sandbox: Sandbox) -> None:
    assert "Attachment" not in run(*CREATE).out


def test_an_answer_that_tells_little(run: Run, server: ScriptedServer) -> None:
    server.answer = {"id": 7}
    ran = run(*CREATE)
    assert (ran.code, ran.out, ran.err) == (0, "Ticket 7  (no subject)\n", "")


def test_create_as_json(run: Run, sandbox: Sandbox, files: list[Path]) -> None:
    ran = run(*CREATE, "--attach", files[0], "--json")
    assert (ran.code, ran.err) == (0, "")
    ticket = json.loads(ran.out)
    assert next(iter(ticket)) == "id"
    assert list(ticket)[-2:] == ["attachment_mismatches", "extra"]
    assert (ticket["id"], ticket["subject"]) == (sandbox.tickets[0].id, "Hello")
    assert ticket["attachment_mismatches"] == []
    assert datetime.fromisoformat(ticket["created_at"]).tzinfo is not None
    (file,) = ticket["messages"][0]["attachments"]
    assert (file["name"], file["size"]) == (files[0].name, files[0].stat().st_size)


def test_unknown_fields_are_in_the_json(run: Run, server: ScriptedServer) -> None:
    server.answer = {"id": 7, "priority": {"level": 3}}
    assert json.loads(run("tickets", "show", "7", "--json").out)["extra"] == {
        "priority": {"level": 3}
    }


def test_a_message_from_standard_input(
    run: Run, sandbox: Sandbox, stdin: Callable[[bytes], None]
) -> None:
    text = "--Здравейте,"
    stdin(text.encode())
    assert run(*CREATE[:-1], "-").code == 0
    assert sandbox.tickets[0].messages[0].content == text


def test_standard_input_that_is_no_text(run: Run, stdin: Callable[[bytes], None]) -> None:
    stdin(b"\xff\xfe\x00")
    ran = run(*CREATE[:-1], "-")
    assert (ran.code, ran.out) == (2, "")
    assert "--message" in ran.err
    assert "UTF-8" in ran.err


def test_a_message_may_begin_with_a_hyphen(run: Run, sandbox: Sandbox) -> None:
    assert run(*CREATE[:-1], "- the first point").code == 0
    assert sandbox.tickets[0].messages[0].content == "- the first point"


def test_a_forgotten_message_does_not_swallow_an_option(run: Run, sandbox: Sandbox) -> None:
    ran = run(*CREATE[:-1], "--json")
    assert ran.code == 2
    assert "looks like an option" in json.loads(ran.err)["error"]
    assert not sandbox.tickets


def test_all_problems_with_the_input_in_one_line(run: Run, sandbox: Sandbox) -> None:
    ran = run(
        *("tickets", "create", "--department", "0", "--subject", "x", "--message", "y"),
        *("--attach", "/nowhere/at all"),
    )
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
    for told in ("department_id", "subject", "message", "no such file: '/nowhere/at all'"):
        assert told in ran.err


def test_reply(run: Run, sandbox: Sandbox, files: list[Path]) -> None:
    run(*CREATE, "--attach", files[0])
    number = str(sandbox.tickets[0].id)
    ran = run("tickets", "reply", number, "--message", "Any news?", "--attach", files[1])
    assert (ran.code, ran.err) == (0, "")
    assert sandbox.tickets[0].messages[1].content == "Any news?"
    assert _checksums(sandbox, 1) == [hashlib.sha256(files[1].read_bytes()).hexdigest()]
    assert ran.out.startswith(f"Ticket {number}  Hello\n")
    assert files[1].name in ran.out
    assert files[0].name not in ran.out
    answer = json.loads(run("tickets", "reply", number, "--message", "Any news now?", "--json").out)
    assert [message["content"] for message in answer["messages"]] == [
        "Good day",
        "Any news?",
        "Any news now?",
    ]


def test_show(run: Run, sandbox: Sandbox, files: list[Path]) -> None:
    run(*CREATE[:-1], "<p>One</p>\n\ttwo [bold]three[/bold]", "--attach", files[1])
    ran = run("tickets", "show", str(sandbox.tickets[0].id))
    assert (ran.code, ran.err) == (0, "")
    assert "You  " in ran.out
    assert "<p>One</p>\n        two [bold]three[/bold]\n" in ran.out
    assert files[1].name in ran.out
    ticket = json.loads(run("tickets", "show", str(sandbox.tickets[0].id), "--json").out)
    assert ticket["messages"][0]["content"] == "<p>One</p>\n\ttwo [bold]three[/bold]"
    assert ticket["attachment_mismatches"] is None


def test_show_of_what_is_not_there(run: Run, sandbox: Sandbox) -> None:
    ran = run("tickets", "show", "999")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("vpsbg: GET /support/tickets/999: answered 404 Not Found")


def test_list(run: Run, server: ScriptedServer) -> None:
    def answer(number: int, last: int) -> dict[str, object]:
        return {
            "data": [{"id": number * 10, "subject": f"Subject {number}"}],
            "links": {"next": None if number == last else "more"},
            "meta": {"current_page": number, "last_page": last, "total": last},
        }

    server.status = 200
    pages = iter([answer(1, 2), answer(2, 2)] * 2)

    def turn() -> None:
        server.answer = next(pages)

    server.when_read = turn
    out = run("tickets", "list").out
    assert "Subject 1" in out
    assert "Subject 2" in out
    assert "Page" not in out
    items = json.loads(run("tickets", "list", "--json").out)["items"]
    assert [ticket["id"] for ticket in items] == [10, 20]

    server.when_read = lambda: None
    server.answer = answer(2, 3)
    out = run("tickets", "list", "--page", "2").out
    assert "Subject 2" in out
    assert out.endswith("Page 2 of 3, 3 tickets in all\n")
    page = json.loads(run("tickets", "list", "--page", "2", "--json").out)
    assert [ticket["id"] for ticket in page.pop("items")] == [20]
    assert page == {"number": 2, "next": 3, "last": 3, "total": 3}


def test_list_of_a_page_without_numbers(run: Run, server: ScriptedServer) -> None:
    server.answer = []
    assert run("tickets", "list", "--page", "2").out.endswith("Page 2\n")
    assert json.loads(run("tickets", "list", "--page", "2", "--json").out)["items"] == []


def test_list_in_the_sandbox(run: Run, sandbox: Sandbox) -> None:
    for _ in range(3):
        run(*CREATE)
    items = json.loads(run("tickets", "list", "--json").out)["items"]
    assert {ticket["id"] for ticket in items} == {ticket.id for ticket in sandbox.tickets}
    assert run("tickets", "list", "--page", "0").code == 2


def test_as_a_process(process: Run, sandbox: Sandbox, files: list[Path]) -> None:
    ran = process(*CREATE, "--attach", files[0], "--json")
    assert (ran.code, ran.err) == (0, "")
    number = str(json.loads(ran.out)["id"])
    ran = process("tickets", "show", number)
    assert (ran.code, ran.err) == (0, "")
    assert files[0].name in ran.out
    ran = process("tickets", "reply", number, "--message", "tiny")
    assert (ran.code, ran.out) == (2, "")


def test_files_that_arrived_otherwise(run: Run, server: ScriptedServer, tmp_path: Path) -> None:
    server.answer = {
        "id": 7,
        "messages": [
            {"id": 1, "attachments": [{"name": "b\x1b[2J.txt", "size": 3}, {"name": "c"}]}
        ],
    }
    (tmp_path / "a.txt").write_text("four")
    ran = run(*CREATE, "--attach", tmp_path / "a.txt")
    assert ran.code == 0
    assert ran.out.startswith("Ticket 7  (no subject)\n")
    start = "vpsbg: warning: the message was sent, but not as it should be: "
    assert ran.err.splitlines() == [
        f"{start}'a.txt' (4 bytes) was sent and is not among the ticket's files",
        f"{start}'b\\x1b[2J.txt' (3 bytes) is among the ticket's files and was not sent",
        f"{start}'c' (size not known) is among the ticket's files and was not sent",
    ]
    ran = run(*CREATE, "--attach", tmp_path / "a.txt", "--json")
    assert ran.code == 0
    found = json.loads(ran.out)["attachment_mismatches"]
    assert [mismatch["reason"] for mismatch in found] == ["missing", "unexpected", "unexpected"]
    assert all("warning" in json.loads(line) for line in ran.err.splitlines())


def test_files_of_another_size_or_order(run: Run, server: ScriptedServer, tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("four")
    attached = ("--attach", tmp_path / "a.txt", "--attach", tmp_path / "b.txt")
    told = [{"name": "a.txt", "size": 4}, {"name": "b.txt", "size": 1000}]
    server.answer = {"id": 7, "messages": [{"id": 1, "attachments": told}]}
    assert run(*CREATE, *attached).err.endswith(
        "'b.txt' (4 bytes) was sent and the ticket has 'b.txt' (1,000 bytes)\n"
    )
    told.reverse()
    assert "'a.txt' (4 bytes) was sent in the place where the ticket has 'b.txt'" in (
        run(*CREATE, *attached).err
    )
