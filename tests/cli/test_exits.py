"""Errors: one line and an exit code, from which a script knows whether it may try again."""

import asyncio
import json
import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from vpsbg_async import NotSentError, OutcomeUnknownError
from vpsbg_async.cli import output
from vpsbg_async.cli.exits import Exit, exit_for
from vpsbg_async.cli.parameters import AS_USUAL
from vpsbg_async.cli.progress import connected

from .peers import ScriptedServer
from .terminal import COMMAND, CREATE, Run, environment

REPLY = ("tickets", "reply", "7", "--message", "Good day")
SHOW = ("tickets", "show", "7")


def _script(server: ScriptedServer, script: dict[str, Any]) -> None:
    for name, value in script.items():
        setattr(server, name, value)


REFUSED = [
    {"status": 401, "answer": {"message": "Unauthenticated."}},
    {"status": 422, "answer": {"errors": {"subject": ["is too dull"]}}},
    {"status": 429, "headers": {"Retry-After": "3600"}},
    {"status": 503, "headers": {"Retry-After": "3600"}},
]
UNCLEAR = [
    {"status": 500},
    {"status": 423},
    {"status": 302, "headers": {"Location": "/login"}},
    {"drops": True},
    {"status": 201, "answer": b"<html>"},
    {"status": 201, "answer": b'{"id":', "told": 1000},
]


@pytest.mark.parametrize("script", REFUSED)
@pytest.mark.parametrize("command", [CREATE, REPLY, SHOW])
def test_what_was_refused_is_1(
    run: Run, server: ScriptedServer, command: tuple[str, ...], script: dict[str, Any]
) -> None:
    _script(server, script)
    ran = run(*command)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("vpsbg: ")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("script", UNCLEAR)
@pytest.mark.parametrize(("command", "code"), [(CREATE, 3), (REPLY, 3), (SHOW, 1)])
def test_what_may_have_happened_is_3(
    run: Run,
    server: ScriptedServer,
    command: tuple[str, ...],
    code: int,
    script: dict[str, Any],
) -> None:
    _script(server, script)
    ran = run(*command, "--no-retry")
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith("vpsbg: ")
    assert ran.err.count("\n") == 1


def test_nobody_there_is_1(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VPSBG_API_KEY", "key")
    monkeypatch.setenv("VPSBG_BASE_URL", "http://127.0.0.1:1/v1")
    assert run(*CREATE, "--no-retry").code == 1


def test_a_wrong_address_is_2(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VPSBG_API_KEY", "key")
    monkeypatch.setenv("VPSBG_BASE_URL", "http://example.com/v1")
    assert run(*CREATE).code == 2


def test_an_error_in_json(run: Run, server: ScriptedServer) -> None:
    _script(server, {"status": 422, "headers": {"X-Request-Id": "r-1"}})
    server.answer = {"message": "No.", "errors": {"subject": ["is too dull"]}}
    ran = run(*CREATE, "--json")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.count("\n") == 1
    error = json.loads(ran.err)
    assert "subject: is too dull" in error.pop("error")
    assert error == {
        "type": "ValidationError",
        "outcome": "not_processed",
        "method": "POST",
        "path": "/support/tickets",
        "attempts": 1,
        "status": 422,
        "errors": {"subject": ["is too dull"]},
        "request_id": "r-1",
    }


def test_an_error_without_an_answer_in_json(run: Run, server: ScriptedServer) -> None:
    server.drops = True
    error = json.loads(run(*CREATE, "--json").err)
    assert (error["type"], error["outcome"]) == ("OutcomeUnknownError", "unknown")
    assert "status" not in error


def test_an_error_without_a_call_is_1() -> None:
    assert exit_for(NotSentError("nobody there")) is Exit.FAILED
    assert exit_for(OutcomeUnknownError("nobody knows of what")) is Exit.FAILED


@pytest.mark.usefixtures("_ctrl_c_works")
@pytest.mark.parametrize("as_json", [False, True])
def test_ctrl_c_once_all_had_left(run: Run, server: ScriptedServer, as_json: bool) -> None:
    server.when_read = lambda: os.kill(os.getpid(), signal.SIGINT)
    server.drops = True
    ran = run(*CREATE, *(["--json"] if as_json else []))
    assert (ran.code, ran.out) == (130, "")
    told = ran.err.splitlines()
    if as_json:
        told = [*map(str, json.loads(told[0])), *map(str, json.loads(told[1]))]
        assert told == ["warning", "error"]
    else:
        text = "the request had left: look whether it was done before you repeat it"
        assert told == [f"vpsbg: warning: {text}", "vpsbg: interrupted"]


async def test_ctrl_c_before_anything_was_sent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VPSBG_API_KEY", "key")
    with pytest.raises(asyncio.CancelledError):
        async with connected(AS_USUAL):
            raise asyncio.CancelledError
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("_ctrl_c_works")
def test_ctrl_c_before_all_had_left(server: ScriptedServer, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(30_000_000))
    server.reads, server.drops = False, True
    interrupted = threading.Event()

    def interrupt() -> None:
        command.send_signal(signal.SIGINT)
        interrupted.wait(20)

    server.when_read = interrupt
    command = subprocess.Popen(
        [*COMMAND, *CREATE, "--attach", tmp_path / "large"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Where the peer takes nothing, aiohttp leaves the socket to the end of the process.
        env=environment() | {"PYTHONWARNINGS": ""},
    )
    out, err = command.communicate(timeout=20)
    interrupted.set()
    assert (command.returncode, out, err) == (130, b"", b"vpsbg: interrupted\n")


def test_a_bug_is_one_line_too(
    run: Run, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer = {"id": 7}
    monkeypatch.delattr(output, "print_summary")
    ran = run(*CREATE)
    assert ran.code == 3
    assert ran.err.startswith("vpsbg: unexpected AttributeError: ")
    assert "(tickets.py:" in ran.err
    assert ran.err.count("\n") == 1
