"""The commands that change something, and the questions before that."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vpsbg_async.cli import main
from vpsbg_async.sandbox import Fault, Sandbox

from ..peers import ScriptedServer
from ..terminal import COMMAND, Run, environment, terminal
from .conftest import Typing

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample me@example.com"
ASKING = ("ssh-keys delete 90", "servers stop 2864", "servers restart 2864")


def _keys(sandbox: Sandbox) -> dict[int, dict[str, Any]]:
    return {key["id"]: key for key in sandbox.ssh_keys}


def _runs(sandbox: Sandbox, number: int) -> bool:
    (server,) = [server for server in sandbox.servers if server["id"] == number]
    running: bool = server["state"]["running"]
    return running


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "id_ed25519.pub"
    path.write_text(f"{KEY}\n")
    return path


def test_adding_a_key(run: Run, sandbox: Sandbox, key_file: Path) -> None:
    ran = run("ssh-keys", "add", "--name", "Notebook", "--key-file", key_file)
    assert (ran.code, ran.err) == (0, "")
    added = _keys(sandbox)[92]
    assert (added["name"], added["key"]) == ("Notebook", KEY)
    assert ran.out.startswith("SSH key 92\n")
    assert KEY in ran.out
    key = json.loads(run("ssh-keys", "add", "--name", "Same", "--key-file", key_file, "--json").out)
    assert (key["id"], key["name"]) == (93, "Same")


def test_adding_a_key_from_standard_input(
    run: Run, sandbox: Sandbox, stdin: Callable[[bytes], None]
) -> None:
    stdin(KEY.encode())
    assert run("ssh-keys", "add", "--name", "Notebook", "--key-file", "-").code == 0
    assert _keys(sandbox)[92]["key"] == KEY


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read (No such file or directory)"),
        (b"\xff\xfe", "is no text"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r\n", "does not look like one"),
        (KEY.encode() + b"\n" + KEY.encode(), "does not look like one"),
        (b"", "does not look like one"),
    ],
)
def test_what_is_no_public_key(
    run: Run, server: ScriptedServer, tmp_path: Path, content: bytes | None, told: str
) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    ran = run("ssh-keys", "add", "--name", "Notebook", "--key-file", path)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert "b3Blb" not in ran.err
    assert ran.err.count("\n") == 1
    assert server.bodies == []


def test_a_key_from_what_is_no_input(
    run: Run, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, stdin: Callable[[bytes], None]
) -> None:
    words = ("ssh-keys", "add", "--name", "Notebook", "--key-file")
    stdin(b"\xff")
    assert "standard input is not UTF-8" in run(*words, "-").err
    monkeypatch.setattr(sys, "stdin", None)
    assert "standard input is closed" in run(*words, "-").err
    ran = run(*words, "a\0b")
    assert (ran.code, ran.out) == (2, "")
    assert run(*words, "/").code == 2
    assert len(_keys(sandbox)) == 2


def test_renaming_a_key(run: Run, sandbox: Sandbox) -> None:
    ran = run("ssh-keys", "rename", 91, "--name", "Desktop")
    assert (ran.code, ran.err) == (0, "")
    assert _keys(sandbox)[91]["name"] == "Desktop"
    assert "Desktop" in ran.out
    assert json.loads(run("ssh-keys", "rename", 91, "--name", "Tablet", "--json").out)["id"] == 91
    assert run("ssh-keys", "rename", 91, "--name", "x").code == 2
    assert run("ssh-keys", "rename", 999, "--name", "Desktop").code == 1


def test_deleting_a_key(run: Run, sandbox: Sandbox) -> None:
    ran = run("ssh-keys", "delete", 91, "--yes")
    assert (ran.code, ran.out, ran.err) == (0, "SSH key 91 was deleted.\n", "")
    assert [*_keys(sandbox)] == [90]
    assert json.loads(run("ssh-keys", "delete", 90, "--yes", "--json").out) == {
        "key_id": 90,
        "deleted": True,
    }
    assert _keys(sandbox) == {}
    ran = run("ssh-keys", "delete", 90, "--yes")
    assert (ran.code, ran.out) == (1, "")
    assert "404" in ran.err


def test_setting_a_name(run: Run, sandbox: Sandbox) -> None:
    ran = run("ptr", "set", 47, "mail.example.com")
    assert (ran.code, ran.err) == (0, "")
    assert "Reverse DNS       mail.example.com" in ran.out
    (found,) = [ip["ip_address"] for ip in sandbox.floating_ips if ip["ip_address"]["id"] == 47]
    assert found["ptr"] == {"87.120.37.46": "mail.example.com"}
    address = json.loads(run("ptr", "set", 47, "www.example.com", "--json").out)
    assert address["ptr"] == {"87.120.37.46": "www.example.com"}


def test_setting_a_name_in_a_network(run: Run, sandbox: Sandbox) -> None:
    words = ("ptr", "set", 417, "mail.example.com")
    ran = run(*words, "--address", "2001:0:130f::1")
    assert (ran.code, ran.err) == (0, "")
    assert "2001:0:130f::1: mail.example.com" in ran.out
    (server,) = [server for server in sandbox.servers if server["id"] == 2478]
    (network,) = [address for address in server["ip_addresses"] if address["id"] == 417]
    assert network["ptr"] == {"2001:0:130f::1": "mail.example.com"}
    assert run(*words).code == 1
    assert run(*words, "--address", "::1").code == 1
    assert run("ptr", "set", 999, "mail.example.com").code == 1
    assert run("ptr", "set", 47).code == 2


# Servers.


def test_starting_a_server(run: Run, sandbox: Sandbox) -> None:
    sandbox.timing.lock = 0.1
    ran = run("servers", "start", 2922)
    assert (ran.code, ran.out, ran.err) == (0, "Server 2922 was told to start.\n", "")
    ran = run("servers", "start", 2922, "--wait", 1.5)
    assert (ran.code, ran.out, ran.err) == (0, "Server 2922 runs.\n", "")
    assert _runs(sandbox, 2922)


@pytest.mark.parametrize(
    ("verb", "number", "running", "told"),
    [
        ("start", 2922, True, "runs"),
        ("stop", 2864, False, "is stopped"),
        ("restart", 2864, True, "runs"),
    ],
)
def test_waiting_for_a_server(
    run: Run, sandbox: Sandbox, verb: str, number: int, *, running: bool, told: str
) -> None:
    sandbox.timing.lock = 0.2
    yes = () if verb == "start" else ("--yes",)
    ran = run("servers", verb, number, "--wait", 1.5, *yes)
    assert (ran.code, ran.out, ran.err) == (0, f"Server {number} {told}.\n", "")
    assert _runs(sandbox, number) is running
    ran = run("servers", verb, number, *yes, "--json")
    assert json.loads(ran.out) == {"server_id": number, "action": verb, "reached": None}
    ran = run("servers", verb, number, *yes, "--wait", 1.5, "--json")  # it is busy now
    assert json.loads(ran.out) == {"server_id": number, "action": verb, "reached": True}


@pytest.mark.parametrize("verb", ["start", "stop", "restart"])
def test_a_server_that_is_busy(run: Run, sandbox: Sandbox, verb: str) -> None:
    run("servers", "restart", 2864, "--yes")
    ran = run("servers", verb, 2864, *(() if verb == "start" else ("--yes",)))
    assert (ran.code, ran.out) == (3, "")
    assert "423" in ran.err


@pytest.mark.parametrize(
    ("verb", "number", "state"),
    [
        ("start", 2922, "running and unlocked"),
        ("stop", 2864, "stopped and unlocked"),
        ("restart", 2864, "running and unlocked"),
    ],
)
def test_what_does_not_come_of_it(
    run: Run, sandbox: Sandbox, verb: str, number: int, state: str
) -> None:
    sandbox.timing.lock = 60
    words = ("servers", verb, number, "--wait", 0.3, *(() if verb == "start" else ("--yes",)))
    ran = run(*words)
    assert (ran.code, ran.out) == (3, "")
    start = f"vpsbg: server {number} was told to {verb}, and then: "
    assert ran.err.startswith(f"{start}GET /servers/{number}: not seen {state} within 0.3 s: it ")


def test_a_restart_that_does_not_come_to_it(run: Run, sandbox: Sandbox) -> None:
    sandbox.timing.lock = 60
    run("servers", "start", 2922)
    ran = run("servers", "restart", 2922, "--wait", 0.3, "--yes", "--json")
    assert (ran.code, ran.out) == (1, "")
    assert json.loads(ran.err)["type"] == "WaitTimeoutError"


def test_what_fails_while_it_is_waited_for(run: Run, server: ScriptedServer) -> None:
    def turn() -> None:
        server.status = 200 if len(server.bodies) == 1 else 404

    server.when_read = turn
    ran = run("servers", "start", 7, "--wait", 0.3, "--json")
    assert (ran.code, ran.out) == (3, "")
    error = json.loads(ran.err)
    assert error["error"].startswith("server 7 was told to start, and then: GET /servers/7/status")
    assert (error["type"], error["status"]) == ("NotFoundError", 404)


@pytest.mark.parametrize("wait", ["0", "-1", "nan", "inf", "soon"])
def test_what_is_no_time_to_wait(run: Run, server: ScriptedServer, wait: str) -> None:
    for verb in ("start", "stop", "restart"):
        yes = () if verb == "start" else ("--yes",)
        ran = run("servers", verb, 7, "--wait", wait, *yes)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.count("\n") == 1
    assert server.bodies == []


def test_a_server_that_is_not_there(run: Run, sandbox: Sandbox) -> None:
    for words in ("start 999", "stop 999 --yes", "restart 999 --yes", "start 999 --wait 0.3"):
        ran = run("servers", *words.split())
        assert (ran.code, ran.out) == (1, "")
        assert "404" in ran.err


def test_what_may_have_happened(run: Run, sandbox: Sandbox, key_file: Path) -> None:
    for words in (
        ("servers", "stop", 2864, "--yes"),
        ("servers", "restart", 2922, "--yes"),
        ("ssh-keys", "delete", 90, "--yes"),
        ("ssh-keys", "add", "--name", "Notebook", "--key-file", key_file),
    ):
        sandbox.faults.add(Fault.DROP_AFTER_PROCESSING)
        ran = run(*words)
        assert (ran.code, ran.out) == (3, "")
        assert ran.err.count("\n") == 1


def test_it_is_shown_what_is_waited_for(sandbox: Sandbox, person: Typing) -> None:
    sandbox.timing.lock = 0.5
    with person("") as screen:
        assert main(["servers", "stop", "2864", "--yes", "--wait", "2"]) == 0
    assert "Waiting until server 2864 is stopped" in screen.text
    assert "bytes" not in screen.text.rpartition("Waiting until")[2]  # but while it was told
    assert screen.raw.endswith("\x1b[2K")  # and is gone in the end


# Questions.


@pytest.mark.parametrize("words", ASKING)
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_without_a_terminal_nothing_is_done(
    run: Run, server: ScriptedServer, words: str, options: tuple[str, ...]
) -> None:
    ran = run(*words.split(), *options)
    assert (ran.code, ran.out) == (2, "")
    told = "nobody can be asked without a terminal: give --yes"
    if options:
        assert json.loads(ran.err)["error"] == told
    else:
        assert ran.err == f"vpsbg: {told}\n"
    assert server.bodies == []


@pytest.mark.parametrize("closed", ["stdin", "stderr"])
def test_without_half_a_terminal_either(
    server: ScriptedServer, person: Typing, monkeypatch: pytest.MonkeyPatch, closed: str
) -> None:
    with person("y\n"):
        monkeypatch.setattr(sys, closed, io.StringIO("y\n"))
        assert main(["ssh-keys", "delete", "90"]) == 2
    assert server.bodies == []


def test_without_a_stream_at_all(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert run("ssh-keys", "delete", 90).code == 2
    assert server.bodies == []


@pytest.mark.parametrize(
    ("words", "question"),
    [
        ("ssh-keys delete 90", "Delete SSH key 90 (Example SSH Key)? [y/N] "),
        ("servers stop 2864", "Stop server 2864 (ubuntu-2gb)? [y/N] "),
        ("servers restart 2864", "Restart server 2864 (ubuntu-2gb)? [y/N] "),
    ],
)
@pytest.mark.parametrize("typed", ["y\n", "YES\n", " yes \n", "n\n", "\n", "yess\n", "\x04"])
def test_a_question(
    sandbox: Sandbox, person: Typing, words: str, question: str, typed: str
) -> None:
    is_meant = typed.strip().lower() in ("y", "yes")
    with person(typed) as screen:
        assert main(words.split()) == (0 if is_meant else 1)
    assert question in screen.text
    assert ("nothing was done" in screen.text) is not is_meant
    is_done = len(_keys(sandbox)) == 1 or _is_busy(sandbox, 2864)
    assert is_done is is_meant


def _is_busy(sandbox: Sandbox, number: int) -> bool:
    (server,) = [server for server in sandbox.servers if server["id"] == number]
    locked: bool = server["locked"]
    return locked


def test_a_question_about_what_is_not_there(sandbox: Sandbox, person: Typing) -> None:
    with person("y\n") as screen:
        assert main(["ssh-keys", "delete", "999"]) == 1
    assert "[y/N]" not in screen.text
    assert "404" in screen.text


def test_a_question_about_what_has_no_name(server: ScriptedServer, person: Typing) -> None:
    server.status, server.answer = 200, {"id": 7}
    for words in ("ssh-keys delete 7", "servers stop 7"):
        with person("n\n") as screen:
            assert main(words.split()) == 1
        assert "7? [y/N] " in screen.text
        assert "None" not in screen.text


def test_a_question_is_harmless(server: ScriptedServer, person: Typing) -> None:
    server.status, server.answer = 200, {"id": 7, "name": "\x1b]0;owned\x07"}
    with person("n\n") as screen:
        assert main(["ssh-keys", "delete", "7"]) == 1
    assert "\x1b]0" not in screen.raw


def test_ctrl_c_at_a_question(sandbox: Sandbox) -> None:
    with terminal() as screen:
        command = subprocess.Popen(
            [*COMMAND, "servers", "stop", "2864"],
            stdin=screen.slave,
            stderr=screen.slave,
            stdout=subprocess.DEVNULL,
            env=environment(),
        )
        os.close(screen.slave)
        screen.wait_for("[y/N]")
        command.send_signal(signal.SIGINT)
        assert command.wait(20) == 130
    assert not _is_busy(sandbox, 2864)


@pytest.mark.usefixtures("_ctrl_c_works")
def test_ctrl_c_while_it_is_waited_for(run: Run, server: ScriptedServer) -> None:
    """What is interrupted is a read, but the server was told something before."""
    begun: list[bytes] = []

    def turn() -> None:
        if len(server.bodies) - len(begun) > 1:
            os.kill(os.getpid(), signal.SIGINT)

    server.status, server.when_read = 200, turn
    ran = run("servers", "start", 7, "--wait", 5)
    told = "vpsbg: warning: server 7 was told to start\nvpsbg: interrupted\n"
    assert (ran.code, ran.out, ran.err) == (130, "", told)
    begun = [*server.bodies]
    ran = run("servers", "stop", 7, "--wait", 5, "--yes", "--json")
    assert (ran.code, ran.out) == (130, "")
    assert [json.loads(line) for line in ran.err.splitlines()] == [
        {"warning": "server 7 was told to stop"},
        {"error": "interrupted"},
    ]


@pytest.mark.usefixtures("_ctrl_c_works")
def test_ctrl_c_before_it_is_told(run: Run, server: ScriptedServer) -> None:
    """A restart waits until the server is free: nothing has been done to it so far."""
    server.status, server.answer = 200, {"id": 7, "locked": True}
    server.when_read = lambda: os.kill(os.getpid(), signal.SIGINT)
    ran = run("servers", "restart", 7, "--wait", 5, "--yes")
    assert (ran.code, ran.out, ran.err) == (130, "", "vpsbg: interrupted\n")
