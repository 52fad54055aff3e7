"""What comes from elsewhere does nothing to a terminal, and is not taken for markup."""

import json

import pytest

from vpsbg_async.cli import output
from vpsbg_async.sandbox import Sandbox

from .peers import ScriptedServer
from .terminal import Run

EVIL = "\x1b]0;owned\x07\x1b[31m[red]x[/red] :smile: [link=https://x]\x9b2J\u202etxt.exe\x7f"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain  text, снимка 🎉", "plain  text, снимка 🎉"),
        ("[red]red[/red] :smile:", "[red]red[/red] :smile:"),
        ("\x1b[31mred\x9b0m", "�[31mred�0m"),
        ("a\x00b\x07c\x08d\x7fe", "a�b�c�d�e"),
        ("\u202egpj.exe\u2066\u200f", "�gpj.exe��"),
        ("half \ud800 a letter", "half � a letter"),
        ("one\r\ntwo\n\nthree\tfour\rfive", "one two three four five"),
    ],
)
def test_shown(text: str, seen: str) -> None:
    assert output.shown(text) == seen


def test_shown_in_lines() -> None:
    assert output.shown("one\r\ntwo\n\tthree\rfour", lines=True) == "one\ntwo\n\tthree�four"


def test_nothing_from_a_server_reaches_the_terminal_as_it_is(
    run: Run, server: ScriptedServer
) -> None:
    file = {"name": EVIL, "size": 1, "mimeType": EVIL}
    ticket = {
        "id": 7,
        "subject": EVIL,
        "status": EVIL,
        "department": EVIL,
        "serviceLabel": EVIL,
        "service_label": EVIL,
        "messages": [{"id": 1, "content": EVIL, "attachments": [file]}],
    }
    server.answer = ticket
    message = ("--message", "Good day")
    shown = [run("tickets", "show", "7"), run("tickets", "reply", "7", *message)]
    server.answer = [ticket]
    shown += [run("tickets", "list"), run("tickets", "list", "--json")]
    server.answer, server.status = {"message": EVIL}, 403
    shown += [run("tickets", "show", "7"), run("tickets", "show", "7", "--json")]
    assert [ran.code for ran in shown] == [0, 0, 0, 0, 1, 1]
    for ran in shown:
        assert not {*"\x1b\x07\x9b\u202e\x7f"} & {*ran.out, *ran.err}
        assert "[red]x[/red] :smile:" in ran.out + ran.err


def test_what_was_typed_is_shown_harmlessly_too(run: Run, sandbox: Sandbox) -> None:
    for words in (("tickets", "show", EVIL), (EVIL,), ("tickets", "list", f"--{EVIL}")):
        ran = run(*words)
        assert ran.code == 2
        assert not {*"\x1b\x07\x9b\u202e\x7f"} & {*ran.err}


def test_long_names_are_shown_whole(run: Run, server: ScriptedServer) -> None:
    name = "n" * 250
    attachments = [{"name": name, "size": 1}]
    server.answer = {"id": 7, "messages": [{"id": 1, "attachments": attachments}]}
    assert run("tickets", "show", "7").out.count("n") >= 250


def test_json_is_harmless_and_exact(run: Run, server: ScriptedServer) -> None:
    server.answer = {"id": 7, "subject": EVIL}
    ran = run("tickets", "show", "7", "--json")
    assert ran.out.isascii()
    assert ran.out.replace("\n", "").isprintable()
    assert json.loads(ran.out)["subject"] == EVIL


def test_by_whom_a_message_is(run: Run, server: ScriptedServer) -> None:
    messages = [{"id": 1, "is_customer": True}, {"id": 2, "is_customer": False}, {"id": 3}]
    server.answer = {"id": 7, "messages": messages}
    lines = [line.strip() for line in run("tickets", "show", "7").out.splitlines()]
    assert [line for line in lines if line] == [
        "Ticket 7  (no subject)",
        "You",
        "Support",
        "Message",
    ]


def test_a_file_of_which_little_is_known(run: Run, server: ScriptedServer) -> None:
    server.answer = {"id": 7, "messages": [{"id": 1, "attachments": [{"id": 5}]}]}
    assert "(no name)" in run("tickets", "show", "7").out


def no_constant(text: str) -> None:
    raise AssertionError(f"{text} is no JSON")


def test_what_is_no_number_is_null_in_json(run: Run, server: ScriptedServer) -> None:
    server.status = 200
    server.answer = (
        b'{"cpu": {"used": NaN, "free": 1.5}, "disk": {"used": 1e999}, "new": [-Infinity]}'
    )
    status = json.loads(run("servers", "status", 7, "--json").out, parse_constant=no_constant)
    assert (status["cpu"]["used"], status["cpu"]["free"]) == (None, 1.5)
    assert status["disk"]["used"] is None
    assert status["extra"] == {"new": [None]}


def test_fractions_beside_amounts_keep_their_digits_in_json(
    run: Run, server: ScriptedServer
) -> None:
    server.status = 200
    server.answer = b'{"balance": 0.10, "fee": 12345678901234567.89, "fees": {"a": 0.10}, "n": 2}'
    balance = json.loads(run("balance", "--json").out)
    assert balance["balance"] == "0.10"
    assert balance["extra"] == {"fee": "12345678901234567.89", "fees": {"a": "0.10"}, "n": 2}
