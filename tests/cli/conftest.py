"""The command, run inside the test or as a process, against the sandbox or a scripted server."""

import io
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from vpsbg_async.cli import main
from vpsbg_async.sandbox import Sandbox

from .peers import ScriptedServer, running_sandbox
from .terminal import COMMAND, Ran, Run, environment


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, no address, and output as a test can compare it."""
    for name in ("VPSBG_API_KEY", "VPSBG_BASE_URL", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")


def _point_at(monkeypatch: pytest.MonkeyPatch, url: str, api_key: str) -> None:
    monkeypatch.setenv("VPSBG_BASE_URL", url)
    monkeypatch.setenv("VPSBG_API_KEY", api_key)


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """The sandbox, which the command finds in the environment."""
    with running_sandbox() as running:
        _point_at(monkeypatch, running.url, running.api_key)
        yield running


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """A server that answers what a test says, which the command finds in the environment."""
    with ScriptedServer() as running:
        _point_at(monkeypatch, running.url, "key-of-the-test")
        yield running


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command inside the test."""

    def run(*argv: object) -> Ran:
        capsys.readouterr()
        code = main([str(word) for word in argv])
        return Ran(code, *capsys.readouterr())

    return run


@pytest.fixture
def process() -> Run:
    """Runs the command as a process."""

    def run(*argv: object) -> Ran:
        done = subprocess.run(
            [*COMMAND, *map(str, argv)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=environment(),
            timeout=30,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def _ctrl_c_works() -> Iterator[None]:
    """Also where the tests run in a shell's background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Sets what the command finds on standard input."""
    return lambda data: monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
