"""The bar, and the counting under it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vpsbg_async.cli import main
from vpsbg_async.sandbox import Sandbox

from .peers import ScriptedServer
from .terminal import COMMAND, CREATE, Run, environment, terminal


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(3_000_000))
    return path


def test_a_bar_on_a_terminal(
    sandbox: Sandbox,
    large: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    with terminal() as screen, os.fdopen(screen.slave, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        assert main([*CREATE, "--attach", str(large)]) == 0
    assert "Uploading" in screen.text
    assert "Waiting for the answer" in screen.text
    assert "3.0/3.0 MB" in screen.text
    assert screen.raw.endswith("\x1b[2K")  # and is gone in the end
    assert "large.bin" in capsys.readouterr().out


def test_no_bar_before_there_is_anything_to_send(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with terminal() as screen, os.fdopen(screen.slave, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        assert main([*CREATE, "--attach", "/nowhere"]) == 2
    assert screen.raw.replace("\r\n", "\n") == (
        "vpsbg: POST /support/tickets: attachments.0: no such file: '/nowhere'\n"
    )


def test_a_bar_for_a_process_at_a_terminal(sandbox: Sandbox, large: Path) -> None:
    with terminal() as screen:
        command = subprocess.Popen(
            [*COMMAND, *CREATE, "--attach", large],
            stdout=subprocess.PIPE,
            stderr=screen.slave,
            env=environment(),
        )
        os.close(screen.slave)
        out, _ = command.communicate(timeout=20)
    assert command.returncode == 0
    assert b"large.bin" in out
    assert b"Upload" not in out
    assert "Waiting for the answer" in screen.text


@pytest.mark.parametrize("colors", ["0", "1"])
def test_no_bar_without_a_terminal(
    process: Run, sandbox: Sandbox, large: Path, monkeypatch: pytest.MonkeyPatch, colors: str
) -> None:
    if colors == "1":
        monkeypatch.setenv("FORCE_COLOR", "1")  # makes rich see terminals
    ran = process(*CREATE, "--attach", large)
    assert (ran.code, ran.err) == (0, "")


def test_what_is_waited_for(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server.status, server.headers = 429, {"Retry-After": "1"}

    def relent() -> None:
        server.status, server.answer = (429, {}) if len(server.bodies) < 2 else (200, {"id": 7})

    server.when_read = relent
    with terminal() as screen, os.fdopen(screen.slave, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        assert main(CREATE) == 0
    assert "Waiting to try again, 1 s" in screen.text
    assert "Ticket 7" in capsys.readouterr().out
