"""The command as a whole."""

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App

import vpsbg_async
from vpsbg_async.cli import main
from vpsbg_async.cli.app import app
from vpsbg_async.cli.groups.account import affiliate, balance, user

from .peers import ScriptedServer
from .terminal import COMMAND, CREATE, Run, environment


def _commands(place: App = app, *words: str) -> Iterator[str]:
    """Every command with those that lead to it."""
    yield " ".join(words)
    for name in place:
        if not name.startswith("-"):
            yield from _commands(place[name], *words, name)


COMMANDS = [*_commands()]


def test_no_command_is_left_out() -> None:
    assert {command for command in COMMANDS if command} == {
        *("tickets", "tickets create", "tickets reply", "tickets show", "tickets list"),
        *("tickets import", "tickets journal"),
        *("servers", "servers list", "servers show", "servers status", "servers metrics"),
        *("servers bandwidth", "servers addons", "servers start", "servers stop"),
        *("servers restart", "orders", "orders list", "orders show", "invoices", "invoices list"),
        *("balance", "user", "affiliate", "ssh-keys", "ssh-keys list", "ssh-keys show"),
        *("ssh-keys add", "ssh-keys rename", "ssh-keys delete", "plans", "plans list"),
        *("plans addons", "snapshots", "snapshots list", "backups", "backups list"),
        *("floating-ips", "floating-ips list", "boot-images", "boot-images list", "ptr", "ptr set"),
        *("protection", "protection show", "protection attacks", "protection attack"),
        *("protection geo", "completion", "completion install", "completion show"),
        *("sandbox", "demo", "doctor"),
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run: Run, command: str) -> None:
    ran = run(*command.split(), "--help")
    assert (ran.code, ran.err) == (0, "")
    assert f"Usage: {' '.join(('vpsbg', *command.split()))}" in ran.out


@pytest.mark.parametrize("command", [command for command in COMMANDS if command])
def test_every_option_is_explained(run: Run, command: str) -> None:
    lines = [line.strip("│ ") for line in run(*command.split(), "--help").out.splitlines()]
    for line in lines:
        if line.lstrip("* ").startswith("--"):
            assert re.search(r"  +[A-Z0-9]", line), line


def test_commands_are_in_groups(run: Run) -> None:
    out = run("--help").out
    groups = re.findall(r"─ (\w+) ─", out)
    assert groups == ["Tickets", "Servers", "Account", "Network", "Tools", "Options"]


def test_help_of_a_command_begins_as_the_list_of_commands_has_it(run: Run) -> None:
    """It stands in two places for those that are loaded later, and are no group of commands."""
    for name, command in (("balance", balance), ("user", user), ("affiliate", affiliate)):
        assert f" {command.__doc__} " in " ".join(run("--help").out.split())
        assert f"\n{command.__doc__}\n" in run(name, "--help").out


def test_without_a_command_there_is_help(run: Run) -> None:
    assert run().out == run("--help").out


def test_help_tells_where_the_key_comes_from_and_what_the_exit_codes_are(run: Run) -> None:
    told = " ".join(run("--help").out.split())
    assert "environment variable VPSBG_API_KEY, and from nowhere else" in told
    assert "VPSBG_BASE_URL" in told
    for code in ("0: done", "1: failed", "2: not tried", "3: it happened or may have happened"):
        assert code in told


def test_help_of_import_tells_its_own_exit_codes(run: Run) -> None:
    assert "vpsbg tickets import has its own for 1 to 3" in " ".join(run("--help").out.split())
    told = " ".join(run("tickets", "import", "--help").out.split())
    for code in ("0: every row was created", "1: some rows", "2: not tried", "3: it could not"):
        assert code in told


def test_help_of_create_tells_where_a_department_id_is_found(run: Run) -> None:
    told = " ".join(run("tickets", "create", "--help").out.split())
    assert "the client area shows the ids in its form for a new ticket" in told
    assert "The API call that lists them is not known" in told


def test_version(run: Run) -> None:
    assert run("--version").out == f"vpsbg_async {vpsbg_async.__version__}\n"


@pytest.mark.parametrize("option", ["--api-key", "--key", "--token", "--base-url"])
@pytest.mark.parametrize("joint", [" ", "="])
def test_the_key_is_not_taken_from_the_command_line(run: Run, option: str, joint: str) -> None:
    ran = run(*CREATE, *f"{option}{joint}s3cret".split())
    assert ran.code == 2
    assert option in ran.err
    assert "s3cret" not in ran.err


