"""``vpsbg completion``, and what the scripts make of the Tab key."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from vpsbg_async.cli.app import app

from .terminal import Run

BASH, ZSH, FISH = map(shutil.which, ("bash", "zsh", "fish"))
needs_bash = pytest.mark.skipif(BASH is None, reason="there is no bash")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory of its own, in no shell."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("SHELL", "BASH_VERSION", "ZSH_VERSION", "FISH_VERSION", "ZSH", "ZSH_CUSTOM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))  # without a ps that would tell who has started it
    return tmp_path


def _bash(script: str) -> str:
    assert BASH is not None
    done = subprocess.run(
        [BASH, "--norc", "-euo", "pipefail", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="module")
def script() -> str:
    return app.generate_completion(shell="bash")


def completed(script: str, *words: str) -> list[str]:
    """What bash offers for the last of some words."""
    typed = " ".join(f"'{word}'" for word in words)
    call = f"COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}"
    told = _bash(
        f"{script}\ncomplete -p vpsbg >/dev/null; set +eu; {call}; _vpsbg\n"
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    return told.split()


@needs_bash
def test_bash_knows_the_command_by_its_script(script: str) -> None:
    assert _bash(f"{script}\ncomplete -p vpsbg") == "complete -F _vpsbg vpsbg\n"
    assert _bash(f"{script}\ncompgen -A function _vpsbg") == "_vpsbg\n"


@needs_bash
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["serv"], {"servers"}),
        (["ssh"], {"ssh-keys"}),
        (["servers", "st"], {"status", "start", "stop"}),
        (["ssh-keys", ""], {"list", "show", "add", "rename", "delete"}),
        (["servers", "stop", "--"], {"--wait", "--yes", "--no-retry", "--json"}),
        (["servers", "stop", "2864", "--w"], {"--wait"}),
        (["balance", "--j"], {"--json"}),
        (["tickets", "import", "--dry"], {"--dry-run"}),
        (["tickets", "import", "--format", ""], {"csv", "jsonl", "json"}),
        (["completion", "install", "--shell", ""], {"bash", "zsh", "fish"}),
        (["doctor", "--pau"], {"--pause"}),
    ],
)
def test_what_bash_offers(script: str, words: Sequence[str], offered: set[str]) -> None:
    found = set(completed(script, "vpsbg", *words))
    assert found - {"--help", "-h", "--version"} == offered


@needs_bash
def test_bash_offers_every_command(script: str) -> None:
    found = completed(script, "vpsbg", "")
    assert {"tickets", "servers", "orders", "ptr", "protection", "doctor", "completion"} < {*found}
    assert len(found) == len({*found}) == 19


@needs_bash
def test_bash_offers_files_where_one_is_wanted(script: str, tmp_path: Path) -> None:
    (tmp_path / "id_ed25519.pub").touch()
    words = ["ssh-keys", "add", "--key-file", f"{tmp_path}/id_"]
    assert completed(script, "vpsbg", *words) == [f"{tmp_path}/id_ed25519.pub"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_show(run: Run, shell: str) -> None:
    ran = run("completion", "show", "--shell", shell)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"{app.generate_completion(shell=shell)}\n"  # type: ignore[arg-type]
    for word in ("vpsbg", "servers", "ssh-keys", "key-file", "no-retry"):
        assert word in ran.out


@pytest.mark.parametrize(("shell", "there"), [("zsh", ZSH), ("fish", FISH)])
def test_other_shells_can_read_their_scripts(
    run: Run, shell: str, there: str | None, tmp_path: Path
) -> None:
    if there is None:
        pytest.skip(f"there is no {shell}")
    path = tmp_path / "script"
    path.write_text(run("completion", "show", "--shell", shell).out)
    subprocess.run([there, "-n", path], check=True, timeout=20)


@pytest.mark.parametrize(
    ("shell", "path", "startup"),
    [
        ("bash", ".local/share/bash-completion/completions/vpsbg", ".bashrc"),
        ("zsh", ".zsh/completions/_cyclopts_vpsbg", ".zshrc"),
        ("fish", ".config/fish/completions/vpsbg.fish", None),
    ],
)
def test_install(run: Run, home: Path, shell: str, path: str, startup: str | None) -> None:
    if startup is not None:
        (home / startup).write_text("# mine\n")
    for _ in range(2):  # once more does no harm
        ran = run("completion", "install", "--shell", shell)
        assert (ran.code, ran.err) == (0, "")
        assert ran.out == f"{shell} completes vpsbg from its next start on, by {home / path}\n"
    assert (home / path).read_text().strip() == run(
        "completion", "show", "--shell", shell
    ).out.strip()
    if startup is not None:
        lines = (home / startup).read_text().splitlines()
        assert "# mine" in lines
        assert len([line for line in lines if "completions" in line and line[0] != "#"]) == 1


@needs_bash
def test_a_bash_that_is_started_later(run: Run, home: Path) -> None:
    assert run("completion", "install", "--shell", "bash").code == 0
    assert _bash(f". {home}/.bashrc; complete -p vpsbg") == "complete -F _vpsbg vpsbg\n"


def test_the_shell_that_it_runs_in(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert run("completion", "install").out.startswith("fish completes vpsbg ")
    monkeypatch.setenv("ZSH_VERSION", "5.9")
    assert run("completion", "show").out.startswith("#compdef vpsbg")


@pytest.mark.parametrize("shell", ["", "/bin/sh", "/opt/pwsh"])
def test_a_shell_that_is_not_known(
    run: Run, monkeypatch: pytest.MonkeyPatch, home: Path, shell: str
) -> None:
    monkeypatch.setenv("SHELL", shell)
    for verb in ("show", "install"):
        ran = run("completion", verb)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err == "vpsbg: which shell is it? give one of --shell bash, zsh, fish\n"
    assert run("completion", "show", "--shell", "tcsh").code == 2
    assert [*home.iterdir()] == []


def test_a_home_that_cannot_be_written(run: Run, home: Path) -> None:
    (home / ".config").touch()
    ran = run("completion", "install", "--shell", "fish")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("vpsbg: the script cannot be kept: ")