def test_without_a_key_nothing_is_tried(run: Run) -> None:
    ran = run("tickets", "list")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "vpsbg: there is no API key: set VPSBG_API_KEY or give api_key\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("tickets create", "--department"),
        ("tickets show", "TICKET_ID"),
        ("tickets show 2.7", "'2.7' is not a whole number"),
        ("tickets show 0x10", "'0x10' is not a whole number"),
        ("tickets list --page one", "'one' is not a whole number"),
        ("ticket list", "Did you mean"),
        ("tickets import", "FILE"),
        ("tickets journal", "FILE"),
        ("sandbox --port 65536", "65536"),
        ("demo --large-mib -1", "-1"),
    ],
)
def test_wrong_usage(run: Run, words: str, told: str) -> None:
    ran = run(*words.split())
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("vpsbg: ")
    assert told in ran.err
    assert ran.err.count("\n") == 1
    assert "--help)" in ran.err


def test_a_process_ends_with_the_code(process: Run) -> None:
    ran = process("tickets", "list", "--page", "x")
    assert (ran.code, ran.out) == (2, "")
    assert "Traceback" not in ran.err


def test_the_entry_point_is_main() -> None:
    script = Path(sys.executable).with_name("vpsbg")
    done = subprocess.run([script, "--version"], capture_output=True, check=True)
    assert done.stdout.decode().strip() == f"vpsbg_async {vpsbg_async.__version__}"


def test_running_it_as_a_module() -> None:
    command = [sys.executable, "-m", "vpsbg_async.cli", "--version"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout.decode().strip() == f"vpsbg_async {vpsbg_async.__version__}"


@pytest.mark.parametrize("missing", ["cyclopts", "rich"])
def test_a_process_says_what_to_install(missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from vpsbg_async.cli import main; sys.exit(main(['--help']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=environment(), check=False
    )
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr == b"the vpsbg command needs: pip install 'vpsbg_async[cli]'\n"


def _without(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    for name in [name for name in sys.modules if name.startswith("vpsbg_async.cli.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)


def test_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _without(monkeypatch, "cyclopts")
    assert main([]) == 2
    assert "pip install 'vpsbg_async[cli]'" in capsys.readouterr().err


def test_another_missing_module_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    _without(monkeypatch, "vpsbg_async.cli.app")
    with pytest.raises(ModuleNotFoundError, match="app"):
        main([])


def test_help_does_not_load_what_few_commands_need() -> None:
    code = (
        "import sys; from vpsbg_async.cli import main; main(['--help'])\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    loaded = {name for name in done.stderr.split() if name.startswith("vpsbg_async.")}
    assert {name.split(".")[1] for name in loaded}.isdisjoint({"sandbox", "models", "bulk"})
    assert not {name for name in loaded if name.startswith("vpsbg_async.services.")}
    assert "sqlite3" not in done.stderr.split()


def test_a_command_does_not_load_the_others(server: ScriptedServer) -> None:
    server.status, server.answer = 200, {"id": 7}
    code = (
        "import sys; from vpsbg_async.cli import main; main(['ssh-keys', 'show', '7'])\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    assert "SSH key 7" in done.stdout
    loaded = {name for name in done.stderr.split() if name.startswith("vpsbg_async.services.")}
    assert loaded == {"vpsbg_async.services.ssh_keys"}


def test_a_reader_that_goes_away_ends_it_quietly(sandbox: object) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*COMMAND, "tickets", "list"],
        stdout=write,
        stderr=subprocess.PIPE,
        env=environment(),
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("words", ["tickets list", "tickets list --json", "--help", "--version"])
def test_a_reader_that_goes_away(
    sandbox: object, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert main(words.split()) == 141
        stdout.write("goes to nowhere, and does not fail at the end")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_ticket_that_cannot_be_shown_exists_all_the_same(
    sandbox: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Path("/dev/full").open("w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert main(CREATE) == 3
    err = capsys.readouterr().err
    assert err.startswith("vpsbg: unexpected OSError: [Errno 28] No space left on device (")
    assert err.count("\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("servers list", 1),
        ("servers list --json", 1),
        ("balance", 1),
        ("doctor --pause 0", 1),
        ("servers start 2922", 3),
        ("ssh-keys delete 90 --yes", 3),
        ("invoices", 1),
    ],
)
def test_what_was_only_read_is_not_in_doubt(
    sandbox: object, monkeypatch: pytest.MonkeyPatch, words: str, code: int
) -> None:
    with Path("/dev/full").open("w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert main(words.split()) == code


def test_stdout_may_be_anything_with_a_write(monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stdout)
    assert main(["--version"]) == 0
    assert stdout.getvalue() == f"vpsbg_async {vpsbg_async.__version__}\n"


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_stream_that_is_closed(
    sandbox: object, monkeypatch: pytest.MonkeyPatch, closed: str
) -> None:
    monkeypatch.setattr(sys, closed, None)
    assert main(CREATE) == 0
    getattr(sys, closed).close()
